// What earlier visits and other tabs have left in the stores: chunks with what describes them, and what belongs to nothing any
// more. Reads only; what becomes of it is the cache's business.

import { knownChunksOf } from "../../../tracker/protocol/manifest.ts";
import type { Store } from "../ports.ts";
import type { Content } from "../vocabulary.ts";
import {
  type ContentOf,
  descriptionKey,
  isDescriptionKey,
  readDescription,
} from "./description.ts";
import { CHUNK_KEY, type ChunkKey } from "./stored-chunk.ts";

export interface Inventory {
  readonly held: readonly (readonly [content: Content, index: number])[];
  /** Chunks that nothing describes. */
  readonly strays: readonly ChunkKey[];
  /** Descriptions of nothing, in the index store. */
  readonly orphans: readonly string[];
}

export async function inventory(
  { chunks, index }: { readonly chunks: Store; readonly index: Store },
  contentOf: ContentOf,
): Promise<Inventory> {
  // In this order: another tab that stores something just now describes it first.
  const keys = await chunks.keys();
  const described = new Map<string, Content>();
  const orphans: string[] = [];
  for (const name of await index.keys()) {
    if (!isDescriptionKey(name)) continue;
    const content = await readDescription(index, name, contentOf);
    if (content === undefined) orphans.push(name);
    else described.set(content.id, content);
  }
  const held: [Content, number][] = [];
  const strays: ChunkKey[] = [];
  for (const key of keys) {
    const [, id = "", at = ""] = CHUNK_KEY.exec(key) ?? [];
    const content = described.get(id);
    if (content === undefined || Number(at) >= knownChunksOf(content.asset)) strays.push(key);
    else held.push([content, Number(at)]);
  }
  for (const [content] of held) described.delete(content.id);
  for (const { id } of described.values()) orphans.push(descriptionKey(id));
  return { held, strays, orphans };
}

/** Indices by whose they are. */
export function byContent<Of>(
  entries: readonly { readonly held: Of; readonly index: number }[],
): ReadonlyMap<Of, readonly number[]> {
  const grouped = new Map<Of, number[]>();
  for (const { held } of entries) grouped.set(held, []);
  for (const { held, index } of entries) grouped.get(held)?.push(index);
  return grouped;
}
