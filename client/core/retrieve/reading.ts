// One request's way through a content: hands out its bytes in order, as soon as they may be seen. That is when their
// chunk is verified; or, for bytes this browser read from the origin itself, at once.

import { type Bytes, sameBytes } from "../../../tracker/protocol/bytes.ts";
import type { ChunkCache } from "../cache/chunk-cache.ts";
import { ShoalError } from "../errors.ts";
import type { ChunkSource } from "../events.ts";
import type { Clock } from "../ports.ts";
import type { ByteCount, ByteRange, Content, Millis, Urgency } from "../vocabulary.ts";

export interface ReadingNeeds {
  readonly clock: Clock;
  readonly cache: ChunkCache;
  sourceOf(index: number): ChunkSource;
  /** What a read at the origin has of this chunk so far, from its beginning. */
  partial(index: number): Bytes | undefined;
  /** The page waits for bytes that are not there. */
  waiting(): void;
  /** The page got a chunk that this browser held before. */
  cached(index: number, bytes: ByteCount): void;
  closed(): void;
}

export class Reading {
  readonly content: Content;
  readonly urgency: Urgency;
  readonly length: ByteCount;
  readonly startedAt: Millis;
  /** Media and other readers that want the front much sooner than the end. */
  readonly sequential: boolean;
  /** Bytes handed out so far, by where they came from. */
  readonly bytes = { cache: 0, peers: 0, origin: 0 };
  readonly #needs: ReadingNeeds;
  readonly #last: number;
  #position: number;
  /** Chunks of which bytes were handed out before they were verified, and those bytes. */
  readonly #exposed = new Map<number, { readonly from: ByteCount; readonly parts: Bytes[] }>();
  #error: ShoalError | null = null;
  #closed = false;
  #wake: (() => void) | null = null;
  /** How often `notify` was called. */
  #news = 0;
  readonly #closers: (() => void)[] = [];
  /** Whether the page is waiting for bytes; when it was last given some. */
  #asking = false;
  #givenAt: Millis;

  constructor(content: Content, range: ByteRange, urgency: Urgency, needs: ReadingNeeds) {
    this.content = content;
    this.urgency = urgency;
    this.sequential = range.first > 0 || range.last < content.asset.size - 1;
    this.#needs = needs;
    this.#position = range.first;
    this.#last = range.last;
    this.length = range.last - range.first + 1;
    this.startedAt = needs.clock.now();
    this.#givenAt = this.startedAt;
  }

  /** The chunk the page waits for, or would next. */
  get chunk(): number {
    return Math.floor(this.#position / this.content.asset.chunkBytes);
  }
  get lastChunk(): number {
    return Math.floor(this.#last / this.content.asset.chunkBytes);
  }
  /** Whether the page has seen any of it. */
  get begun(): boolean {
    return this.bytes.cache + this.bytes.peers + this.bytes.origin > 0;
  }
  get done(): boolean {
    return this.#position > this.#last;
  }

  /** How long the page has not asked for more. */
  idleFor(now: Millis): Millis {
    return this.#asking ? 0 : now - this.#givenAt;
  }

  /**
   * The next bytes, a view of what the cache keeps: never to be changed or given away. `null` after the last. One call
   * at a time. Rejects when no source is left, or with `client/closed` after `close`.
   */
  async next(): Promise<Bytes | null> {
    this.#asking = true;
    try {
      return await this.#next();
    } finally {
      this.#asking = false;
      this.#givenAt = this.#needs.clock.now();
    }
  }

  async #next(): Promise<Bytes | null> {
    for (;;) {
      if (this.#error !== null) throw this.#error;
      if (this.#closed) throw new ShoalError("client/closed", {});
      if (this.done) {
        this.close();
        return null;
      }
      const heard = this.#news;
      const bytes = (await this.#verified()) ?? this.#arriving();
      if (bytes !== undefined) return bytes;
      // Something came, or went wrong, while the cache was looked at: nobody would say it again.
      if (this.#news !== heard) continue;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#needs.waiting();
      await woken;
    }
  }

  /** Something came, or something went wrong. */
  notify(): void {
    this.#news++;
    this.#wake?.();
    this.#wake = null;
  }

  /** This is the chunk. `false`: the page has seen other bytes of it. */
  settle(index: number, chunk: Bytes): boolean {
    const shown = this.#exposed.get(index);
    this.#exposed.delete(index);
    let at = shown?.from ?? 0;
    for (const part of shown?.parts ?? []) {
      if (!sameBytes(part, chunk.subarray(at, at + part.length))) return false;
      at += part.length;
    }
    return true;
  }
  /** Whether the page has seen bytes of this chunk that nobody has verified. */
  exposed(index: number): boolean {
    return this.#exposed.has(index);
  }
  /** The first chunk of which it has. */
  get exposedFrom(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#exposed.keys());
  }

  fail(error: ShoalError): void {
    this.#error ??= error;
    this.close();
  }

  /** The page wants no more of it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.notify();
    this.#needs.closed();
    for (const closer of this.#closers) closer();
  }

  whenClosed(task: () => void): void {
    this.#closers.push(task);
  }

  /**
   * What the page sees is one version from end to end: bytes that others vouch for do not follow bytes that are not
   * verified yet, and bytes that are not verified do not follow bytes from elsewhere than the origin.
   */
  async #verified(): Promise<Bytes | undefined> {
    const { cache, sourceOf } = this.#needs;
    const index = this.chunk;
    if (this.#exposed.size > 0 || !cache.holding(this.content.id)?.has(index)) return undefined;
    const source = sourceOf(index);
    const chunk = await cache.read(this.content.id, index);
    const bytes = chunk && this.#hand(chunk, source);
    if (bytes !== undefined && source === "cache") this.#needs.cached(index, bytes.length);
    return bytes;
  }

  #arriving(): Bytes | undefined {
    if (this.bytes.cache + this.bytes.peers > 0) return undefined;
    const index = this.chunk;
    const partial = this.#needs.partial(index);
    const from = this.#position - index * this.content.asset.chunkBytes;
    const bytes = partial && this.#hand(partial, "origin");
    if (bytes === undefined) return undefined;
    const shown = this.#exposed.get(index) ?? { from, parts: [] };
    shown.parts.push(bytes);
    this.#exposed.set(index, shown);
    return bytes;
  }

  #hand(chunk: Bytes, source: ChunkSource): Bytes | undefined {
    const base = this.chunk * this.content.asset.chunkBytes;
    const from = this.#position - base;
    const to = Math.min(chunk.length, this.#last + 1 - base);
    if (to <= from) return undefined;
    this.#position = base + to;
    this.bytes[source] += to - from;
    return chunk.subarray(from, to);
  }
}
