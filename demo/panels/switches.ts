// The switches that make life hard: origin off, origin slow, tracker off. Shows what the demo's server says, not what was
// clicked. Talks to that server only.

import { existing } from "../element.ts";
import { bytesInWords, plural } from "../words.ts";

export interface ServerState {
  readonly bytes: number;
  readonly requests: number;
  readonly isOn: boolean;
  readonly isSlow: boolean;
  readonly bytesPerSecond: number;
  readonly isTrackerOn: boolean;
}

const POLL_MS = 500;

/** `told` whenever the server has said something. */
export function switches(address: string, told: (state: ServerState) => void): void {
  const boxes = (
    [
      ["isOn", "origin-on"],
      ["isSlow", "origin-slow"],
      ["isTrackerOn", "tracker-on"],
    ] as const
  ).map(([name, id]) => [name, existing(id, HTMLInputElement)] as const);
  const detail = existing("origin-detail", HTMLElement);
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
      const response = await fetch(`${address}/demo-api/origin`, init);
      // Our own server's answer, in the shape it has.
      const state = (await response.json()) as ServerState;
      if (mine !== asked) return;
      for (const [name, box] of boxes) box.checked = state[name];
      detail.textContent = state.isOn
        ? `The origin has sent ${bytesInWords(state.bytes)} in ${plural(state.requests, "answer", "answers")}, at most ${bytesInWords(state.bytesPerSecond)} a second.`
        : "The origin is off: whatever is asked of it fails.";
      told(state);
    } catch {
      if (mine === asked) detail.textContent = "The demo's server has stopped.";
    }
  }

  for (const [name, box] of boxes) {
    box.addEventListener("change", () => void ask({ [name]: box.checked }));
  }
  setInterval(() => {
    if (document.visibilityState === "visible") void ask();
  }, POLL_MS);
  void ask();
}
