// Your links and your cache as text: who, how near, how long the way, what went each way, and what is kept. The picture's
// facts for those who do not see it.

import type { LinkStats } from "../../client/index.ts";
import { element, existing } from "../element.ts";
import type { Swarm } from "../swarm.ts";
import { bytesInWords, plural } from "../words.ts";

const NEARNESS: Readonly<Record<LinkStats["proximity"], string>> = {
  network: "same network",
  asn: "same provider",
  country: "same country",
  continent: "same continent",
  world: "far away",
};

export function neighbours(): (swarm: Swarm) => void {
  const table = existing("links", HTMLTableElement);
  const none = existing("links-none", HTMLElement);
  const cache = existing("cache", HTMLElement);
  const body = table.tBodies[0] ?? table.createTBody();
  const rows = new Map<string, readonly HTMLElement[]>();

  function rowOf(peer: string): readonly HTMLElement[] {
    const known = rows.get(peer);
    if (known !== undefined) return known;
    const cells = [
      element("th", { scope: "row" }),
      ...Array.from({ length: 4 }, () => element("td")),
    ];
    body.append(element("tr", {}, ...cells));
    rows.set(peer, cells);
    return cells;
  }

  return (swarm) => {
    const you = swarm.members.find(({ id }) => id === 0);
    if (you === undefined) return;
    const { links, cache: kept } = you.stats;
    for (const { peer, proximity, rttMs, bytesDown, bytesUp } of links) {
      const cells = rowOf(peer);
      const texts = [
        swarm.named(peer)?.name ?? "A stranger",
        NEARNESS[proximity],
        rttMs === null ? "–" : `${Math.round(rttMs)} ms`,
        bytesInWords(bytesDown),
        bytesInWords(bytesUp),
      ];
      texts.forEach((text, at) => {
        const cell = cells[at];
        if (cell !== undefined && cell.textContent !== text) cell.textContent = text;
      });
    }
    for (const [peer, cells] of rows) {
      if (links.some((link) => link.peer === peer)) continue;
      cells[0]?.parentElement?.remove();
      rows.delete(peer);
    }
    table.hidden = links.length === 0;
    none.hidden = links.length > 0;
    const lasting = kept.persistent
      ? "It is there at the next visit."
      : "It is gone when the page is closed.";
    cache.textContent = `${bytesInWords(kept.bytes)} of at most ${bytesInWords(kept.budget)}, ${plural(kept.assets, "file", "files")}. ${lasting}`;
  };
}
