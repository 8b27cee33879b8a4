// A disk in the simulated world: slow, bounded, and able to fail. What it holds and lets go of is told to the world,
// which may lend it the truth to keep instead of a copy.

import type { Store } from "../../client/core/ports.ts";
import type { ByteCount, Millis } from "../../client/core/vocabulary.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { SimClock } from "./clock.ts";

export interface StoreWatcher {
  /** Equal bytes, to be kept and handed out in place of these, never changed; `undefined` when there are none. */
  same(key: string, bytes: Bytes): Bytes | undefined;
  stored(key: string): void;
  deleted(key: string): void;
}
export interface SimStoreSettings {
  readonly clock: SimClock;
  readonly room: ByteCount;
  readonly latency: Millis;
  readonly watcher?: StoreWatcher;
}

interface Kept {
  readonly bytes: Bytes;
  readonly isLent: boolean;
}

export class SimStore implements Store {
  readonly #settings: SimStoreSettings;
  readonly #held = new Map<string, Kept>();
  #used: ByteCount = 0;
  #closed = false;
  /** `broken`: every write fails, every read finds nothing. */
  behaviour: "well" | "broken" = "well";

  constructor(settings: SimStoreSettings) {
    this.#settings = settings;
  }

  get persistent(): boolean {
    return this.behaviour === "well";
  }

  async get(key: string): Promise<Bytes | undefined> {
    await this.#wait();
    if (this.#closed || this.behaviour === "broken") return undefined;
    const kept = this.#held.get(key);
    return kept?.isLent === false ? kept.bytes.slice() : kept?.bytes;
  }

  async put(entries: readonly (readonly [string, Bytes])[]): Promise<"stored" | "full" | "failed"> {
    const { watcher, room } = this.#settings;
    const fresh = new Map<string, Kept>();
    for (const [key, bytes] of entries) {
      const lent = watcher?.same(key, bytes);
      fresh.set(key, { bytes: lent ?? bytes.slice(), isLent: lent !== undefined });
    }
    await this.#wait();
    if (this.#closed || this.behaviour === "broken") return "failed";
    let more = 0;
    for (const [key, { bytes }] of fresh) more += bytes.length - this.#sizeOf(key);
    if (this.#used + more > room) return "full";
    this.#used += more;
    for (const [key, kept] of fresh) {
      if (!this.#held.has(key)) watcher?.stored(key);
      this.#held.set(key, kept);
    }
    return "stored";
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#wait();
    if (this.#closed) return;
    for (const key of keys) {
      this.#used -= this.#sizeOf(key);
      if (this.#held.delete(key)) this.#settings.watcher?.deleted(key);
    }
  }

  async keys(): Promise<readonly string[]> {
    await this.#wait();
    return this.#closed ? [] : [...this.#held.keys()];
  }

  close(): void {
    this.#closed = true;
  }
  /** What is on it, closed or not. */
  get held(): Iterable<string> {
    return this.#held.keys();
  }
  /** The same disk in the next visit. */
  reopen(clock: SimClock, watcher = this.#settings.watcher): SimStore {
    const store = new SimStore({ ...this.#settings, clock, ...(watcher && { watcher }) });
    for (const [key, kept] of this.#held) store.#held.set(key, kept);
    store.#used = this.#used;
    return store;
  }

  #sizeOf(key: string): ByteCount {
    return this.#held.get(key)?.bytes.length ?? 0;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#settings.clock.after(this.#settings.latency, resolve);
    });
  }
}
