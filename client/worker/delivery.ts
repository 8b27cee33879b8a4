// The bytes of one answer, in order, from sources that may fall away under it: the cache, then the page, then the network, each
// from the byte where the one before it stopped. Never hands out a byte that does not belong behind those already handed out:
// cached chunks and what the network continues with are verified; where that cannot be, the body fails. What is handed over in one
// piece outlives the worker; a stream dies with it.

import { type Bytes, sameBytes } from "../../tracker/protocol/bytes.ts";
import { chunkLengthAt, digestAt } from "../../tracker/protocol/manifest.ts";
import { storedChunk } from "../core/cache/stored-chunk.ts";
import type { Hasher, Store } from "../core/ports.ts";
import type { ByteCount, ByteRange, Content } from "../core/vocabulary.ts";
import { headOf } from "../head.ts";
import { Rest, Seen } from "../resume.ts";

/**
 * Pictures, scripts, styles and data up to this size are gathered before they are answered: until then nothing is promised, so a
 * source that falls away costs a request at the worst, and the browser starts a worker that was stopped again. Afterwards they are
 * the browser's. What is longer has to flow.
 */
export const MOST_AT_ONCE: ByteCount = 4 * 1024 * 1024;

/** Gives bytes from a place on. Rejects when it has none, and is then not asked again. */
export interface Source {
  /** `null`: the body ends here. */
  next(at: ByteCount): Promise<Bytes | null>;
  close(): void;
}

export interface DeliverySettings {
  readonly content: Pick<Content, "id" | "asset">;
  readonly range: ByteRange | "whole";
  /** Whoever reads it uses each byte as it comes, and begins anew where it breaks off: media. */
  readonly isPlayed: boolean;
  /** What there is to begin with. */
  readonly source: Source;
  /** Where the rest comes from when that falls away in the middle, in the order in which they are tried. */
  readonly others: readonly ((seen: Seen) => Promise<Source>)[];
  readonly cacheStatus: string;
}

export class Delivery {
  readonly #settings: DeliverySettings;
  readonly #others: ((seen: Seen) => Promise<Source>)[];
  readonly #seen: Seen;
  readonly #end: ByteCount;
  #source: Source | null;
  #isOver = false;

  constructor(settings: DeliverySettings) {
    const { content, range } = settings;
    this.#settings = settings;
    this.#source = settings.source;
    this.#others = [...settings.others];
    this.#seen = new Seen(range === "whole" ? 0 : range.first, content);
    this.#end = range === "whole" ? content.asset.size : range.last + 1;
  }

