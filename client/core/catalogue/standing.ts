// What this browser has learned against statements, as it lies in the index store: what was purged, whose manifest is withdrawn,
// and how far a signer's epochs have come. The page writes it; page and service worker go by it.

import { type Bytes, fromUtf8, sameBytes, utf8 } from "../../../tracker/protocol/bytes.ts";
import type { AssetStatement } from "../../../tracker/protocol/manifest.ts";
import {
  isPurge,
  isPurgesKnown,
  type Purge,
  PurgeHistory,
  type PurgesKnown,
} from "../../../tracker/protocol/purge.ts";
import type { Store } from "../ports.ts";

const PURGES_NAME = "purges";
/** The signer whose manifest the site has taken away from this URL. */
export const withdrawnName = (manifest: string): string => `withdrawn.${manifest}`;
/** Of the newest manifest of a signer that was read from this URL. */
export const epochName = (key: string, manifest: string): string => `epoch.${key}.${manifest}`;

export function epochBytes(epoch: number): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, epoch);
  return bytes;
}
export function epochOf(bytes: Bytes | undefined): number {
  if (bytes?.length !== 8) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
}

export interface StoredPurges {
  readonly key: string;
  readonly history: PurgeHistory<Purge>;
}

/** `undefined`: none, or not ours, or of another version: the tracker says it all again. */
export async function storedPurges(index: Pick<Store, "get">): Promise<StoredPurges | undefined> {
  const stored = await index.get(PURGES_NAME);
  if (stored === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(fromUtf8(stored) ?? "");
    const { purges } = value as { purges: unknown };
    if (!isPurgesKnown(value) || !Array.isArray(purges) || !purges.every(isPurge)) return undefined;
    const history = new PurgeHistory<Purge>();
    for (const purge of purges) history.add(purge);
    return { key: value.key, history };
  } catch {
    return undefined;
  }
}

export async function storePurges(
  index: Pick<Store, "put">,
  known: PurgesKnown | null,
  history: PurgeHistory<Purge>,
): Promise<void> {
  const text = JSON.stringify({ ...known, purges: history.since(0) });
  await index.put([[PURGES_NAME, utf8(text)]]);
}

/** What stands against a statement read from this manifest: `soft`, it is good for the day the origin fails. */
export async function against(
  index: Pick<Store, "get">,
  manifest: string,
  asset: AssetStatement,
): Promise<"hard" | "soft" | undefined> {
  const { key, epoch } = asset;
  const [withdrawn, newest, purges] = await Promise.all([
    index.get(withdrawnName(manifest)),
    index.get(epochName(key, manifest)),
    storedPurges(index),
  ]);
  if (withdrawn !== undefined && sameBytes(withdrawn, utf8(key))) return "hard";
  if (epoch < epochOf(newest)) return "hard";
  return purges?.key === key ? purges.history.judge(asset) : undefined;
}
