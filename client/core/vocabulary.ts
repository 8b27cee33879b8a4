// The domain's nouns as types: one word per thing, the field's own where it has one. No behaviour beyond naming.

import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { SwarmId } from "../../tracker/protocol/ids.ts";
import type { AssetStatement } from "../../tracker/protocol/manifest.ts";

declare const brand: unique symbol;

/** A moment or a span on the `Clock`, in milliseconds. */
export type Millis = number;
/** Whole bytes. */
export type ByteCount = number;

/** base64url of SHA-256 over size, chunk size and digests: what the bytes are, whatever they are called. */
export type ContentId = string & { readonly [brand]: "ContentId" };

/** The bytes of one asset as the manifest describes them, and their id. */
export interface Content {
  readonly id: ContentId;
  readonly idBytes: Bytes;
  /** While there is `growth`, the latest one. */
  readonly asset: AssetStatement;
  /** Of a content that its signer was still reading when it became known. */
  readonly growth?: Growth;
  readonly chunkCount: number;
  /** Where peers who hold or want it meet. */
  readonly swarm: SwarmId;
}

/** How the digests of a content are coming. */
export interface Growth {
  /** Resolves when there are more of them, or will be none; `null`: there will be none. */
  readonly more: Promise<void> | null;
  /** When the last ones came. */
  readonly at: Millis;
}

/** Bytes [first, last], both included, as in HTTP (RFC 9110, section 14.1.2). */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** Fields of an answer that have to do with caching, by name in lower case. */
export type CachingFields = Readonly<Partial<Record<string, string>>>;

/** What a URL is: `left`, for how long at most; `lasts`, for how long where nobody can be asked. */
export interface Standing {
  readonly content: Content;
  readonly left: Millis;
  readonly lasts: Millis;
}

/** Modes of a request that Shoal has a part in (Fetch, "cache mode"); the others are the network's. */
export type CacheMode = "default" | "no-cache" | "force-cache" | "only-if-cached";

/** How much the page minds waiting; a number: it misses it in so many milliseconds. */
export type Urgency = "now" | "soon" | "idle" | Millis;

/** Undoes or stops something. Calling it twice, or too late, does nothing. */
export type Cancel = () => void;

/** What this visitor's circumstances allow; the host page reports changes. */
export interface Conditions {
  /** The page is in a hidden tab. */
  readonly hidden: boolean;
  /** Save-Data is on, or the link is metered. */
  readonly thrifty: boolean;
}
