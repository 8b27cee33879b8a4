// The verified chunks this visitor holds: in memory while they are hot or on their way to the store, then in the
// store, within a budget. What is held is derived from the store's own keys at start, so a crash between two writes
// loses nothing but the last moment. Never takes in a chunk that was not verified; verifies again what it reads back.
//
//   chunk store   as `stored-chunk` has it        index store   as `description` has it

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import { chunkLengthAt, comparedTo, knownChunksOf } from "../../../tracker/protocol/manifest.ts";
import type { Clock, Hasher, Store } from "../ports.ts";
import type { ByteCount, Cancel, Content, ContentId, Millis } from "../vocabulary.ts";
import { Bitfield } from "./bitfield.ts";
import {
  type ContentOf,
  descriptionKey,
  readDescription,
  writeDescription,
} from "./description.ts";
import { byContent, inventory } from "./inventory.ts";
import { type ChunkKey, chunkKey, storedChunk } from "./stored-chunk.ts";

/** About 16 records of 256 KiB in one transaction are IndexedDB's sweet spot; more make one quota error costlier. */
const BATCH_BYTES: ByteCount = 4 * 1024 * 1024;
const BATCH_CHUNKS = 32;
/** Transactions under way at once: the second keeps the store busy while the first one's answer comes back. */
const WRITES = 3;
/** How long a chunk may wait for company before it is written. */
const BATCH_DELAY: Millis = 60;
/**
 * Hot chunks kept in memory, so that a crowd is served what was just received without a trip to the store. A
 * neighbour asks within a second or two of our `have`; 32 MiB is that at 16 MiB/s.
 */
const HOT_BYTES: ByteCount = 32 * 1024 * 1024;
/** Chunks may wait in memory for the store up to this. */
const MOST_UNWRITTEN: ByteCount = 64 * 1024 * 1024;
/** Eviction frees a little more than needed, so that it does not run with every write. */
const EVICT_TO = 0.95;
/** On a full disk, so much of what is held goes before the one retry. */
const EVICT_WHEN_FULL = 0.1;

interface Held {
  /** Replaced by one that is newer, or says more of the same. */
  content: Content;
  readonly chunks: Bitfield;
}
interface Entry {
  readonly held: Held;
  readonly index: number;
  readonly length: ByteCount;
}

export interface ChunkCacheNeeds {
  readonly clock: Clock;
  readonly hasher: Hasher;
  readonly chunks: Store;
  readonly index: Store;
  /** Written chunks that may stay in memory as well; 32 MiB unless said otherwise. */
  readonly hotBytes?: ByteCount | undefined;
  /** Chunks that are held no more, for whatever reason. */
  gone(content: ContentId, indices: readonly number[]): void;
  /** The store took nothing even after eviction; chunks live in memory only for now. */
  full(): void;
  /** The store has changed under this visitor's other tabs. */
  tell?(news: "stored" | "gone", content: ContentId, indices: readonly number[]): void;
  /** Another tab has stored chunks that were not held. */
  learned?(content: ContentId, indices: readonly number[]): void;
  /** Does the work now, unless another tab is at it. Default: now. */
  tidy?(work: () => void): void;
}

export class ChunkCache {
  readonly #needs: ChunkCacheNeeds;
  readonly #contents = new Map<ContentId, Held>();
  /** Every held chunk, least recently used first. */
  readonly #entries = new Map<ChunkKey, Entry>();
  #bytes = 0;
  #budget: ByteCount = 0;
  /** Chunks in memory, least recently used first. Those in `#unwritten` are not dropped from it. */
  readonly #hot = new Map<ChunkKey, Bytes>();
  #hotBytes = 0;
  readonly #unwritten = new Set<ChunkKey>();
  #unwrittenBytes = 0;
  /** Chunks whose write failed: in memory only, gone when they cool down. */
  readonly #memoryOnly = new Set<ChunkKey>();
  /** Contents the index store has a record of, and for how many chunks that has digests. */
  readonly #descriptions = new Map<ContentId, number>();
  #timer: Cancel | null = null;
  readonly #writes = new Set<Promise<void>>();
  /** Chunks that a write has taken on. */
  readonly #underWay = new Set<ChunkKey>();
  #closed = false;
  #contentOf: ContentOf = () => Promise.reject();

