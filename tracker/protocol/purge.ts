// What a site has taken back: a purge names assets by URL, prefix or tag, and everything its signer stated of them up to
// its epoch. Types, bounds, the exact text that is signed, the parser, and the history that tracker and browser keep
// alike. Signing and checking are done by whoever has a key or a hasher.

import { type Bytes, isBase64url, utf8 } from "./bytes.ts";
import { type AssetStatement, isTag, isUrl, KEY_BYTES, SIGNATURE_BYTES } from "./manifest.ts";

const PURGE_FORMAT = "shoal-purge/1";

/**
 * Kept apart from each other; beyond, the older half becomes one purge of everything. 256 of a hundred characters are
 * 60 KB for a browser that comes for the first time.
 */
export const MAX_PURGES = 256;

/** A dozen of the longest fit in one message. */
export const MAX_PURGES_PER_MESSAGE = 12;

export type PurgeScope = "url" | "prefix" | "tag" | "all";

export interface Purge {
  /** Rises with every purge. Counts together with the epochs of statements: what was stated up to it is meant. */
  readonly epoch: number;
  readonly scope: PurgeScope;
  /** The URL, the beginning of URLs, or the tag; empty for `all`. */
  readonly what: string;
  /** Not wrong, but out of date: still good for the day the origin fails. */
  readonly soft: boolean;
}
export interface PurgeRecord extends Purge {
  /** base64url, like in a manifest. */
  readonly signature: string;
}

/** The purges of one signer up to an epoch; 0: none. */
export interface PurgesKnown {
  /** base64url of the uncompressed point. */
  readonly key: string;
  readonly epoch: number;
}

type Purged = Pick<AssetStatement, "url" | "tags" | "epoch">;

/** What is signed, as UTF-8: JSON with keys in order (RFC 8785, JCS). `key`: the signer's, whose statements it takes back. */
export function purgeText({ epoch, scope, what, soft }: Purge, key: string): Bytes {
  return utf8(JSON.stringify({ epoch, format: PURGE_FORMAT, key, scope, soft, what }));
}

const isEpoch = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

export const isPurgesKnown = (value: unknown): value is PurgesKnown =>
  isFields(value) && isBase64url(value.key, KEY_BYTES) && isEpoch(value.epoch);

export const isPurge = (value: unknown): value is Purge =>
  isFields(value) &&
  isEpoch(value.epoch) &&
  typeof value.soft === "boolean" &&
  isTarget(value.scope, value.what);

/** One message's worth. Signatures are not checked here. */
export const arePurgeRecords = (values: unknown): values is readonly PurgeRecord[] =>
  Array.isArray(values) && values.length <= MAX_PURGES_PER_MESSAGE && values.every(isPurgeRecord);

export const isPurgeRecord = (value: unknown): value is PurgeRecord =>
  isPurge(value) && isBase64url((value as unknown as Fields).signature, SIGNATURE_BYTES);

/** Whether there is such a scope, and `what` may be purged in it. */
export function isTarget(scope: unknown, what: unknown): boolean {
  switch (scope) {
    case "all":
      return what === "";
    case "tag":
      return isTag(what);
    case "url":
    case "prefix":
      return isUrl(what);
    default:
      return false;
  }
}

/** Whether a purge of this scope is about the asset, whatever was stated when. */
export function isAbout(
  { scope, what }: Purge,
  { url, tags = [] }: Omit<Purged, "epoch">,
): boolean {
  switch (scope) {
    case "url":
      return url === what;
    case "prefix":
      return url.startsWith(what);
    case "tag":
      return tags.includes(what);
    case "all":
      return true;
  }
}

/** Whether the later purge says all that the earlier one says. */
export function covers(later: Purge, earlier: Purge): boolean {
  if (later.soft && !earlier.soft) return false;
  if (later.scope === "all") return true;
  if (later.scope === earlier.scope && later.what === earlier.what) return true;
  return (
    later.scope === "prefix" &&
    (earlier.scope === "url" || earlier.scope === "prefix") &&
    earlier.what.startsWith(later.what)
  );
}

/** Purges of one signer in the order of their epochs, without those that a later one makes idle. */
export class PurgeHistory<Kept extends Purge> {
  #purges: readonly Kept[] = [];

  /** Of the newest; 0 when there is none. */
  get epoch(): number {
    return this.#purges.at(-1)?.epoch ?? 0;
  }
  since(epoch: number): readonly Kept[] {
    return this.#purges.filter((purge) => purge.epoch > epoch);
  }

  /** `false`: it is not newer than what is known, and changes nothing. */
  add(purge: Kept): boolean {
    if (purge.epoch <= this.epoch) return false;
    this.#purges = [...this.#purges.filter((earlier) => !covers(purge, earlier)), purge];
    return true;
  }

  /** What this statement of the signer's is worth: nothing after a hard purge, a makeshift after a soft one. */
  judge(asset: Purged): "hard" | "soft" | undefined {
    const purges = this.#purges.filter(
      (purge) => asset.epoch <= purge.epoch && isAbout(purge, asset),
    );
    if (purges.length === 0) return undefined;
    return purges.every(({ soft }) => soft) ? "soft" : "hard";
  }

  /** What can stand for the older half, once there are more than may be kept: it takes back more, and nothing less. */
  get overflow(): Purge | undefined {
    const older = this.#purges.slice(0, this.#purges.length / 2);
    const { epoch } = older.at(-1) ?? {};
    if (this.#purges.length <= MAX_PURGES || epoch === undefined) return undefined;
    return { epoch, scope: "all", what: "", soft: older.every(({ soft }) => soft) };
  }
  /** Takes an `overflow` in place of what it stands for. */
  fold(overflow: Kept): void {
    this.#purges = [overflow, ...this.since(overflow.epoch)];
  }
}
