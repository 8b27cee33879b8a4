// Real SHA-256 and ECDSA, made synchronously: WebCrypto finishes in an order that differs from run to run.

import { createHash, createPublicKey, verify } from "node:crypto";
import type { Hasher } from "../../client/core/ports.ts";
import { type Bytes, base64url } from "../../tracker/protocol/bytes.ts";

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
