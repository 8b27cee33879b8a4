// What is kept no longer: contents that were taken back, and versions behind newer ones. Decides which, and lets go of them.

import type { ChunkCache } from "./cache/chunk-cache.ts";
import type { Purges } from "./catalogue/purges.ts";
import { ShoalError } from "./errors.ts";
import type { Retrievals } from "./retrievals.ts";
import type { Content } from "./vocabulary.ts";

export interface OutdatedNeeds {
  readonly cache: Pick<ChunkCache, "contents" | "forget">;
  readonly purges: Pick<Purges, "judge">;
  readonly retrievals: Pick<Retrievals, "all" | "get">;
}

export class Outdated {
  readonly #needs: OutdatedNeeds;

  constructor(needs: OutdatedNeeds) {
    this.#needs = needs;
  }

  /** What was taken back is served to nobody any more, from nowhere: the page gets the network's word on it. */
  forgetPurged(): void {
    const { cache, retrievals } = this.#needs;
    for (const one of [...retrievals.all].filter(({ content }) => this.#isPurged(content))) {
      const { url } = one.content.asset;
      one.fail(new ShoalError("content/purged", { url, chunk: one.position }));
    }
    for (const content of cache.contents) if (this.#isPurged(content)) cache.forget(content.id);
  }

  /** All versions before this one but the last, for the day the site fails. */
  forgetOlder({ id: current, asset: { url, epoch } }: Content): void {
    const { cache, retrievals } = this.#needs;
    const older = cache.contents
      .filter(({ id, asset }) => id !== current && asset.url === url && asset.epoch < epoch)
      .sort((one, other) => other.asset.epoch - one.asset.epoch);
    for (const { id } of older.slice(1)) if (retrievals.get(id) === undefined) cache.forget(id);
  }

  #isPurged({ asset }: Content): boolean {
    return this.#needs.purges.judge(asset) === "hard";
  }
}
