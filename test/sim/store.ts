// A disk in the simulated world: slow, bounded, and able to fail. Checks what is written against the truth (I1).

import type { Store } from "../../client/core/ports.ts";
import type { ByteCount, Millis } from "../../client/core/vocabulary.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { SimClock } from "./clock.ts";

export interface SimStoreSettings {
  readonly clock: SimClock;
  readonly room: ByteCount;
  readonly latency: Millis;
  readonly written?: (key: string, bytes: Bytes) => void;
}

export class SimStore implements Store {
  readonly #settings: SimStoreSettings;
  readonly #held = new Map<string, Bytes>();
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
    return this.#held.get(key)?.slice();
  }

  async put(entries: readonly (readonly [string, Bytes])[]): Promise<"stored" | "full" | "failed"> {
    const copies = entries.map(([key, bytes]) => [key, bytes.slice()] as const);
    await this.#wait();
    if (this.#closed || this.behaviour === "broken") return "failed";
    const fresh = new Map(copies);
    let used = 0;
    for (const [key, bytes] of [...this.#held, ...fresh]) {
      if (!fresh.has(key) || fresh.get(key) === bytes) used += bytes.length;
    }
    if (used > this.#settings.room) return "full";
    for (const [key, bytes] of fresh) {
      this.#settings.written?.(key, bytes);
      this.#held.set(key, bytes);
    }
    return "stored";
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#wait();
    if (!this.#closed) for (const key of keys) this.#held.delete(key);
  }

  async keys(): Promise<readonly string[]> {
    await this.#wait();
    return this.#closed ? [] : [...this.#held.keys()];
  }

  close(): void {
    this.#closed = true;
  }
  /** The same disk in the next visit. */
  reopen(clock: SimClock): SimStore {
    const store = new SimStore({ ...this.#settings, clock });
    for (const [key, bytes] of this.#held) store.#held.set(key, bytes);
    return store;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#settings.clock.after(this.#settings.latency, resolve);
    });
  }
}
