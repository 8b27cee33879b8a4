// One asset's chunks as a row of cells, each in the colour of where it came from. Draws only what events say; never asks
// the client anything.

import type { ClientEvents } from "../../client/index.ts";
import { element } from "../element.ts";

/** What chunks measure unless a manifest says otherwise: only for drawing cells before the first event. */
const USUAL_CHUNK_BYTES = 256 * 1024;

type Chunk = ClientEvents["chunk"];

export interface ChunkMap {
  readonly root: HTMLElement;
  came(chunk: Chunk): void;
}

export function chunkMap(title: string, size: number): ChunkMap {
  const cells = element("div", { class: "cells", "aria-hidden": "true" });
  const summary = element("span", { class: "map-count" });
  const root = element(
    "div",
    { class: "map" },
    element("p", { class: "map-title" }, element("span", {}, title), summary),
    cells,
  );
  const sources = new Map<number, Chunk["source"]>();

  function grow(count: number) {
    while (cells.childElementCount < count) cells.append(element("i"));
    while (cells.childElementCount > count) cells.lastElementChild?.remove();
    say(count);
  }

  function say(count: number) {
    summary.textContent = `${sources.size} of ${count}`;
  }

  grow(Math.ceil(size / USUAL_CHUNK_BYTES));
  return {
    root,
    came({ index, count, source }) {
      if (cells.childElementCount !== count) grow(count);
      sources.set(index, source);
      const cell = cells.children[index];
      if (cell instanceof HTMLElement) cell.dataset.from = source;
      say(count);
    },
  };
}
