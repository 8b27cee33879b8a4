// When site and manifest part in the middle of a body: the rest of it from the network, as without us. Makes sure that
// the network's answer is the version whose beginning the page has seen; otherwise there is no rest. Never reorders.

import { type Bytes, concatenated, sameBytes } from "../tracker/protocol/bytes.ts";
import {
  type AssetStatement,
  chunkLengthAt,
  digestAt,
  knownChunksOf,
} from "../tracker/protocol/manifest.ts";
import type { Hasher } from "./core/ports.ts";
import type { ByteCount, Content } from "./core/vocabulary.ts";

/** How much of an asset a page has seen, and views of the end of it, where bytes are that nobody has verified. */
export class Seen {
  readonly first: ByteCount;
  end: ByteCount;
  readonly #content: Pick<Content, "asset">;
  #recent: { readonly at: ByteCount; readonly bytes: Bytes }[] = [];

  constructor(first: ByteCount, content: Pick<Content, "asset">) {
    this.first = first;
    this.end = first;
    this.#content = content;
  }

  add(bytes: Bytes): void {
    this.#recent.push({ at: this.end, bytes });
    this.end += bytes.length;
    // A chunk is verified while the next one arrives, if its digest is known.
    const { asset } = this.#content;
    const verified = Math.floor(this.end / asset.chunkBytes) - 1;
    const keep = Math.min(verified, knownChunksOf(asset) - 1) * asset.chunkBytes;
    this.#recent = this.#recent.filter(({ at, bytes: { length } }) => at + length > keep);
  }

  /** `undefined`: longer ago than is remembered. */
  between(from: ByteCount, to: ByteCount): Bytes | undefined {
    if (from < (this.#recent[0]?.at ?? Number.POSITIVE_INFINITY) || to > this.end) return undefined;
    return concatenated(
      this.#recent.map(({ at, bytes }) =>
        bytes.subarray(Math.max(0, from - at), Math.max(0, to - at)),
      ),
    );
  }
}

/** The body of a network answer, by place in the asset. */
export class Rest {
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  /** Where to stop, at the latest. */
  readonly #end: ByteCount;
  #at: ByteCount;
  #unread: Bytes | null = null;

  constructor(body: ReadableStream<Bytes>, at: ByteCount, end: ByteCount) {
    this.#reader = body.getReader();
    this.#at = at;
    this.#end = end;
  }

  /** `null` at the end. Rejects when the network fails. */
  async next(): Promise<Bytes | null> {
    const bytes = this.#unread ?? (await this.#reader.read()).value;
    this.#unread = null;
    if (bytes === undefined) return null;
    const wanted = bytes.subarray(0, Math.max(0, this.#end - this.#at));
    this.#at += wanted.length;
    if (wanted.length < bytes.length) this.cancel();
    return wanted.length === 0 && bytes.length > 0 ? null : wanted;
  }

  /** Everything up to this place; `null` when the answer ends before. */
  async upTo(place: ByteCount): Promise<Bytes | null> {
    const parts: Bytes[] = [];
    while (this.#at < place) {
      const bytes = await this.next();
      if (bytes === null) return null;
      const more = this.#at - place;
      parts.push(more > 0 ? bytes.subarray(0, bytes.length - more) : bytes);
      if (more > 0) this.putBack(bytes.subarray(bytes.length - more));
    }
    return concatenated(parts);
  }

  /** To be read again. */
  putBack(bytes: Bytes): void {
    this.#unread = this.#unread === null ? bytes : concatenated([bytes, this.#unread]);
    this.#at -= bytes.length;
  }

  cancel(): void {
    void this.#reader.cancel().catch(() => {});
  }
}

export interface Parted {
  readonly asset: AssetStatement;
  readonly seen: Seen;
  /** From this chunk on the page has seen bytes that were not verified. */
  readonly wrong: number;
  readonly hasher: Pick<Hasher, "sha256">;
}

/** Whether `rest`, which begins at or before what the page has seen, begins with it. Leaves it at the end of that. */
export async function continues(
  rest: Rest,
  { asset, seen, wrong, hasher }: Parted,
): Promise<boolean> {
  const { chunkBytes } = asset;
  let index = Math.floor(seen.first / chunkBytes);
  if ((await rest.upTo(index * chunkBytes)) === null) return false;
  for (; index * chunkBytes < seen.end; index++) {
    const from = index * chunkBytes;
    const to = from + chunkLengthAt(asset, index);
    if (index < wrong) {
      const chunk = await rest.upTo(to);
      if (chunk === null || !sameBytes(await hasher.sha256(chunk), digestAt(asset, index)))
        return false;
      if (to > seen.end) rest.putBack(chunk.subarray(seen.end - from));
      continue;
    }
    const begin = Math.max(from, seen.first);
    const end = Math.min(from + chunkBytes, seen.end);
    if ((await rest.upTo(begin)) === null) return false;
    const bytes = await rest.upTo(end);
    const before = seen.between(begin, end);
    if (bytes === null || before === undefined || !sameBytes(bytes, before)) return false;
  }
  return true;
}
