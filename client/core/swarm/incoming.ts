// A chunk on its way from one peer: keeps its data frames, which come in any order, until they are all there. Never
// trusts a length: the manifest says how long the chunk is, and each part has one right size.

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import type { Violation } from "../events.ts";
import type { ByteCount, ContentId, Millis } from "../vocabulary.ts";
import { DATA_BYTES } from "../wire/messages.ts";

export class Incoming {
  readonly content: ContentId;
  readonly index: number;
  readonly askedAt: Millis;
  readonly length: ByteCount;
  #received = 0;
  /** By their place. To be joined only when whole: each byte is copied once, and what never comes costs no memory. */
  readonly #parts: Bytes[] = [];

  constructor(content: ContentId, index: number, length: ByteCount, askedAt: Millis) {
    this.content = content;
    this.index = index;
    this.length = length;
    this.askedAt = askedAt;
  }

  get received(): ByteCount {
    return this.#received;
  }

  /** All parts in order once the last one is in, `more` before, or what was wrong with the part. Keeps `bytes`. */
  add(part: number, bytes: Bytes): readonly Bytes[] | "more" | Violation {
    const from = part * DATA_BYTES;
    if (from >= this.length || bytes.length !== Math.min(DATA_BYTES, this.length - from)) {
      return "out-of-range";
    }
    if (this.#parts[part] !== undefined) return "unasked";
    this.#parts[part] = bytes;
    this.#received += bytes.length;
    return this.#received === this.length ? this.#parts : "more";
  }
}
