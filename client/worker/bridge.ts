// What page and service worker say to each other: names, messages, and the only parsers of them. Shared by both ends, which may be
// of different releases; whatever this one does not know is refused. Holds nothing.
//
//   page -> worker   hello                                    worker -> page   welcome, on the port that came with it
//   worker -> page   find, with a port                        page -> worker   found or none, on that port; then, there,
//                    read (first bytes), pull (more bytes),                    bytes, end or failed, one for each wish,
//                    ping, cancel                                              and pong

import type { Bytes } from "../../tracker/protocol/bytes.ts";
import { type AssetStatement, MAX_URL_LENGTH } from "../../tracker/protocol/manifest.ts";
import { readStatement } from "../core/cache/description.ts";
import type { ByteRange } from "../core/vocabulary.ts";

/** Raised with every change of what is said here. Page and worker of different versions leave each other alone. */
export const BRIDGE_VERSION = 1;

/**
 * On reads of the origin by a page that answers for its worker: without it the worker would ask that same page for them. The
 * worker takes it away again, so no server ever sees it.
 */
export const BYPASS_HEADER = "Shoal-Bypass";

/**
 * The lock that a page holds while it answers its worker. The browser keeps it and lets go of it when the page is gone, so a
 * worker that has just been started knows at once whom to ask, and asks nobody who cannot hear.
 */
export const hostLock = (client: string): string => `shoal-host-${BRIDGE_VERSION} ${client}`;

export interface Welcome {
  readonly version: number;
  /** The page's id, as the worker sees it. */
  readonly client: string;
  /** Whether the worker does nothing else; otherwise it is the site's own, which calls `handleFetch`. */
  readonly sole: boolean;
}

export type Wish =
  /** Begin here, and give the first bytes. */
  | { readonly wish: "read"; readonly range: ByteRange | "whole" }
  | { readonly wish: "pull" | "ping" | "cancel" };

export type Reply =
  /** `statement`: a manifest of this one asset. */
  | { readonly reply: "found"; readonly statement: string }
  /** The receiver owns the buffer. */
  | { readonly reply: "bytes"; readonly bytes: Bytes }
  | { readonly reply: "none" | "end" | "failed" | "pong" };

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};

export const HELLO = { shoal: "hello" } as const;
export const isHello = (message: unknown): boolean => fieldsOf(message).shoal === HELLO.shoal;

export function welcomeOf(message: unknown): Welcome | null {
  const { version, client, sole } = fieldsOf(message);
  if (typeof version !== "number" || typeof client !== "string") return null;
  return { version, client, sole: sole === true };
}

export const findOf = (url: string) => ({ shoal: "find", version: BRIDGE_VERSION, url }) as const;

/** The URL that a worker of this version asks for; `null`: of another one. `undefined`: somebody else's message. */
export function wantedOf(message: unknown): string | null | undefined {
  const { shoal, version, url } = fieldsOf(message);
  if (shoal !== "find") return undefined;
  const isFine = typeof url === "string" && url.length <= MAX_URL_LENGTH;
  return isFine && version === BRIDGE_VERSION ? url : null;
}

export function wishOf(message: unknown): Wish | null {
  const { wish, range } = fieldsOf(message);
  if (wish === "pull" || wish === "ping" || wish === "cancel") return { wish };
  if (wish !== "read") return null;
  if (range === "whole") return { wish, range };
  const { first, last } = fieldsOf(range);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) return null;
  return { wish, range: { first: first as number, last: last as number } };
}

/** What is not a reply is a failure: whoever sent it is not to be relied on. */
export function replyOf(message: unknown): Reply {
  const { reply, statement, bytes } = fieldsOf(message);
  if (reply === "found" && typeof statement === "string") return { reply, statement };
  if (reply === "bytes" && bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer) {
    return { reply, bytes: bytes as Bytes };
  }
  if (reply === "none" || reply === "end" || reply === "pong") return { reply };
  return { reply: "failed" };
}

/** The one asset that a text, written by `writeManifest`, is about. */
export function assetIn(text: string, url: string): AssetStatement | undefined {
  const asset = readStatement(text);
  return asset?.url === url ? asset : undefined;
}
