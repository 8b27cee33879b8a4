// Chunks on their way: of which source each was asked, and since when. Kept by one retrieval.

import type { PeerId } from "../../../tracker/protocol/ids.ts";
import type { Flight } from "./view.ts";

export class Flights {
  readonly #byChunk = new Map<number, readonly Flight[]>();

  get size(): number {
    return this.#byChunk.size;
  }
  of(index: number): readonly Flight[] {
    return this.#byChunk.get(index) ?? [];
  }

  begin(index: number, flight: Flight): void {
    this.#byChunk.set(index, [...this.of(index), flight]);
  }
  beginAll(first: number, last: number, flight: Flight): void {
    for (let index = first; index <= last; index++) this.begin(index, flight);
  }

  /** It does not come from there any more, or has. */
  end(index: number, from: PeerId | "origin"): void {
    const left = this.of(index).filter((flight) => flight.from !== from);
    if (left.length === 0) this.#byChunk.delete(index);
    else this.#byChunk.set(index, left);
  }
  endAll(index: number): void {
    this.#byChunk.delete(index);
  }

  /** Nothing comes from this peer any more; says what would have. */
  lose(peer: PeerId): readonly number[] {
    const indices = [...this.#byChunk.keys()].filter((index) =>
      this.of(index).some(({ from }) => from === peer),
    );
    for (const index of indices) this.end(index, peer);
    return indices;
  }

  /** Nothing comes at all; says what would have come from peers. */
  clear(): readonly (readonly [index: number, peer: PeerId])[] {
    const lost: (readonly [number, PeerId])[] = [];
    for (const [index, flights] of this.#byChunk) {
      for (const { from } of flights) if (from !== "origin") lost.push([index, from]);
    }
    this.#byChunk.clear();
    return lost;
  }
}
