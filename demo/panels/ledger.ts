// What it comes to: the share that came from neighbours, how often the origin had to send its content, and what a bill would
// say. Of everybody in this page together.

import { element, existing } from "../element.ts";
import type { Swarm } from "../swarm.ts";
import { bytesInWords, moneyInWords, percent } from "../words.ts";

const MILLION = 1_000_000;

export interface Ledger {
  /** `sent`: bytes that left the origin since the page was opened. */
  write(swarm: Swarm, sent: number): void;
}

export function ledger(): Ledger {
  const room = existing("ledger", HTMLElement);
  const price = existing("price", HTMLInputElement);
  const lines = (
    [
      ["share", "from neighbours"],
      ["copies", "origin copies"],
      ["without", "without Shoal"],
      ["saved", "saved"],
    ] as const
  ).map(([name, label]) => {
    const value = element("dd", { id: `ledger-${name}` });
    room.append(element("div", {}, element("dt", {}, label), value));
    return [name, value] as const;
  });
  const values = Object.fromEntries(lines) as Record<(typeof lines)[number][0], HTMLElement>;
  const crowd = existing("crowd", HTMLElement);

  return {
    write(swarm, sent) {
      const { peers, origin, cache, distinct } = swarm.totals;
      const moved = peers + origin;
      values.share.textContent = percent(moved === 0 ? 0 : peers / moved);
      values.copies.textContent = (distinct === 0 ? 0 : sent / distinct).toFixed(2);
      values.without.textContent = (distinct === 0 ? 0 : (moved + cache) / distinct).toFixed(2);
      // A field that is being edited may be no number for a moment.
      const perByte = (Number.parseFloat(price.value) || 0) / 1e9;
      values.saved.textContent = moneyInWords(peers * perByte);
      const visitors = Math.max(1, swarm.members.length);
      crowd.textContent =
        `${bytesInWords(peers)} came from neighbours and ${bytesInWords(sent)} from the origin; a million ` +
        `visitors like these would save ${moneyInWords((peers / visitors) * MILLION * perByte)}.`;
    },
  };
}