  /** Resolves with the first bytes, or with all of a short body. Rejects when they are not to be had: nothing is promised yet. */
  async response(): Promise<Response> {
    const { content, range, cacheStatus, isPlayed } = this.#settings;
    const head = headOf(content.asset, range);
    head.headers["Cache-Status"] = cacheStatus;
    const isShort = this.#end - this.#seen.first <= MOST_AT_ONCE;
    if (isShort && !isPlayed) return new Response(await this.#all(), head);
    const first = await this.#next();
    if (this.#isOver) return new Response(first, head);
    const body = new ReadableStream<Bytes>(
      {
        start: (controller) => controller.enqueue(first ?? new Uint8Array(0)),
        pull: async (controller) => {
          const bytes = await this.#next();
          if (bytes !== null) controller.enqueue(bytes);
          if (this.#isOver) controller.close();
        },
        cancel: () => this.#close(),
      },
      // Nothing is asked of anybody before it is wanted.
      { highWaterMark: 0 },
    );
    return new Response(body, head);
  }

  async #all(): Promise<Blob> {
    const parts: Bytes[] = [];
    while (!this.#isOver) parts.push((await this.#next()) ?? new Uint8Array(0));
    return new Blob(parts);
  }

  async #next(): Promise<Bytes | null> {
    const bytes = await this.#bytes();
    if (bytes !== null) this.#seen.add(bytes);
    if (bytes === null || this.#seen.end >= this.#end) this.#close();
    return bytes;
  }

  /** `null`: nobody wants any more. */
  async #bytes(): Promise<Bytes | null> {
    for (;;) {
      try {
        this.#source ??= await this.#open();
        const bytes = await this.#source.next(this.#seen.end);
        if (bytes === null) throw new Error("The body ends before its time");
        return bytes;
      } catch (error) {
        this.#source?.close();
        this.#source = null;
        if (this.#isOver) return null;
        const isBegun = this.#seen.end > this.#seen.first;
        if (!isBegun || this.#others.length === 0) throw error;
      }
    }
  }

  async #open(): Promise<Source> {
    const open = this.#others.shift();
    if (open === undefined) throw new Error("No source is left");
    return open(this.#seen);
  }

  #close(): void {
    this.#isOver = true;
    this.#source?.close();
  }
}

export interface Shelf {
  readonly chunks: Pick<Store, "get">;
  readonly hasher: Pick<Hasher, "sha256">;
}

/** What this browser holds. */
export function fromCache(
  shelf: Shelf,
  { content, range }: Pick<DeliverySettings, "content" | "range">,
): Source {
  const { chunkBytes, size } = content.asset;
  const end = range === "whole" ? size : range.last + 1;
  return {
    async next(at) {
      const index = Math.floor(at / chunkBytes);
      const chunk = await storedChunk(shelf, content, index);
      if (chunk === undefined) throw new Error("Not in the cache");
      const base = index * chunkBytes;
      return chunk.subarray(at - base, Math.min(chunk.length, end - base));
    },
    close() {},
  };
}

/** What a page gets for us, from wherever it gets it. */
export function fromPage(
  port: { next(range: ByteRange | "whole"): Promise<Bytes | null>; close(): void },
  range: ByteRange | "whole",
): Source {
  const last = range === "whole" ? null : range.last;
  return {
    next: (at) => port.next(last === null && at === 0 ? "whole" : { first: at, last: last ?? at }),
    close: () => port.close(),
  };
}

/**
 * The origin, from the middle on: only by ranges, only whole chunks that are what the manifest says, and only if what was handed
 * out of the first of them is how it begins.
 */
export async function fromNetwork(
  seen: Seen,
  { content, range, hasher }: Pick<DeliverySettings, "content" | "range"> & Pick<Shelf, "hasher">,
): Promise<Source> {
  const { asset } = content;
  const { chunkBytes, size, url } = asset;
  const end = range === "whole" ? size : range.last + 1;
  const first = seen.end - (seen.end % chunkBytes);
  const last = Math.min(size, Math.ceil(end / chunkBytes) * chunkBytes) - 1;
  const abort = new AbortController();
  const response = await fetch(url, {
    headers: { Range: `bytes=${first}-${last}` },
    credentials: "same-origin",
    signal: abort.signal,
  });
  // Hidden across origins unless exposed; one range was asked, so it is that one.
  const told = /^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? `bytes ${first}-`);
  if (response.status !== 206 || response.body === null || Number(told?.[1]) !== first) {
    abort.abort();
    throw new Error("The origin gave another part than the one asked for");
  }
  const rest = new Rest(response.body, first, last + 1);
  return {
    async next(at) {
      const index = Math.floor(at / chunkBytes);
      const base = index * chunkBytes;
      const chunk = await rest.upTo(base + chunkLengthAt(asset, index));
      if (chunk === null || !sameBytes(await hasher.sha256(chunk), digestAt(asset, index))) {
        throw new Error("The origin has another version than the manifest");
      }
      const from = Math.max(base, seen.first);
      const before = seen.between(from, at);
      if (at > from && !(before && sameBytes(before, chunk.subarray(from - base, at - base)))) {
        throw new Error("The origin has another version than the one that was begun");
      }
      return chunk.subarray(at - base, Math.min(chunk.length, end - base));
    },
    close: () => abort.abort(),
  };
}
