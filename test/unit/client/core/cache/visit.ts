// One visit to a page with a cache of chunks: the cache, its two simulated disks, and what it told the others. The
// next visit finds the disks as this one left them.

import { ChunkCache } from "../../../../../client/core/cache/chunk-cache.ts";
import { contentOf } from "../../../../../client/core/catalogue/content.ts";
import type { Store } from "../../../../../client/core/ports.ts";
import type { ByteCount, Content } from "../../../../../client/core/vocabulary.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import type { SimStore, SimStoreSettings } from "../../../../sim/store.ts";
import { type Sample, Stage } from "../stage.ts";

export const PLENTY = 1024 * 1024 * 1024;
export const KIB = 1024;
export const MIB = 1024 * 1024;

/** A store with a window: the keys of every put, and how many were under way at once. */
function watched(store: SimStore): Store & { readonly puts: string[][]; most: number } {
  const puts: string[][] = [];
  let underWay = 0;
  return {
    puts,
    most: 0,
    get persistent() {
      return store.persistent;
    },
    get: (key) => store.get(key),
    delete: (keys) => store.delete(keys),
    keys: () => store.keys(),
    close: () => store.close(),
    async put(entries) {
      puts.push(entries.map(([key]) => key));
      this.most = Math.max(this.most, ++underWay);
      const outcome = await store.put(entries);
      underWay--;
      return outcome;
    },
  };
}

export class Visit {
  readonly stage: Stage;
  readonly disk: SimStore;
  readonly index: SimStore;
  readonly chunks: ReturnType<typeof watched>;
  readonly cache: ChunkCache;
  readonly gone: [Content["id"], readonly number[]][] = [];
  /** To and from other tabs. */
  readonly told: ["stored" | "gone", Content["id"], readonly number[]][] = [];
  readonly learned: [Content["id"], readonly number[]][] = [];
  mayTidy = true;
  fulls = 0;

  constructor(stage: Stage, disk: SimStore, index: SimStore) {
    this.stage = stage;
    this.disk = disk;
    this.index = index;
    this.chunks = watched(disk);
    this.cache = new ChunkCache({
      clock: stage.clock,
      hasher: simHasher,
      chunks: this.chunks,
      index,
      gone: (content, indices) => this.gone.push([content, indices]),
      full: () => this.fulls++,
      tell: (...news) => this.told.push(news),
      learned: (...news) => this.learned.push(news),
      tidy: (work) => {
        if (this.mayTidy) work();
      },
    });
  }

  static async first(
    settings: Partial<SimStoreSettings> = {},
    budget: ByteCount = PLENTY,
  ): Promise<Visit> {
    const stage = new Stage();
    return new Visit(stage, stage.store(settings), stage.store()).opened(budget);
  }
  /** The next visit to what is on the disks now, as after a crash. */
  next(budget: ByteCount = PLENTY): Promise<Visit> {
    const { stage, disk, index } = this;
    return new Visit(stage, disk.reopen(stage.clock), index.reopen(stage.clock)).opened(budget);
  }
  async opened(budget: ByteCount): Promise<Visit> {
    await this.stage.wait(this.cache.open(budget, (asset) => contentOf(asset, simHasher)));
    return this;
  }

  add({ content, chunk }: Sample, ...indices: readonly number[]): void {
    for (const index of indices) this.cache.add(content, index, chunk(index));
  }
  async settle(): Promise<void> {
    await this.stage.wait(this.cache.settle());
    await this.stage.pass(100);
  }
  read({ content }: Sample, index: number): ReturnType<ChunkCache["read"]> {
    return this.stage.wait(this.cache.read(content.id, index));
  }
  held({ content }: Sample): number[] {
    const chunks = this.cache.holding(content.id);
    return upTo(content.chunkCount).filter((index) => chunks?.has(index) === true);
  }
  async keys(): Promise<string[]> {
    return [...(await this.stage.wait(this.disk.keys()))].sort();
  }
}

export const upTo = (count: number): number[] => [...Array(count).keys()];
export const keysOf = ({ content }: Sample, indices: readonly number[]): string[] =>
  indices.map((index) => `${content.id}.${index}`).sort();
