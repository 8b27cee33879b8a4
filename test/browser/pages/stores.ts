// What IndexedDB can do to a store, for a page to run by name. Each returns what it saw; the spec judges.

import { idbStore } from "../../../client/browser/store-idb.ts";
import { patterned } from "../../contract/battery.ts";

const MEMORY_LIMIT = 100_000;

interface Seen {
  /** What calls answered, in order. */
  readonly answers: readonly unknown[];
  readonly persistent: boolean;
  readonly fallbacks: readonly string[];
}

/** Plays `story` on a store over the given factory. */
async function seen(
  database: string,
  factory: (() => IDBFactory) | undefined,
  story: (store: ReturnType<typeof idbStore>, say: (answer: unknown) => void) => Promise<void>,
): Promise<Seen> {
  const answers: unknown[] = [];
  const fallbacks: string[] = [];
  const store = idbStore({
    database,
    memoryLimit: MEMORY_LIMIT,
    onFallback: (reason) => fallbacks.push(reason),
    ...(factory === undefined ? {} : { factory }),
  });
  await story(store, (answer) => answers.push(answer));
  const { persistent } = store;
  store.close();
  return { answers, persistent, fallbacks };
}

/** A small life: put, read, list, delete, and a put beyond what memory may hold. */
async function life(
  store: ReturnType<typeof idbStore>,
  say: (answer: unknown) => void,
): Promise<void> {
  say(await store.put([["k", patterned(1000)]]));
  say((await store.get("k"))?.length);
  say(await store.keys());
  say(await store.put([["large", patterned(MEMORY_LIMIT)]]));
  await store.delete(["k"]);
  say(await store.keys());
}

/** As in a sandboxed frame, where reading `indexedDB` throws. */
export const forbidden = (): Promise<Seen> =>
  seen(
    "forbidden",
    () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    },
    life,
  );

/** Opening never settles: the upgrade waits for another connection that does not close. */
export async function hanging(): Promise<Seen> {
  const blocker = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open("hanging", 5);
    request.onsuccess = () => resolve(request.result);
  });
  // Asking for no version, as the store does, would not wait for anybody.
  const blocked: Pick<IDBFactory, "open"> = {
    open: (name) => indexedDB.open(name, 6),
  };
  const result = await seen("hanging", () => blocked as IDBFactory, life);
  blocker.close();
  return result;
}

/** The browser closes the connection and says nothing, as Safari does. */
export async function closedBehind(): Promise<Seen> {
  const open: IDBDatabase[] = [];
  const watched: Pick<IDBFactory, "open"> = {
    open(name) {
      const request = indexedDB.open(name);
      request.addEventListener("success", () => open.push(request.result));
      return request;
    },
  };
  return seen(
    "closed-behind",
    () => watched as IDBFactory,
    async (store, say) => {
      say(await store.put([["k", patterned(1000)]]));
      for (let time = 0; time < 3; time++) {
        for (const database of open) database.close();
        say((await store.get("k"))?.length);
      }
      say(open.length);
    },
  );
}

/** IndexedDB works at first and then no longer. */
export async function dying(): Promise<Seen> {
  const open: IDBDatabase[] = [];
  let isDead = false;
  const mortal: Pick<IDBFactory, "open"> = {
    open(name) {
      if (isDead) throw new DOMException("Internal error opening backing store", "UnknownError");
      const request = indexedDB.open(name);
      request.addEventListener("success", () => open.push(request.result));
      return request;
    },
  };
  return seen(
    "dying",
    () => mortal as IDBFactory,
    async (store, say) => {
      say(await store.put([["before", patterned(1000)]]));
      say(store.persistent);
      isDead = true;
      for (const database of open) database.close();
      say(await store.get("before"));
      say(await store.put([["after", patterned(10)]]));
      say(await store.keys());
    },
  );
}

/** Another tab deletes the database while ours is open. */
export async function deletedByOthers(): Promise<Seen> {
  return seen("deleted", undefined, async (store, say) => {
    say(await store.put([["k", patterned(1000)]]));
    say(
      await new Promise((resolve) => {
        const request = indexedDB.deleteDatabase("deleted");
        request.onsuccess = () => resolve("deleted");
        request.onblocked = () => resolve("blocked");
      }),
    );
    say(await store.get("k"));
    say(await store.put([["k", patterned(20)]]));
    say((await store.get("k"))?.length);
  });
}

/** The site's quota is spent. The spec sets it. */
export async function overQuota(): Promise<Seen> {
  return seen("quota", undefined, async (store, say) => {
    say(await store.put([["small", patterned(10_000)]]));
    say(await store.put([["large", patterned(8_000_000)]]));
    say(await store.keys());
    say((await store.get("small"))?.length);
  });
}

/** Two records that live in files of their own. The spec spoils one and comes back. */
export async function fill(): Promise<Seen> {
  return seen("damaged", undefined, async (store, say) => {
    say(await store.put([["one", patterned(400_000, 1)]]));
    say(await store.put([["other", patterned(500_000, 2)]]));
  });
}
export async function readBack(): Promise<Seen> {
  return seen("damaged", undefined, async (store, say) => {
    const [one, other] = await Promise.all([store.get("one"), store.get("other")]);
    say(one?.length);
    say(other?.length);
    say(await store.put([["one", patterned(400_000, 1)]]));
    say((await store.get("one"))?.length);
  });
}
