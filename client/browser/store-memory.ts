// A `Store` in memory, for where nothing else works. Owns copies of what was put, up to a limit. Never evicts.

import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { Store } from "../core/ports.ts";
import type { ByteCount } from "../core/vocabulary.ts";

/** Keys count too, or endless empty values would grow past any limit. Two bytes a character. */
const weight = (key: string, data: Bytes): ByteCount => key.length * 2 + data.byteLength;

export function memoryStore(limit: ByteCount): Store {
  const held = new Map<string, Bytes>();
  let used: ByteCount = 0;
  let open = true;

  function forget(key: string): void {
    const old = held.get(key);
    if (old !== undefined) used -= weight(key, old);
    held.delete(key);
  }

  return {
    persistent: false,
    async get(key) {
      return held.get(key)?.slice();
    },
    async put(entries) {
      if (!open) return "failed";
      // The last of two entries for one key is the one that counts.
      const fresh = new Map(entries);
      let after = used;
      for (const [key, data] of fresh) {
        const old = held.get(key);
        after += weight(key, data) - (old === undefined ? 0 : weight(key, old));
      }
      if (after > limit) return "full";
      for (const [key, data] of fresh) {
        forget(key);
        held.set(key, data.slice());
      }
      used = after;
      return "stored";
    },
    async delete(keys) {
      for (const key of keys) forget(key);
    },
    async keys() {
      return [...held.keys()];
    },
    close() {
      open = false;
      held.clear();
      used = 0;
    },
  };
}
