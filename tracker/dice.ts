// The tracker's dice: unpredictable to others, and bought in bulk, because each visit to the system's generator costs more
// than a whole introduction.

import { randomFillSync } from "node:crypto";
import type { Bytes } from "./protocol/bytes.ts";
import type { Random } from "./tracker.ts";

const POOL_BYTES = 4096;

export function systemDice(): Random {
  const pool = new Uint8Array(POOL_BYTES);
  const view = new DataView(pool.buffer);
  let used = POOL_BYTES;
  const take = (count: number): number => {
    if (used + count > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    used += count;
    return used - count;
  };
  return {
    unit: () => view.getUint32(take(4)) / 2 ** 32,
    bytes: (count): Bytes => {
      if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
      const from = take(count);
      return pool.slice(from, from + count);
    },
  };
}
