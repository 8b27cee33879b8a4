// A chunk on its way from one peer: collects its data frames in any order into one buffer. Never trusts a length: the
// manifest says how long the chunk is, and each part has one right size.

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
  /** Made with the first part: a request that is never answered costs no memory. */
  #buffer: Bytes | null = null;
  readonly #parts = new Set<number>();

  constructor(content: ContentId, index: number, length: ByteCount, askedAt: Millis) {
    this.content = content;
    this.index = index;
    this.length = length;
    this.askedAt = askedAt;
  }

  get received(): ByteCount {
    return this.#received;
  }

  /** The whole chunk once the last part is in, `more` before, or what was wrong with the part. */
  add(part: number, bytes: Bytes): Bytes | "more" | Violation {
    const from = part * DATA_BYTES;
    if (from >= this.length || bytes.length !== Math.min(DATA_BYTES, this.length - from)) {
      return "out-of-range";
    }
    if (this.#parts.has(part)) return "unasked";
    this.#parts.add(part);
    this.#buffer ??= new Uint8Array(this.length);
    this.#buffer.set(bytes, from);
    this.#received += bytes.length;
    return this.#received === this.length ? this.#buffer : "more";
  }
}
