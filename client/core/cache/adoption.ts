// Bytes that this browser has from somewhere else, as chunks of a content: all of them, or none.

import { type Bytes, sameBytes } from "../../../tracker/protocol/bytes.ts";
import { digestAt } from "../../../tracker/protocol/manifest.ts";
import type { Hasher } from "../ports.ts";
import type { Content } from "../vocabulary.ts";

/** `undefined`: it is not what the manifest says. Each chunk has a buffer of its own. */
export async function chunksOf(
  { asset, chunkCount }: Content,
  body: Bytes,
  hasher: Pick<Hasher, "sha256">,
): Promise<readonly Bytes[] | undefined> {
  if (body.length !== asset.size) return undefined;
  const chunks: Bytes[] = [];
  for (let index = 0; index < chunkCount; index++) {
    const chunk = body.slice(index * asset.chunkBytes, (index + 1) * asset.chunkBytes);
    if (!sameBytes(await hasher.sha256(chunk), digestAt(asset, index))) return undefined;
    chunks.push(chunk);
  }
  return chunks;
}
