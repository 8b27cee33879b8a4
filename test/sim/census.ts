// Who holds what, where: counted as disks are written, so that the way of each byte can be judged. A byte from a peer is
// near when, at the moment it left, no visitor present in a nearer country than the sender's held its chunk; the
// receiver's own country is the nearest, then by the length of the way.

import type { ByteCount } from "../../client/core/vocabulary.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { Bodies } from "./bodies.ts";
import { PLACES, type Place, wayBetween } from "./places.ts";
import { looksEqual } from "./sample.ts";
import type { StoreWatcher } from "./store.ts";

/** The store's name of a chunk: content id, dot, index. */
type ChunkKey = string;

export class Census {
  readonly #bodies: Bodies;
  readonly #wrong: () => void;
  readonly #holders = new Map<ChunkKey, number[]>();
  /** Bytes that peers sent each other. */
  readonly sent: { near: ByteCount; all: ByteCount } = { near: 0, all: 0 };

  /** `wrong` is told of bytes on a disk that were never published (I1). */
  constructor(bodies: Bodies, wrong: () => void) {
    this.#bodies = bodies;
    this.#wrong = wrong;
  }

  watcher(place: Place): StoreWatcher {
    return {
      same: (key, bytes) => this.#same(key, bytes),
      stored: (key) => this.count(place, key, 1),
      deleted: (key) => this.count(place, key, -1),
    };
  }

  /** Somebody with this on disk came (1) or left (-1). */
  count(place: Place, key: ChunkKey, by: 1 | -1): void {
    const counts = this.#holders.get(key) ?? PLACES.map(() => 0);
    counts[place.order] = (counts[place.order] ?? 0) + by;
    this.#holders.set(key, counts);
  }

  sends(from: Place, to: Place, { key, bytes }: { key: ChunkKey; bytes: ByteCount }): void {
    this.sent.all += bytes;
    const counts = this.#holders.get(key) ?? [];
    const way = wayBetween(from, to);
    const isNear = PLACES.every(
      (place) => (counts[place.order] ?? 0) <= 0 || wayBetween(place, to) >= way,
    );
    if (isNear) this.sent.near += bytes;
  }

  get nearness(): number {
    return this.sent.near / Math.max(1, this.sent.all);
  }

  #same(key: ChunkKey, bytes: Bytes): Bytes | undefined {
    const truth = this.#bodies.chunk(key);
    if (truth !== undefined && looksEqual(truth, bytes)) return truth;
    this.#wrong();
    return undefined;
  }
}
