// The origin as its owner would like to see it: what it had to send, and two switches to make its life hard. Talks to
// the demo's server only.

import { existing } from "../element.ts";
import { bytesInWords, plural } from "../words.ts";

interface OriginState {
  readonly bytes: number;
  readonly requests: number;
  readonly isOn: boolean;
  readonly isSlow: boolean;
  readonly bytesPerSecond: number;
}

const POLL_MS = 500;

export function originPanel(controls: string): void {
  const sent = existing("origin-sent", HTMLElement);
  const detail = existing("origin-detail", HTMLElement);
  const power = existing("origin-on", HTMLInputElement);
  const slow = existing("origin-slow", HTMLInputElement);
  /** Answers to older questions must not undo a newer click. */
  let asked = 0;

  async function ask(change?: Readonly<Record<string, boolean>>) {
    const mine = ++asked;
    const init =
      change === undefined
        ? {}
        : {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(change),
          };
    try {
      const response = await fetch(controls, init);
      // Our own server's answer, in the shape it has.
      const state = (await response.json()) as OriginState;
      if (mine === asked) show(state);
    } catch {
      if (mine === asked) detail.textContent = "The demo's server has stopped.";
    }
  }

  function show(state: OriginState) {
    sent.textContent = bytesInWords(state.bytes);
    power.checked = state.isOn;
    slow.checked = state.isSlow;
    detail.textContent = state.isOn
      ? `in ${plural(state.requests, "request", "requests")}, at up to ${bytesInWords(state.bytesPerSecond)} a second`
      : "switched off: whatever is asked of it fails";
  }

  power.addEventListener("change", () => void ask({ isOn: power.checked }));
  slow.addEventListener("change", () => void ask({ isSlow: slow.checked }));
  setInterval(() => {
    if (document.visibilityState === "visible") void ask();
  }, POLL_MS);
  void ask();
}
