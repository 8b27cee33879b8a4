// Chunks as a row of cells, each in the colour of where it came from: one large file, or several small ones in a row.
// Draws only what events say; never asks the client anything.

import type { ClientEvents } from "../../client/index.ts";
import { element } from "../element.ts";
import type { Item } from "../facts.ts";

type Chunk = ClientEvents["chunk"];

/** What chunks measure unless a manifest says otherwise: only for drawing cells before the first event. */
const USUAL_CHUNK_BYTES = 256 * 1024;

export interface ChunkMap {
  readonly root: HTMLElement;
  came(chunk: Chunk): void;
}

export function chunkMap(title: string, items: readonly Item[]): ChunkMap {
  const count = element("span", { class: "map-count" });
  const cells = element("div", { class: "cells", "aria-hidden": "true" });
  const groups = new Map(items.map(({ url, size }) => [url, cellsFor(size)]));
  cells.append(...groups.values());
  const root = element(
    "div",
    { class: "map" },
    element("p", { class: "map-title" }, element("span", {}, title), count),
    cells,
  );

  function say() {
    const here = cells.querySelectorAll("[data-from]").length;
    count.textContent = `${here} of ${cells.querySelectorAll("i").length} chunks`;
  }
  say();

  return {
    root,
    came(chunk) {
      const group = groups.get(chunk.url);
      if (group === undefined) return;
      fit(group, chunk.count);
      const cell = group.children[chunk.index];
      if (cell instanceof HTMLElement) cell.dataset.from = chunk.source;
      say();
    },
  };
}

function cellsFor(size: number): HTMLElement {
  const group = element("span");
  fit(group, Math.ceil(size / USUAL_CHUNK_BYTES));
  return group;
}

function fit(group: HTMLElement, count: number): void {
  while (group.childElementCount < count) group.append(element("i"));
  while (group.childElementCount > count) group.lastElementChild?.remove();
}
