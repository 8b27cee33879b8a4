// The SHA-256 of every chunk of a body of unknown length, as it streams by, in constant memory but for the digests.

import { createHash, type Hash } from "node:crypto";
import type { Bytes } from "../protocol/bytes.ts";
import { CHUNK_BYTES, DIGEST_BYTES, MAX_CHUNKS } from "../protocol/manifest.ts";

export interface ContentDigests {
  readonly size: number;
  readonly chunkBytes: number;
  /** In order, 32 bytes each. */
  readonly digests: Bytes;
}

/** What chunks of the default size can describe; nobody reads that much without knowing its size before. */
export const MOST_STREAMED_BYTES = CHUNK_BYTES * MAX_CHUNKS;

export class ChunkDigests {
  readonly #done: Buffer[] = [];
  #hash: Hash = createHash("sha256");
  #size = 0;

  get size(): number {
    return this.#size;
  }
  /** Whole chunks so far. */
  get count(): number {
    return this.#done.length;
  }

  /** The bytes are not kept. At most `MOST_STREAMED_BYTES` in all. */
  add(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      const room = CHUNK_BYTES - (this.#size % CHUNK_BYTES);
      const part = bytes.subarray(from, from + room);
      this.#hash.update(part);
      this.#size += part.length;
      from += part.length;
      if (part.length === room) this.#close();
    }
  }

  /** Once, after the last byte. */
  end(): ContentDigests {
    if (this.#size % CHUNK_BYTES > 0) this.#close();
    return { size: this.#size, chunkBytes: CHUNK_BYTES, digests: this.soFar() };
  }

  /** Of whole chunks, in order. */
  soFar(): Bytes {
    const digests = new Uint8Array(this.count * DIGEST_BYTES);
    for (const [index, digest] of this.#done.entries()) digests.set(digest, index * DIGEST_BYTES);
    return digests;
  }

  #close(): void {
    this.#done.push(this.#hash.digest());
    this.#hash = createHash("sha256");
  }
}
