// A chunk as it lies in the store, "<content id>.<index>" -> bytes: what the page's cache writes, and what both the page and
// the service worker read. Nobody gets bytes from here that were not verified again.

import { type Bytes, sameBytes } from "../../../tracker/protocol/bytes.ts";
import { digestAt } from "../../../tracker/protocol/manifest.ts";
import type { Hasher, Store } from "../ports.ts";
import type { Content, ContentId } from "../vocabulary.ts";

/** The databases. A change of what is in them gets a new name, because idb-keyval cannot migrate one. */
export const CHUNKS_DATABASE = "shoal-chunks-1";
export const INDEX_DATABASE = "shoal-index-1";

export type ChunkKey = string;
/** A number has one spelling, or one chunk would count twice. */
export const CHUNK_KEY = /^([^.]+)\.(0|[1-9]\d{0,9})$/;
export const chunkKey = (content: ContentId, index: number): ChunkKey => `${content}.${index}`;

export interface StoredChunkNeeds {
  readonly chunks: Pick<Store, "get">;
  readonly hasher: Pick<Hasher, "sha256">;
}

/** `undefined` when it is not there, or is not what it was. */
export async function storedChunk(
  { chunks, hasher }: StoredChunkNeeds,
  { id, asset }: Pick<Content, "id" | "asset">,
  index: number,
): Promise<Bytes | undefined> {
  const stored = await chunks.get(chunkKey(id, index));
  const digest = stored && (await hasher.sha256(stored));
  return digest !== undefined && sameBytes(digest, digestAt(asset, index)) ? stored : undefined;
}
