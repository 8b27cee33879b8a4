// The battery of the `Store` port: what any store must do, in memory, in IndexedDB or simulated. Says nothing of
// speed or of when data is evicted.

import type { Store } from "../../client/core/ports.ts";
import { type Cases, check, patterned, type Rig, runCases, same } from "./battery.ts";

export interface StoreRig extends Rig {
  /** Empty. */
  readonly store: Store;
  /** Bytes it takes at most (give or take keys); absent when that cannot be known here. */
  readonly room?: number;
  /** Another store over the same bytes, as after a reload; absent where nothing survives one. */
  reopen?(): Store;
}

const CASES: Cases<StoreRig> = {
  "what was put comes back byte for byte": async ({ store }) => {
    const entries = [
      ["empty", new Uint8Array(0)],
      ["one", new Uint8Array([255])],
      ["large", patterned(300_000)],
    ] as const;
    same(await store.put(entries), "stored", "put");
    for (const [key, data] of entries) same(await store.get(key), data, key);
  },
  "an unknown key is a miss": async ({ store }) => {
    same(await store.get("nobody"), undefined, "get");
  },
  "putting nothing succeeds": async ({ store }) => {
    same(await store.put([]), "stored", "put");
    same(await store.keys(), [], "keys");
  },
  "a second put replaces the first": async ({ store }) => {
    await store.put([["k", patterned(50, 1)]]);
    await store.put([["k", patterned(20, 2)]]);
    same(await store.get("k"), patterned(20, 2), "get");
    same(await store.keys(), ["k"], "keys");
  },
  "keys lists what is there and delete takes it away": async ({ store }) => {
    await store.put(["a", "b", "c"].map((key) => [key, patterned(10)] as const));
    await store.delete(["a", "c", "never put"]);
    same(await store.keys(), ["b"], "keys");
    same(await store.get("a"), undefined, "a");
    same(await store.get("b"), patterned(10), "b");
    await store.delete([]);
    same(await store.keys(), ["b"], "keys after deleting nothing");
  },
  "a view over a larger buffer is stored as the view alone": async ({ store }) => {
    const large = patterned(1000);
    await store.put([["view", large.subarray(100, 200)]]);
    const got = await store.get("view");
    same(got, patterned(1000).slice(100, 200), "get");
    same(got?.buffer.byteLength, 100, "length of the buffer behind it");
  },
  "changing bytes after they were put changes nothing": async ({ store }) => {
    const mine = patterned(100);
    await store.put([["k", mine]]);
    mine.fill(0);
    same(await store.get("k"), patterned(100), "get");
  },
  "what was handed out is the receiver's to change": async ({ store }) => {
    await store.put([["k", patterned(100)]]);
    (await store.get("k"))?.fill(0);
    same(await store.get("k"), patterned(100), "second get");
  },
  "many calls at once all get their own answer": async ({ store }) => {
    const numbers = [...Array(40).keys()];
    const answers = await Promise.all(
      numbers.map((n) => store.put([[`k${n}`, patterned(64, n + 1)]])),
    );
    check(
      answers.every((answer) => answer === "stored"),
      `puts answered ${answers}`,
    );
    const got = await Promise.all(numbers.map((n) => store.get(`k${n}`)));
    for (const n of numbers) same(got[n], patterned(64, n + 1), `k${n}`);
  },
  "too much is refused as a whole, and room made is room": async ({ store, room }) => {
    if (room === undefined) return;
    const half = patterned(Math.ceil(room * 0.6));
    same(await store.put([["first", half]]), "stored", "first put");
    const small = patterned(1);
    same(
      await store.put([
        ["small", small],
        ["second", half],
      ]),
      "full",
      "second put",
    );
    same(await store.keys(), ["first"], "keys after a refused put");
    await store.delete(["first"]);
    same(await store.put([["second", half]]), "stored", "put after delete");
    same(await store.put([["second", half]]), "stored", "replacing needs no more room");
  },
  "a closed store is empty and takes nothing": async ({ store }) => {
    await store.put([["k", patterned(10)]]);
    store.close();
    store.close();
    same(await store.get("k"), undefined, "get");
    same(await store.keys(), [], "keys");
    same(await store.put([["k", patterned(10)]]), "failed", "put");
    await store.delete(["k"]);
  },
  "closing at once spoils no call under way": async ({ store }) => {
    const calls = [store.put([["k", patterned(10)]]), store.get("k"), store.keys()];
    store.close();
    await Promise.all(calls);
  },
  "what a persistent store took survives a reload": async ({ store, reopen }) => {
    same(store.persistent, reopen !== undefined, "persistent");
    if (reopen === undefined) return;
    await store.put([["k", patterned(10)]]);
    store.close();
    const again = reopen();
    try {
      same(await again.get("k"), patterned(10), "get");
      same(await again.keys(), ["k"], "keys");
    } finally {
      await again.delete(["k"]);
      again.close();
    }
  },
};

/** Throws at the first case `make`'s stores fail. Each case gets a store of its own. */
export function storeBattery(make: () => StoreRig | Promise<StoreRig>): Promise<void> {
  return runCases("Store", CASES, make);
}
