// When the manifest is read again: for a URL that nobody has asked about before, once for all who ask meanwhile, and never
// so often that the manifest would weigh on the site. Decides only when; reads nothing itself.

import type { Clock, Random } from "../ports.ts";
import type { ByteCount, Millis } from "../vocabulary.ts";

/** Between two readings. Live segments last two seconds and more: a quarter of that is soon enough for the next one. */
const LEAST_PAUSE: Millis = 500;
/** After a reading that gave nothing. */
const FAILED_PAUSE: Millis = 5000;
/**
 * What a manifest that keeps changing may cost a visitor, in bytes per second: a live window of a hundred segments (40 KB) once
 * a segment, and a site of ten thousand files every two minutes. An unchanged one costs a 304.
 */
const MOST_RATE = 32 * 1024;
/** URLs remembered as asked about; whoever asks for more of them that do not exist has the oldest asked about again. */
const MOST_ASKED = 1000;
/** So often in a row it may have been for nothing; from then on nobody waits for it, until it was of use again. */
const MOST_USELESS = 3;

export interface RereadingNeeds {
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves with how many bytes were new; never rejects. */
  read(): Promise<ByteCount | "failed">;
  /** Whether the manifest lists this URL now. */
  lists(url: string): boolean;
}

export class Rereading {
  readonly #needs: RereadingNeeds;
  readonly #asked = new Set<string>();
  #open: Promise<void> | null = null;
  #notBefore: Millis = 0;
  #useless = 0;

  constructor(needs: RereadingNeeds) {
    this.#needs = needs;
  }

  /** Resolves when it is worth looking again; at once when no reading is due, or none that one should wait for. */
  async for(url: string): Promise<void> {
    if (this.#open === null) this.#begin(url);
    if (this.#useless < MOST_USELESS) await this.#open;
  }

  #begin(url: string): void {
    if (this.#asked.has(url) || this.#needs.clock.now() < this.#notBefore) return;
    this.#asked.add(url);
    if (this.#asked.size > MOST_ASKED) {
      const [oldest = url] = this.#asked;
      this.#asked.delete(oldest);
    }
    this.#open = this.#read(url);
  }

  async #read(url: string): Promise<void> {
    const { clock, random, read, lists } = this.#needs;
    const fresh = await read();
    this.#useless = lists(url) ? 0 : this.#useless + 1;
    const pause =
      fresh === "failed" ? FAILED_PAUSE : Math.max(LEAST_PAUSE, (fresh * 1000) / MOST_RATE);
    // Up to half as much again: visitors who came together must not come back together.
    this.#notBefore = clock.now() + pause * (1 + random.unit() / 2);
    this.#open = null;
  }
}
