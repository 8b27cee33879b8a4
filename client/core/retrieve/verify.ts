// Whether a chunk is what the manifest says of it, as soon as it says it.

import { type Bytes, sameBytes } from "../../../tracker/protocol/bytes.ts";
import { digestAt, knownChunksOf } from "../../../tracker/protocol/manifest.ts";
import type { Hasher } from "../ports.ts";
import type { Content } from "../vocabulary.ts";

/** While the signer is still reading, a chunk may be here before its digest. `false`, too, when that is not coming. */
export async function isRight(
  content: Content,
  index: number,
  bytes: Bytes,
  hasher: Pick<Hasher, "sha256">,
): Promise<boolean> {
  const digest = await hasher.sha256(bytes);
  while (index >= knownChunksOf(content.asset)) {
    const more = content.growth?.more ?? null;
    if (more === null) return false;
    await more;
  }
  return sameBytes(digest, digestAt(content.asset, index));
}
