// The `Hasher` of a page, by WebCrypto. Owns the imported keys. Never rejects: a digest that could not be made is
// empty, which equals no digest, and a signature that could not be checked is wrong.

import { type Bytes, base64url } from "../../tracker/protocol/bytes.ts";
import type { Hasher } from "../core/ports.ts";

/** A site has one signer, two while it changes keys; beyond this a stranger is making them up. */
const MOST_KEYS = 16;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;

/** `null` outside a secure context, where browsers offer no `crypto.subtle`. */
export function webCryptoHasher(): Hasher | null {
  // Typed as always there, but absent on plain HTTP.
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  if (subtle === undefined) return null;
  const keys = new Map<string, Promise<CryptoKey | null>>();

  const imported = (key: Bytes): Promise<CryptoKey | null> => {
    const name = base64url(key);
    const known = keys.get(name);
    if (known !== undefined) return known;
    const fresh = subtle.importKey("raw", key, ALGORITHM, false, ["verify"]).catch(() => null);
    if (keys.size >= MOST_KEYS) keys.clear();
    keys.set(name, fresh);
    return fresh;
  };

  return {
    async sha256(data) {
      try {
        return new Uint8Array(await subtle.digest("SHA-256", data));
      } catch {
        return new Uint8Array(0);
      }
    },
    async verify(key, signature, data) {
      try {
        const verifier = await imported(key);
        if (verifier === null) return false;
        return await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, verifier, signature, data);
      } catch {
        return false;
      }
    },
  };
}
