// The `Store` in IndexedDB, through idb-keyval. Owns its connection and, once that has failed twice in a row, the
// memory store that takes its place for the rest of the visit. Never says more than the port: a store that fell
// back is a smaller store.

import { delMany, get, getMany, keys, promisifyRequest, setMany, type UseStore } from "idb-keyval";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { Store } from "../core/ports.ts";
import type { ByteCount, Millis } from "../core/vocabulary.ts";
import { type IdbConnection, idbConnection } from "./idb-connection.ts";
import { memoryStore } from "./store-memory.ts";

export interface IdbStoreSettings {
  readonly database: string;
  /** What may be kept in memory instead, once IndexedDB has failed. */
  readonly memoryLimit: ByteCount;
  /** Called once, with the browser's words for what went wrong. */
  readonly onFallback: (reason: string) => void;
  /** Default: the page's own. */
  readonly factory?: () => IDBFactory;
}

/**
 * Reads of one turn share a transaction, at most so many: 16 records of 256 KiB were read three times as fast
 * together as one by one, and more gain nothing.
 */
const READS_TOGETHER = 16;

/**
 * Transactions sometimes never end (a browser losing its database process). A batch of 4 MiB takes tens of
 * milliseconds, seconds on a phone writing to a full disk; ten seconds without an answer mean there is none.
 */
const PATIENCE: Millis = 10_000;

export function idbStore(settings: IdbStoreSettings): Store {
  return new IdbStore(settings);
}

class IdbStore implements Store {
  readonly #settings: IdbStoreSettings;
  readonly #connection: IdbConnection;
  #memory: Store | null = null;
  #isClosed = false;
  /** Asked for in this turn and not yet read. */
  #wanted: { readonly key: string; readonly answer: (data: Bytes | undefined) => void }[] = [];

  constructor(settings: IdbStoreSettings) {
    this.#settings = settings;
    this.#connection = idbConnection(settings.database, settings.factory ?? (() => indexedDB));
  }

  get persistent(): boolean {
    return this.#memory === null;
  }

  get(key: string): Promise<Bytes | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      if (this.#wanted.length === 0) queueMicrotask(() => this.#readWanted());
      this.#wanted.push({ key, answer: resolve });
    });
  }

  async put(
    entries: readonly (readonly [key: string, data: Bytes])[],
  ): Promise<"stored" | "full" | "failed"> {
    if (this.#isClosed) return "failed";
    if (entries.length === 0) return "stored";
    const exact = entries.map(([key, data]): [string, Bytes] => [key, exactly(data)]);
    const answer = await this.#attempt(async (use) => {
      try {
        await setMany(exact, use);
        return "stored" as const;
      } catch (error) {
        if (nameOf(error) === "QuotaExceededError") return "full" as const;
        throw error;
      }
    });
    return answer ?? (await this.#memory?.put(exact)) ?? "failed";
  }

  async delete(unwanted: readonly string[]): Promise<void> {
    if (unwanted.length === 0) return;
    const done = await this.#attempt((use) => delMany([...unwanted], use).then(() => true));
    if (done === undefined) await this.#memory?.delete(unwanted);
  }

  async keys(): Promise<readonly string[]> {
    const all = await this.#attempt((use) => keys<IDBValidKey>(use));
    if (all === undefined) return (await this.#memory?.keys()) ?? [];
    return all.filter((key) => typeof key === "string");
  }

  close(): void {
    this.#isClosed = true;
    this.#connection.close();
    this.#memory?.close();
  }

  #readWanted(): void {
    const wanted = this.#wanted;
    this.#wanted = [];
    for (let at = 0; at < wanted.length; at += READS_TOGETHER) {
      const together = wanted.slice(at, at + READS_TOGETHER);
      void this.#read(together.map(({ key }) => key)).then((found) => {
        together.forEach(({ answer }, index) => {
          answer(found[index]);
        });
      });
    }
  }

  async #read(wanted: string[]): Promise<readonly (Bytes | undefined)[]> {
    const found = await this.#attempt(async (use) => {
      try {
        return await getMany<unknown>(wanted, use);
      } catch {
        return Promise.all(wanted.map((key) => readAlone(key, use)));
      }
    });
    if (found !== undefined) return found.map((data) => (isBytes(data) ? data : undefined));
    const memory = this.#memory;
    return memory === null ? [] : Promise.all(wanted.map((key) => memory.get(key)));
  }

  /** `undefined`: closed, or IndexedDB failed twice and is given up, so that memory has to answer. */
  async #attempt<T>(operation: (use: UseStore) => Promise<T>): Promise<T | undefined> {
    for (let attempt = 1; this.#memory === null && !this.#isClosed; attempt++) {
      try {
        return await within(PATIENCE, operation(this.#connection.use));
      } catch (error) {
        if (this.#isClosed) break;
        // The handle never recovers (Safari closes it without saying so); a new one usually works.
        this.#connection.reset();
        // Who did not answer in seconds is not asked for seconds more.
        if (attempt === 2 || nameOf(error) === "TimeoutError") this.#fallBack(error);
      }
    }
    return undefined;
  }

  #fallBack(error: unknown): void {
    if (this.#memory !== null) return;
    this.#memory = memoryStore(this.#settings.memoryLimit);
    this.#connection.close();
    this.#settings.onFallback(error instanceof Error ? error.message : nameOf(error));
  }
}

/**
 * Large values live in files of their own, and such a file can be lost alone ("Failed to read large IndexedDB value",
 * Chromium 156, under the name of any unknown error). If the record's key can still be read, the database is well and
 * this one record is a miss; otherwise it is the database that failed.
 */
async function readAlone(key: string, use: UseStore): Promise<unknown> {
  try {
    return await get<unknown>(key, use);
  } catch {
    await use("readonly", (store) => promisifyRequest(store.getKey(key)));
    return undefined;
  }
}

function within<T>(patience: Millis, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new DOMException(`No answer in ${patience} ms`, "TimeoutError")),
      patience,
    );
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Cloning a view clones the whole buffer behind it. */
function exactly(data: Bytes): Bytes {
  return data.byteLength === data.buffer.byteLength ? data : data.slice();
}

function isBytes(value: unknown): value is Bytes {
  return value instanceof Uint8Array && value.buffer instanceof ArrayBuffer;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}
