// What the page wants of one content: the requests that read it now, and what they have in common.

import { knownChunksOf } from "../../../tracker/protocol/manifest.ts";
import { LARGE_BYTES } from "../catalogue/content.ts";
import type { ByteCount, Content, Millis, Urgency } from "../vocabulary.ts";
import type { Reading } from "./reading.ts";
import type { WantKind } from "./view.ts";

/** Read ahead of a page that reads: enough to use many peers at once, little enough to hold in any cache. */
const WINDOW_BYTES: ByteCount = 64 * 1024 * 1024;
/** Read ahead of a page that has stopped reading. */
const PAUSED_WINDOW_BYTES: ByteCount = 4 * 1024 * 1024;
/** A page that has not asked for more within this time has stopped reading. */
const PAUSE: Millis = 1000;
/**
 * Read ahead of what the manifest says, while its signer is still reading: it stays in memory until then. A crowd that reads
 * far ahead only takes the origin from the signer, and has everything to swap at once in the end.
 */
const UNVERIFIED_BYTES: ByteCount = 32 * 1024 * 1024;
const CROWD_UNVERIFIED_BYTES: ByteCount = 6 * 1024 * 1024;
/** Up to this a request is one small asset: fastest source, hedged. */
const ASSET_BYTES: ByteCount = 512 * 1024;
/** When what is wanted "soon" is missed. */
const SOON: Millis = 4000;

export class Demand {
  readonly readings = new Set<Reading>();
  readonly #content: Content;

  constructor(content: Content) {
    this.#content = content;
  }

  get kind(): WantKind {
    let kind: WantKind = "asset";
    for (const { length, sequential } of this.readings) {
      if (length <= ASSET_BYTES) continue;
      if (!sequential && this.#content.asset.size >= LARGE_BYTES) return "bulk";
      kind = "stream";
    }
    return kind;
  }

  /** When the first of them is missed. */
  get dueAt(): Millis | "never" {
    let due = Number.POSITIVE_INFINITY;
    for (const { urgency, startedAt } of this.readings) {
      due = Math.min(due, startedAt + patience(urgency));
    }
    return due === Number.POSITIVE_INFINITY ? "never" : due;
  }

  /** The first chunk that is waited for. */
  get position(): number {
    let position = this.#content.chunkCount;
    for (const reading of this.readings) position = Math.min(position, reading.chunk);
    return position;
  }

  /** Whether nobody waits for a chunk that is not there. */
  isServed(isThere: (index: number) => boolean): boolean {
    return [...this.readings].every(({ chunk }) => isThere(chunk));
  }

  /** Chunks from here on are not wanted yet. Never more than half the cache: what is read ahead must stay there. */
  until(now: Millis, cacheBudget: ByteCount, crowded: boolean): number {
    const { chunkBytes } = this.#content.asset;
    const window = Math.min(WINDOW_BYTES, Math.max(PAUSED_WINDOW_BYTES, cacheBudget / 2));
    let until = 0;
    for (const reading of this.readings) {
      const bytes = reading.idleFor(now) > PAUSE ? PAUSED_WINDOW_BYTES : window;
      const ahead = reading.chunk + Math.max(1, Math.floor(bytes / chunkBytes));
      until = Math.max(until, Math.min(ahead, reading.lastChunk + 1));
    }
    const ahead = crowded ? CROWD_UNVERIFIED_BYTES : UNVERIFIED_BYTES;
    const unverified = Math.floor(ahead / chunkBytes);
    return Math.min(until, knownChunksOf(this.#content.asset) + unverified);
  }

  /** Whether the page has seen any of it. */
  get begun(): boolean {
    return [...this.readings].some(({ begun }) => begun);
  }
}

function patience(urgency: Urgency): Millis {
  if (typeof urgency === "number") return urgency;
  return { now: 0, soon: SOON, idle: Number.POSITIVE_INFINITY }[urgency];
}
