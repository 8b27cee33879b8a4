// The truth: every body that was ever published, held once however many visitors hold a copy. Who carries or keeps
// bytes that are right keeps a view of these, so that ten thousand visitors fit into memory. Nobody writes to them.

import { DATA_BYTES } from "../../client/core/wire/messages.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import { CHUNK_BYTES } from "../../tracker/protocol/manifest.ts";
import { looksEqual } from "./sample.ts";

/** In front of the content of a data frame: type, request, part. */
export const DATA_HEAD = 7;
/** So many first bytes of a part tell it from all others: bodies are made of dice. */
const NAME_BYTES = 6;

/** One data frame's worth of a chunk, with room for the head in front of it. */
export interface Part {
  /** As stores name it: content id, dot, index. */
  readonly chunk: string;
  /** Its place in the chunk. */
  readonly order: number;
  readonly frame: Bytes;
}

export class Bodies {
  /** By what stores name them. */
  readonly #chunks = new Map<string, Bytes>();
  readonly #parts = new Map<number, Part>();
  /** The same by the memory of their frames. */
  readonly #lent = new Map<ArrayBuffer, Part>();

  add(content: string, body: Bytes): void {
    for (let from = 0; from < body.length; from += CHUNK_BYTES) {
      const chunk = body.subarray(from, from + CHUNK_BYTES);
      this.#chunks.set(`${content}.${from / CHUNK_BYTES}`, chunk);
    }
    for (let from = 0; from < body.length; ) {
      const index = Math.floor(from / CHUNK_BYTES);
      const chunk = `${content}.${index}`;
      const to = Math.min(body.length, (index + 1) * CHUNK_BYTES, from + DATA_BYTES);
      const frame = new Uint8Array(DATA_HEAD + to - from);
      frame.set(body.subarray(from, to), DATA_HEAD);
      const order = Math.floor((from % CHUNK_BYTES) / DATA_BYTES);
      const part = { chunk, order, frame };
      this.#parts.set(nameOf(frame), part);
      this.#lent.set(frame.buffer, part);
      from = to;
    }
  }

  /** A view of one chunk, by its name; `undefined` when there is no such content. */
  chunk(name: string): Bytes | undefined {
    return this.#chunks.get(name);
  }

  /** A view of the chunk whose parts these are, if they are views of ours. */
  whole(parts: readonly Bytes[]): Bytes | undefined {
    const chunk = parts[0] && this.#lent.get(parts[0].buffer)?.chunk;
    const isLent = parts.every(({ buffer }, order) => {
      const part = this.#lent.get(buffer);
      return part?.chunk === chunk && part?.order === order;
    });
    return chunk !== undefined && isLent ? this.chunk(chunk) : undefined;
  }

  /** What a data frame carries; `undefined` when it is nothing that was published. */
  partOf(frame: Bytes): Part | undefined {
    const part = this.#parts.get(nameOf(frame));
    if (part === undefined) return undefined;
    return looksEqual(part.frame.subarray(DATA_HEAD), frame.subarray(DATA_HEAD)) ? part : undefined;
  }
}

function nameOf(frame: Bytes): number {
  let name = 0;
  for (let at = DATA_HEAD; at < DATA_HEAD + NAME_BYTES; at++) name = name * 256 + (frame[at] ?? 0);
  return name;
}
