// Whether a statement counts that somebody passes on: by its signer and signature, and by what is known against it.

import { fromBase64url } from "../../../tracker/protocol/bytes.ts";
import { type AssetStatement, isWhole, signedText } from "../../../tracker/protocol/manifest.ts";
import type { Hasher } from "../ports.ts";
import type { Published } from "./published.ts";
import type { Purges } from "./purges.ts";

export interface BeliefNeeds {
  readonly hasher: Hasher;
  readonly pinnedKeys: readonly string[] | null;
  readonly purges: Pick<Purges, "known" | "judge">;
  readonly published: Pick<Published, "epochOf" | "isDistrusted" | "isWithdrawn">;
}

/**
 * Of a signer whom the page names, whose manifest it has read at some time, or whose tracker it has met; rightly signed, and
 * with nothing newer or purged against it.
 */
export async function believes(needs: BeliefNeeds, asset: AssetStatement): Promise<boolean> {
  const { hasher, pinnedKeys, purges, published } = needs;
  const read = await published.epochOf(asset.key);
  const isKnown = read !== undefined || asset.key === purges.known?.key;
  if (pinnedKeys === null ? !isKnown : !pinnedKeys.includes(asset.key)) return false;
  // The rest of what its signer was still reading comes from the signer alone.
  if (!isWhole(asset) || asset.epoch < (read ?? 0) || purges.judge(asset) === "hard") return false;
  if (published.isDistrusted(asset)) return false;
  return !(await published.isWithdrawn(asset)) && isSigned(hasher, asset);
}

export async function isSigned(hasher: Hasher, asset: AssetStatement): Promise<boolean> {
  const key = fromBase64url(asset.key);
  return key !== undefined && hasher.verify(key, asset.signature, signedText(asset));
}
