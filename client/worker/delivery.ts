// The bytes of one answer, in order, from sources that may fall away under it: the cache, then the page, then the network, each
// from the byte where the one before it stopped. Never hands out a byte that does not belong behind those already handed out:
// cached chunks and what the network continues with are verified; where that cannot be, the body fails.

import { type Bytes, sameBytes } from "../../tracker/protocol/bytes.ts";
import { chunkLengthAt } from "../../tracker/protocol/manifest.ts";
import { digestAt, storedChunk } from "../core/cache/stored-chunk.ts";
import type { Hasher, Store } from "../core/ports.ts";
import type { ByteCount, ByteRange, Content } from "../core/vocabulary.ts";
import { headOf } from "../head.ts";
import { Rest, Seen } from "../resume.ts";
import type { PagePort } from "./page-port.ts";

/** Gives bytes from a place on. Rejects when it has none, and is then not asked again. */
export interface Source {
  /** `null`: the body ends here. */
  next(at: ByteCount): Promise<Bytes | null>;
  close(): void;
}

export interface DeliverySettings {
  readonly content: Pick<Content, "id" | "asset">;
  readonly range: ByteRange | "whole";
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
    this.#seen = new Seen(range === "whole" ? 0 : range.first, content.asset.chunkBytes);
    this.#end = range === "whole" ? content.asset.size : range.last + 1;
  }

  /** Resolves with the first bytes. Rejects when there are none to begin with: then nothing is promised yet. */
  async response(): Promise<Response> {
    const { content, range, cacheStatus } = this.#settings;
    const first = await this.#next();
    const head = headOf(content.asset, range);
    head.headers["Cache-Status"] = cacheStatus;
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

  async #next(): Promise<Bytes | null> {
    const bytes = await this.#bytes();
    if (bytes !== null) this.#seen.add(bytes);
    if (bytes === null || this.#seen.end >= this.#end) this.#close();
    return bytes;
  }

  async #bytes(): Promise<Bytes | null> {
    for (;;) {
      try {
        this.#source ??= await this.#open();
        return await this.#source.next(this.#seen.end);
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
export function fromPage(port: PagePort, range: ByteRange | "whole"): Source {
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
