// The `Random` of a page, from the browser's own cryptographic generator. Owns nothing. Never falls back to
// `Math.random`: ids and secrets are made of it.

import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { Random } from "../core/ports.ts";

/** `getRandomValues` throws above this (Web Cryptography, section 10.1.1). */
const MOST_AT_ONCE = 65_536;

export function browserRandom(): Random {
  const words = new Uint32Array(2);
  return {
    unit() {
      crypto.getRandomValues(words);
      // 53 bits, as many as a double holds below 1.
      return ((words[0] ?? 0) * 2 ** 21 + ((words[1] ?? 0) >>> 11)) / 2 ** 53;
    },
    bytes(count): Bytes {
      const drawn = new Uint8Array(count);
      for (let at = 0; at < count; at += MOST_AT_ONCE) {
        crypto.getRandomValues(drawn.subarray(at, at + MOST_AT_ONCE));
      }
      return drawn;
    },
  };
}
