// One IndexedDB database as idb-keyval's `UseStore`: opened on first use, closed when others ask for it, opened
// again when the browser dropped it. Owns the connection. Never retries an operation: that is the store's choice.

import type { UseStore } from "idb-keyval";
import type { Millis } from "../core/vocabulary.ts";

/** One object store a database: idb-keyval cannot add a second one later. */
const OBJECT_STORE = "entries";

/**
 * Opening takes milliseconds, or for ever (Safari 14's first open, an upgrade another tab blocks). Three seconds is
 * longer than a busy phone needs and short enough that the page's first requests still profit from a memory store.
 */
const OPEN_PATIENCE: Millis = 3000;

export interface IdbConnection {
  readonly use: UseStore;
  /** Forgets the connection, so that the next use opens a new one. */
  reset(): void;
  /** For good: later uses reject. */
  close(): void;
}

/** `factory` is asked anew at each open; reading `indexedDB` throws in a sandboxed frame. */
export function idbConnection(name: string, factory: () => IDBFactory): IdbConnection {
  let opening: Promise<IDBDatabase> | null = null;
  let isClosed = false;

  function connected(): Promise<IDBDatabase> {
    if (isClosed) return Promise.reject(new DOMException("The store is closed", "AbortError"));
    if (opening !== null) return opening;
    const mine = opened(name, factory, () => forget());
    const forget = (): void => {
      if (opening === mine) opening = null;
    };
    opening = mine;
    mine.catch(forget);
    return mine;
  }

  function reset(): void {
    opening?.then(
      (database) => database.close(),
      () => {},
    );
    opening = null;
  }

  return {
    async use(mode, callback) {
      const database = await connected();
      // Relaxed: a cache that loses its last writes in a power cut fetches them again.
      const transaction = database.transaction(OBJECT_STORE, mode, { durability: "relaxed" });
      const aborted = new Promise<DOMException | null>((resolve) => {
        transaction.addEventListener("abort", () => resolve(transaction.error));
      });
      let result: ReturnType<typeof callback>;
      try {
        result = callback(transaction.objectStore(OBJECT_STORE));
        // All its requests are made. Said aloud, so that it is carried out even if the page goes away now.
        if (mode === "readwrite") transaction.commit();
      } catch (error) {
        // idb-keyval would leave the writes before the failing one to be committed.
        transaction.abort();
        throw error;
      }
      try {
        return await result;
      } catch (error) {
        // When a request fails, idb-keyval rejects before the transaction knows its error, with `null`.
        throw error ?? (await aborted);
      }
    },
    reset,
    close() {
      isClosed = true;
      reset();
    },
  };
}

/** Rejects when opening fails or takes too long; calls `lost` when the connection, once made, ends by itself. */
function opened(name: string, factory: () => IDBFactory, lost: () => void): Promise<IDBDatabase> {
  return new Promise<IDBDatabase>((resolve, reject) => {
    let isLate = false;
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      reject(error);
    };
    const timer = setTimeout(() => {
      isLate = true;
      fail(new DOMException(`Opening took more than ${OPEN_PATIENCE} ms`, "TimeoutError"));
    }, OPEN_PATIENCE);
    try {
      const request = factory().open(name);
      request.onupgradeneeded = () => request.result.createObjectStore(OBJECT_STORE);
      request.onerror = () => fail(request.error);
      request.onsuccess = () => {
        const database = request.result;
        clearTimeout(timer);
        // Open at last, but nobody waits any more: it would only block others.
        if (isLate) return database.close();
        database.onclose = lost;
        // Another tab deletes or upgrades the database: an open connection would block it for ever.
        database.onversionchange = () => {
          lost();
          database.close();
        };
        resolve(database);
      };
    } catch (error) {
      fail(error);
    }
  });
}
