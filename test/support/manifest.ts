// Signed manifests for tests, made of bytes in memory with a key of their own. The real publisher has its own tests.

import { createHash, webcrypto } from "node:crypto";
import type { SigningKey } from "../../tracker/manifest/keys.ts";
import { type Bytes, base64url, concatenated } from "../../tracker/protocol/bytes.ts";
import {
  type AssetStatement,
  CHUNK_BYTES,
  chunkCountOf,
  signedText,
  writeManifest,
} from "../../tracker/protocol/manifest.ts";

export interface Publisher {
  /** base64url of the uncompressed point. */
  readonly key: string;
  sign(text: Bytes): Promise<Bytes>;
  statement(url: string, body: Uint8Array, settings?: StatementSettings): Promise<AssetStatement>;
  /** The manifest file over these assets. */
  manifest(
    bodies: Readonly<Record<string, Uint8Array>>,
    settings?: StatementSettings,
  ): Promise<string>;
}
export interface StatementSettings {
  readonly epoch?: number;
  readonly chunkBytes?: number;
  readonly type?: string;
  /** With a version: of so many chunks there are digests so far; default all. */
  readonly known?: number;
  readonly version?: string;
}

/** With the site's own key, or one that nobody else has. */
export async function newPublisher(owned?: SigningKey): Promise<Publisher> {
  const { publicKey: key, sign } = owned ?? (await freshKey());

  async function statement(
    url: string,
    body: Uint8Array,
    {
      epoch = 1,
      chunkBytes = CHUNK_BYTES,
      type = "application/octet-stream",
      known = Number.POSITIVE_INFINITY,
      version,
    }: StatementSettings = {},
  ): Promise<AssetStatement> {
    const digests: Bytes[] = [];
    for (let index = 0; index < Math.min(known, chunkCountOf(body.length, chunkBytes)); index++) {
      const chunk = body.subarray(index * chunkBytes, (index + 1) * chunkBytes);
      digests.push(new Uint8Array(createHash("sha256").update(chunk).digest()));
    }
    const facts = {
      url,
      size: body.length,
      chunkBytes,
      digests: concatenated(digests),
      type,
      epoch,
      key,
      ...(version === undefined ? {} : { version }),
    };
    return { ...facts, signature: await sign(signedText(facts)) };
  }

  return {
    key,
    sign,
    statement,
    async manifest(bodies, settings = {}) {
      const assets = await Promise.all(
        Object.entries(bodies).map(([url, body]) => statement(url, body, settings)),
      );
      return writeManifest(settings.epoch ?? 1, key, assets);
    },
  };
}

async function freshKey(): Promise<Pick<SigningKey, "publicKey" | "sign">> {
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const pair = await webcrypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const point = new Uint8Array(await webcrypto.subtle.exportKey("raw", pair.publicKey));
  const how = { name: "ECDSA", hash: "SHA-256" };
  return {
    publicKey: base64url(point),
    sign: async (text) => new Uint8Array(await webcrypto.subtle.sign(how, pair.privateKey, text)),
  };
}
