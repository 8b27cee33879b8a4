// Real SHA-256 and ECDSA, made synchronously: WebCrypto finishes in an order that differs from run to run. Large worlds
// hash a sample of each chunk, and check each signature once.

import { createHash, createPublicKey, verify } from "node:crypto";
import type { Hasher } from "../../client/core/ports.ts";
import { type Bytes, base64url, concatenated } from "../../tracker/protocol/bytes.ts";
import { SAMPLED_FROM, sampledPlaces } from "./sample.ts";

export function sha256(bytes: Bytes): Bytes {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

export const simHasher: Hasher = {
  sha256: async (bytes) => sha256(bytes),
  verify: async (key, signature, text) => {
    try {
      const x = base64url(key.slice(1, 33));
      const y = base64url(key.slice(33));
      const publicKey = createPublicKey({ key: { kty: "EC", crv: "P-256", x, y }, format: "jwk" });
      return verify("sha256", text, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
    } catch {
      return false;
    }
  },
};

/**
 * The digest of a sample. What a thousand visitors hash is the same few chunks; that SHA-256 tells them apart is not in
 * question.
 */
export function sampledDigest(bytes: Bytes): Bytes {
  if (bytes.length < SAMPLED_FROM) return sha256(bytes);
  const places = sampledPlaces(bytes.length);
  const sample = new Uint8Array(places.length + 4);
  for (let at = 0; at < places.length; at++) sample[at] = bytes[places[at] ?? 0] ?? 0;
  new DataView(sample.buffer).setUint32(places.length, bytes.length);
  return sha256(sample);
}

/** One for each world: it remembers. */
export function sampledHasher(): Hasher {
  const verified = new Map<string, Promise<boolean>>();
  return {
    sha256: async (bytes) => sampledDigest(bytes),
    verify: (key, signature, text) => {
      const name = base64url(sha256(concatenated([key, signature, text])));
      const known = verified.get(name) ?? simHasher.verify(key, signature, text);
      verified.set(name, known);
      return known;
    },
  };
}
