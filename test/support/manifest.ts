// Signed manifests for tests, made of bytes in memory with a key of their own. The real publisher has its own tests.

import { createHash, webcrypto } from "node:crypto";
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
}

export async function newPublisher(): Promise<Publisher> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const pair = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const key = base64url(new Uint8Array(await webcrypto.subtle.exportKey("raw", pair.publicKey)));

  async function statement(
    url: string,
    body: Uint8Array,
    {
      epoch = 1,
      chunkBytes = CHUNK_BYTES,
      type = "application/octet-stream",
    }: StatementSettings = {},
  ): Promise<AssetStatement> {
    const digests: Bytes[] = [];
    for (let index = 0; index < chunkCountOf(body.length, chunkBytes); index++) {
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
    };
    const text = signedText(facts);
    const signed = await webcrypto.subtle.sign(
      { name: "ECDSA", hash: "SHA-256" },
      pair.privateKey,
      text,
    );
    return { ...facts, signature: new Uint8Array(signed) };
  }

  return {
    key,
    statement,
    async manifest(bodies, settings = {}) {
      const assets = await Promise.all(
        Object.entries(bodies).map(([url, body]) => statement(url, body, settings)),
      );
      return writeManifest(settings.epoch ?? 1, key, assets);
    },
  };
}