  constructor(needs: ChunkCacheNeeds) {
    this.#needs = needs;
  }

  get budget(): ByteCount {
    return this.#budget;
  }
  get bytes(): ByteCount {
    return this.#bytes;
  }
  /** Contents of which at least one chunk is held, least recently opened first. */
  get contents(): readonly Content[] {
    return [...this.#contents.values()]
      .filter(({ chunks }) => chunks.held > 0)
      .map((held) => held.content);
  }
  get persistent(): boolean {
    return this.#needs.chunks.persistent;
  }

  /** Learns what earlier visits left. Orphans (chunks nothing describes, descriptions of nothing) are deleted. */
  async open(budget: ByteCount, contentOf: ContentOf): Promise<void> {
    this.#budget = budget;
    this.#contentOf = contentOf;
    const { held, strays, orphans } = await inventory(this.#needs, contentOf);
    for (const [content, at] of held) {
      this.#enter(this.#know(content), at);
      this.#descriptions.set(content.id, knownChunksOf(content.asset));
    }
    if (strays.length > 0) await this.#needs.chunks.delete(strays);
    if (orphans.length > 0) await this.#needs.index.delete(orphans);
    this.#tidy();
  }

  /** Another tab has stored these. */
  async learn(id: ContentId, indices: readonly number[]): Promise<void> {
    if (!this.persistent || this.#closed) return;
    const known = this.#contents.get(id)?.content;
    const isEnough = known && indices.every((at) => at < knownChunksOf(known.asset));
    const content = isEnough
      ? known
      : await readDescription(this.#needs.index, descriptionKey(id), this.#contentOf);
    if (content === undefined) return;
    const held = this.#know(content);
    const count = knownChunksOf(held.content.asset);
    this.#descriptions.set(id, count);
    const isNew = (at: number): boolean => at < count && !held.chunks.has(at);
    const fresh = [...new Set(indices)].filter(isNew);
    for (const at of fresh) this.#enter(held, at);
    if (fresh.length > 0) this.#needs.learned?.(id, fresh);
  }

  /** Another tab has let these go. What waits here to be written comes back by that. */
  unlearn(id: ContentId, indices: readonly number[]): void {
    const keys = indices.map((at) => chunkKey(id, at)).filter((key) => !this.#unwritten.has(key));
    this.#remove(keys, "forgotten");
  }

  /** Chunks held of a content; live, not a copy. `undefined` when it was never seen. */
  holding(content: ContentId): Bitfield | undefined {
    return this.#contents.get(content)?.chunks;
  }

  /** From now on `holding` answers for it. */
  know(content: Content): Bitfield {
    return this.#know(content).chunks;
  }

  #know(content: Content): Held {
    const known = this.#contents.get(content.id);
    if (known !== undefined) {
      if (known.content !== content) this.#restate(known, content);
      return known;
    }
    const held: Held = { content, chunks: new Bitfield(content.chunkCount) };
    this.#contents.set(content.id, held);
    return held;
  }

  /** Where one version turns out to be two, what is held is of the other one. */
  #restate(known: Held, content: Content): void {
    const how = comparedTo(known.content.asset, content.asset);
    if (how === "no more") return;
    if (how === "another") this.forget(content.id);
    known.content = content;
    if (this.#descriptions.delete(content.id)) this.#describe(content);
  }

  /** A held chunk, verified again if it comes from the store; `undefined` when it is not there after all. */
  async read(id: ContentId, index: number): Promise<Bytes | undefined> {
    const key = chunkKey(id, index);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const hot = this.#hot.get(key);
    if (hot !== undefined) {
      this.#warm(key, hot);
      return hot;
    }
    const stored = await storedChunk(this.#needs, entry.held.content, index);
    if (stored === undefined) {
      if (this.#entries.get(key) === entry) this.#remove([key]);
      return undefined;
    }
    if (this.#entries.has(key)) this.#warm(key, stored);
    return stored;
  }

  /** Takes a verified chunk. The buffer is the cache's from now on: hand out copies. */
  add(content: Content, index: number, bytes: Bytes): void {
    const key = chunkKey(content.id, index);
    const held = this.#know(content);
    if (this.#closed || held.chunks.has(index)) return;
    this.#enter(held, index);
    this.#unwritten.add(key);
    this.#unwrittenBytes += bytes.length;
    this.#warm(key, bytes);
    this.#tidy();
    this.#shed();
    if (this.#makesBatch()) this.#flush();
    else this.#timer ??= this.#needs.clock.after(BATCH_DELAY, () => this.#flush());
  }

  /** Whether a whole batch waits that no write has taken on. */
  #makesBatch(): boolean {
    let count = 0;
    let bytes = 0;
    for (const key of this.#unwritten) {
      if (this.#underWay.has(key)) continue;
      count++;
      bytes += this.#entries.get(key)?.length ?? 0;
    }
    return count >= BATCH_CHUNKS || bytes >= BATCH_BYTES;
  }

  /** Writes all that waits, and resolves when it is written. The page may be going: everything is begun at once. */
  async settle(): Promise<void> {
    while (this.#unwritten.size > 0 || this.#writes.size > 0) {
      this.#flush(Number.POSITIVE_INFINITY);
      await Promise.all(this.#writes);
    }
  }

  /** Lets go of everything held of a content. */
  forget(id: ContentId): void {
    const held = this.#contents.get(id);
    this.#remove([...this.#entries].flatMap(([key, one]) => (one.held === held ? [key] : [])));
  }

  async close(): Promise<void> {
    await this.settle();
    this.#closed = true;
    this.#timer?.();
    this.#hot.clear();
    this.#needs.chunks.close();
    this.#needs.index.close();
  }

  #enter(held: Held, index: number): void {
    held.chunks.set(index);
    const length = chunkLengthAt(held.content.asset, index);
    this.#entries.set(chunkKey(held.content.id, index), { held, index, length });
    this.#bytes += length;
  }

  #warm(key: ChunkKey, bytes: Bytes): void {
    if (this.#hot.delete(key)) this.#hotBytes -= bytes.length;
    this.#hot.set(key, bytes);
    this.#hotBytes += bytes.length;
    this.#cool();
  }

  /** Lets go of what is in memory beyond the limit, and is written. */
  #cool(): void {
    const cooled: ChunkKey[] = [];
    for (const [oldest, chunk] of this.#hot) {
      if (this.#hotBytes <= (this.#needs.hotBytes ?? HOT_BYTES)) break;
      if (this.#unwritten.has(oldest)) continue;
      this.#hot.delete(oldest);
      this.#hotBytes -= chunk.length;
      if (this.#memoryOnly.has(oldest)) cooled.push(oldest);
    }
    this.#remove(cooled);
  }

  /** A store that is slower than the network must not fill memory: what waits longest is let go. */
  #shed(): void {
    const victims: ChunkKey[] = [];
    let waiting = this.#unwrittenBytes;
    for (const key of this.#unwritten) {
      if (waiting <= MOST_UNWRITTEN) break;
      victims.push(key);
      waiting -= this.#entries.get(key)?.length ?? 0;
    }
    this.#remove(victims);
  }

  #flush(most = WRITES): void {
    this.#timer?.();
    this.#timer = null;
    while (this.#writes.size < most && this.#unwritten.size > this.#underWay.size) {
      const before = this.#underWay.size;
      const write = this.#write().then(() => {
        this.#writes.delete(write);
        if (this.#unwritten.size > this.#underWay.size) this.#flush();
      });
      this.#writes.add(write);
      if (this.#underWay.size === before) return;
    }
  }

  async #write(): Promise<void> {
    const batch: [ChunkKey, Bytes][] = [];
    const described = new Set<Content>();
    let size = 0;
    for (const key of this.#unwritten) {
      if (batch.length >= BATCH_CHUNKS || size >= BATCH_BYTES) break;
      if (this.#underWay.has(key)) continue;
      const bytes = this.#hot.get(key);
      const entry = this.#entries.get(key);
      if (bytes === undefined || entry === undefined) continue;
      batch.push([key, bytes]);
      this.#underWay.add(key);
      described.add(entry.held.content);
      size += bytes.length;
    }
    for (const content of described) this.#describe(content);
    let outcome = await this.#needs.chunks.put(batch);
    if (outcome === "full") {
      this.#evict(this.#bytes * (1 - EVICT_WHEN_FULL), new Set(batch.map(([key]) => key)));
      outcome = await this.#needs.chunks.put(batch);
      if (outcome === "full") this.#needs.full();
    }
    const unwanted: ChunkKey[] = [];
    const stored: Entry[] = [];
    for (const [key, bytes] of batch) {
      this.#underWay.delete(key);
      // Let go and taken again meanwhile: what was written is deleted, the other is still to be written.
      if (this.#entries.has(key) && this.#hot.get(key) !== bytes) continue;
      if (this.#unwritten.delete(key)) this.#unwrittenBytes -= bytes.length;
      const entry = this.#entries.get(key);
      if (entry === undefined) unwanted.push(key);
      else if (outcome !== "stored") this.#memoryOnly.add(key);
      else if (this.persistent) stored.push(entry);
    }
    for (const [{ content }, at] of byContent(stored)) this.#needs.tell?.("stored", content.id, at);
    this.#cool();
    // Evicted while it was being written.
    if (unwanted.length > 0 && outcome === "stored") await this.#needs.chunks.delete(unwanted);
  }

  /** With its first chunk, and when there are more digests than before. A chunk whose description is lost is an orphan for the next visit to sweep up. */
  #describe(content: Content): void {
    const count = knownChunksOf(content.asset);
    if ((this.#descriptions.get(content.id) ?? -1) >= count) return;
    this.#descriptions.set(content.id, count);
    void this.#needs.index.put([[descriptionKey(content.id), writeDescription(content)]]);
  }

  #tidy(): void {
    if (this.#bytes <= this.#budget) return;
    const { tidy = (work: () => void): void => work() } = this.#needs;
    tidy(() => this.#evict(this.#budget));
  }

  #evict(budget: ByteCount, except: ReadonlySet<ChunkKey> = this.#unwritten): void {
    if (this.#bytes <= budget) return;
    const target = Math.min(budget, this.#budget * EVICT_TO);
    const victims: ChunkKey[] = [];
    let bytes = this.#bytes;
    for (const [key, entry] of this.#entries) {
      if (bytes <= target) break;
      if (except.has(key)) continue;
      victims.push(key);
      bytes -= entry.length;
    }
    this.#remove(victims);
  }

  #remove(keys: readonly ChunkKey[], why: "dropped" | "forgotten" = "dropped"): void {
    const gone: Entry[] = [];
    const stored: ChunkKey[] = [];
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      this.#entries.delete(key);
      this.#bytes -= entry.length;
      entry.held.chunks.clear(entry.index);
      const hot = this.#hot.get(key);
      if (hot !== undefined) this.#hotBytes -= hot.length;
      this.#hot.delete(key);
      if (this.#unwritten.delete(key)) this.#unwrittenBytes -= entry.length;
      if (!this.#memoryOnly.delete(key)) stored.push(key);
      gone.push(entry);
    }
    if (why === "dropped" && stored.length > 0) void this.#needs.chunks.delete(stored);
    for (const [held, indices] of byContent(gone)) {
      if (why === "dropped") this.#needs.tell?.("gone", held.content.id, indices);
      if (held.chunks.held === 0 && this.#descriptions.delete(held.content.id)) {
        void this.#needs.index.delete([descriptionKey(held.content.id)]);
      }
      this.#needs.gone(held.content.id, indices);
    }
  }
}
