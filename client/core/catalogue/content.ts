// From a signed statement to the content it describes: its id, and the swarm where its peers meet; and what happens to a
// content whose signer is still reading it.

import { type Bytes, base64url, utf8 } from "../../../tracker/protocol/bytes.ts";
import { type SwarmId, swarmIdFrom } from "../../../tracker/protocol/ids.ts";
import {
  type AssetStatement,
  chunkCountOf,
  contentText,
  knownChunksOf,
} from "../../../tracker/protocol/manifest.ts";
import type { Hasher } from "../ports.ts";
import type { ByteCount, Content, ContentId, Millis } from "../vocabulary.ts";

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

export class GrowingContent implements Content {
  readonly id: ContentId;
  readonly idBytes: Bytes;
  readonly chunkCount: number;
  readonly swarm: SwarmId;
  asset: AssetStatement;
  growth: { readonly more: Promise<void> | null; readonly at: Millis };
  #wake: () => void = () => {};

  /** `content`: as its first statement describes it. */
  constructor({ id, idBytes, chunkCount, swarm, asset }: Content, now: Millis) {
    this.id = id;
    this.idBytes = idBytes;
    this.chunkCount = chunkCount;
    this.swarm = swarm;
    this.asset = asset;
    this.growth = { more: this.#more(), at: now };
  }

  /** The next statement of the same version. */
  grow(asset: AssetStatement, now: Millis): void {
    const wake = this.#wake;
    this.asset = asset;
    const isWhole = knownChunksOf(asset) === this.chunkCount;
    this.growth = { more: isWhole ? null : this.#more(), at: now };
    wake();
  }

  /** There is nothing more to come. */
  end(): void {
    this.growth = { more: null, at: this.growth.at };
    this.#wake();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Still: a content that has grown to its end is one like any other. */
export const isGrowing = ({ growth }: Content): boolean => (growth?.more ?? null) !== null;

/** With its slash; whatever a query says. */
export function directoryOf(url: string): string {
  const path = url.split("?", 1)[0] ?? url;
  return path.slice(0, path.lastIndexOf("/") + 1);
}
