// Shoal's own answer to "why is there no P2P?", for the person in front of the page.

import type { Client, Evidence } from "../../client/index.ts";
import { element, existing } from "../element.ts";

export function diagnosis(client: Client): void {
  const button = existing("diagnose", HTMLButtonElement);
  const verdict = existing("verdict", HTMLElement);
  const room = existing("evidence", HTMLElement);

  async function ask() {
    button.disabled = true;
    verdict.textContent = "Looking around …";
    const { message, evidence } = await client.diagnose();
    verdict.textContent = message;
    room.replaceChildren(
      ...linesOf(evidence).map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, value)),
      ),
    );
    button.disabled = false;
  }
  button.addEventListener("click", () => void ask());
}

function linesOf(evidence: Evidence): readonly (readonly [name: string, value: string])[] {
  const { ice, swarms, introductions, tracker, requests } = evidence;
  const yes = (is: boolean) => (is ? "yes" : "no");
  const violations = Object.entries(evidence.violations).map(([kind, count]) => `${count} ${kind}`);
  return [
    ["Secure context", yes(evidence.secureContext)],
    ["WebRTC", yes(evidence.webrtc)],
    ["Consent", evidence.consent],
    ["Gives to others", yes(evidence.upload)],
    ["Storage", evidence.storage],
    ["Tracker", tracker.state],
    ["Addresses found", ice === null ? "not asked" : ice.candidates.join(", ") || "none"],
    ["STUN and TURN", ice?.servers.join(", ") || "none: not needed on one machine"],
    ["Swarms", `${swarms.joined}, the fullest with ${swarms.others} others`],
    ["Introductions", `${introductions.linked} linked, ${introductions.failed} failed`],
    ["Requests", `${requests.answered} answered, ${requests.passed} left to the network`],
    ["Caught", violations.join(", ") || "nobody"],
    ["Service worker", evidence.worker],
  ];
}
