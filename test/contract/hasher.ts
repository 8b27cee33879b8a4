// The battery of the `Hasher` port: fixed vectors, and that nothing a stranger sends makes it reject.

import type { Hasher } from "../../client/core/ports.ts";
import { type Bytes, base64url, fromBase64url, utf8 } from "../../tracker/protocol/bytes.ts";
import { type Cases, patterned, type Rig, runCases, same } from "./battery.ts";

export interface HasherRig extends Rig {
  readonly hasher: Hasher;
}

function bytes(text: string): Bytes {
  const value = fromBase64url(text);
  if (value === undefined) throw new Error(`not base64url: ${text}`);
  return value;
}

/** FIPS 180-2 examples, and one sentence. */
const DIGESTS: readonly (readonly [text: string, digest: string])[] = [
  ["", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"],
  ["abc", "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"],
  ["a school of fish", "gLOsrqXEhUV_mE0DZPchugn_kXlqlSqQu-XSlyH1oRg"],
];

/** Made once with OpenSSL, its private key thrown away. */
const SIGNED = {
  key: bytes(
    "BF0I9Ze5eWg0UT848jHkbc5ymG1VNwCDpt_LSjHWM8CftzIojBcgLXrE3dD-Q4KoKTDTfF12AblhDeaZymAmhYI",
  ),
  signature: bytes(
    "aT4NdY2SwNrzsZ5PxrwXDrk-ygiiZ9mRg1EphuHtavUoLxuIpD6suHus007aro8NcNtpg5Eu-bCslz8q1zhj2Q",
  ),
  data: utf8("a school of fish"),
};

const flipped = (data: Bytes, at: number): Bytes =>
  data.map((byte, index) => (index === at ? byte ^ 1 : byte));

const CASES: Cases<HasherRig> = {
  "digests are SHA-256": async ({ hasher }) => {
    for (const [text, digest] of DIGESTS) {
      same(base64url(await hasher.sha256(utf8(text))), digest, JSON.stringify(text));
    }
  },
  "a view is hashed as the view alone": async ({ hasher }) => {
    const view = concatenatedAround(utf8("abc"));
    same(base64url(await hasher.sha256(view)), DIGESTS[1]?.[1], "digest");
  },
  "many digests at once each answer for their own bytes": async ({ hasher }) => {
    const inputs = [...Array(16).keys()].map((n) => patterned(1 + n * 4096, n));
    const together = await Promise.all(inputs.map((input) => hasher.sha256(input)));
    for (const [at, input] of inputs.entries()) {
      same(together[at], await hasher.sha256(input), `digest ${at}`);
    }
  },
  "a genuine signature is accepted, every time": async ({ hasher }) => {
    for (let time = 0; time < 3; time++) {
      same(await hasher.verify(SIGNED.key, SIGNED.signature, SIGNED.data), true, "verify");
    }
  },
  "another text, signature or key is refused": async ({ hasher }) => {
    const { key, signature, data } = SIGNED;
    same(await hasher.verify(key, signature, utf8("a school of fist")), false, "other text");
    for (const at of [0, 31, 32, 63]) {
      same(await hasher.verify(key, flipped(signature, at), data), false, `signature, byte ${at}`);
    }
    same(await hasher.verify(flipped(key, 64), signature, data), false, "other key");
    same(await hasher.verify(key, new Uint8Array(64), data), false, "signature of zeros");
  },
  "keys and signatures of any shape are refused, never an error": async ({ hasher }) => {
    for (const length of [0, 1, 32, 64, 65, 66, 4096]) {
      same(await hasher.verify(patterned(length, 7), SIGNED.signature, SIGNED.data), false, "key");
      if (length !== 64) {
        same(
          await hasher.verify(SIGNED.key, patterned(length, 7), SIGNED.data),
          false,
          "signature",
        );
      }
    }
    same(
      await hasher.verify(SIGNED.key, SIGNED.signature, SIGNED.data),
      true,
      "the right one after",
    );
  },
};

function concatenatedAround(middle: Bytes): Bytes {
  const larger = new Uint8Array(middle.length + 20).fill(9);
  larger.set(middle, 10);
  return larger.subarray(10, 10 + middle.length);
}

/** Throws at the first case `make`'s hashers fail. */
export function hasherBattery(make: () => HasherRig | Promise<HasherRig>): Promise<void> {
  return runCases("Hasher", CASES, make);
}
