// One visitor at a glance: its state, where its bytes came from, and the map of the download's chunks. Reads `stats()` and
// listens to events; changes nothing.

import type { Client, ClientStats } from "../../client/index.ts";
import { element } from "../element.ts";
import type { Item } from "../facts.ts";
import { REPORT_MS } from "../report.ts";
import { bytesInWords, percent, plural } from "../words.ts";
import { chunkMap } from "./chunk-map.ts";

const STATES: Readonly<Record<ClientStats["state"], string>> = {
  "origin-only": "Origin only",
  joining: "Joining",
  "in-swarm": "In the swarm",
  closed: "Left",
};

const SOURCES = [
  ["peers", "From neighbours"],
  ["origin", "From the origin"],
  ["uploaded", "Given to others"],
] as const;

export function clientPanel(client: Client, items: readonly Item[]): HTMLElement {
  const state = element("span", { class: "pill" });
  const links = element("span", { class: "quiet" });
  const offload = element("strong", { class: "offload" });
  const bar = element("div", { class: "bar", "aria-hidden": "true" });
  const shares = (["peers", "origin", "cache"] as const).map((from) => {
    const share = element("i", { "data-from": from });
    bar.append(share);
    return [from, share] as const;
  });
  const numbers = element("dl", { class: "numbers" });
  const values = SOURCES.map(([from, label]) => {
    const value = element("dd");
    numbers.append(element("div", { "data-from": from }, element("dt", {}, label), value));
    return [from, value] as const;
  });
  const map = chunkMap(
    "The download",
    items.filter(({ kind }) => kind === "download"),
  );
  client.on("chunk", (chunk) => map.came(chunk));

  function refresh() {
    const stats = client.stats();
    state.textContent = STATES[stats.state];
    state.dataset.state = stats.state;
    links.textContent =
      stats.tracker === "connected" || stats.links.length > 0
        ? plural(stats.links.length, "neighbour", "neighbours")
        : `tracker ${stats.tracker}`;
    offload.textContent = percent(stats.offload);
    const total = stats.bytes.peers + stats.bytes.origin + stats.bytes.cache;
    for (const [from, share] of shares) {
      share.style.flexGrow = String(total === 0 ? 0 : stats.bytes[from] / total);
    }
    for (const [from, value] of values) value.textContent = bytesInWords(stats.bytes[from]);
  }
  refresh();
  setInterval(refresh, REPORT_MS);

  return element(
    "div",
    { class: "client" },
    element("p", { class: "client-state" }, state, links),
    element("p", { class: "client-share" }, offload, " came from neighbours"),
    bar,
    numbers,
    map.root,
  );
}
