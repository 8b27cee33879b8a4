// From a signed statement to the content it describes: its id, and the swarm where its peers meet.

import { base64url, utf8 } from "../../../tracker/protocol/bytes.ts";
import { swarmIdFrom } from "../../../tracker/protocol/ids.ts";
import {
  type AssetStatement,
  chunkCountOf,
  contentText,
} from "../../../tracker/protocol/manifest.ts";
import type { Hasher } from "../ports.ts";
import type { ByteCount, Content, ContentId } from "../vocabulary.ts";

/**
 * From here on an asset is a swarm of its own. Below, the assets of one directory share one, so that a page of a
 * hundred images costs one announce; 4 MiB takes long enough to fetch that finding its holders is worth one more.
 */
export const LARGE_BYTES: ByteCount = 4 * 1024 * 1024;

export async function contentOf(asset: AssetStatement, hasher: Hasher): Promise<Content> {
  const idBytes = await hasher.sha256(contentText(asset));
  const id = base64url(idBytes) as ContentId;
  const group = asset.size >= LARGE_BYTES ? `content ${id}` : `group ${directoryOf(asset.url)}`;
  const swarm = swarmIdFrom(await hasher.sha256(utf8(`shoal-swarm/1 ${group}`)));
  return { id, idBytes, asset, chunkCount: chunkCountOf(asset.size, asset.chunkBytes), swarm };
}

/** With its slash; whatever a query says. */
export function directoryOf(url: string): string {
  const path = url.split("?", 1)[0] ?? url;
  return path.slice(0, path.lastIndexOf("/") + 1);
}
