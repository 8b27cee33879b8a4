// Which requests may be answered by Shoal at all, and what part of the asset they want. Everything it does not
// understand goes to the network untouched.

import type { ByteRange, CacheMode, Urgency } from "./core/vocabulary.ts";
import { type Config, originsFrom } from "./options.ts";

/** What `fetch` takes, and what Shoal takes besides. */
export type ShoalInit = RequestInit & {
  readonly shoal?: {
    /** How much the page minds waiting; what it does not miss yet waits for peers. Default `now`. */
    readonly urgency?: Urgency;
    /** Mirrors for this request, as the option `origins`. Ignored when one of them is none. */
    readonly origins?: readonly string[];
    /** `false`: what Shoal cannot serve is not asked of the network; the answer is `Response.error()`. For fetching ahead. */
    readonly passThrough?: boolean;
  };
};

export interface Asked {
  /** Absolute, without fragment. */
  readonly url: string;
  readonly range: string | null;
  /** `reload`: past every cache, or a change; the network's, and what is known of the URL is to be doubted. */
  readonly cache: CacheMode | "reload";
  readonly urgency: Urgency;
  /** Where it is to be had as well; URLs without a slash at the end. */
  readonly origins: readonly string[];
  readonly signal: AbortSignal | null;
}

/** Headers that ask for more than the bytes: who is asking, or whether they changed. */
export const NOT_OURS: readonly string[] = [
  "authorization",
  "cookie",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
];

/** Methods after which a cache still knows what it knew (RFC 9111, section 4.4). */
const SAFE = ["GET", "HEAD", "OPTIONS", "TRACE"];

export interface Scope extends Pick<Config, "include" | "exclude"> {
  /** What relative URLs are relative to now. */
  readonly base: string;
}

/** `null`: pass through. */
export function askedOf(
  input: RequestInfo | URL,
  init: ShoalInit | undefined,
  { include, exclude, base }: Scope,
): Asked | null {
  const request = input instanceof Request ? input : null;
  const url = urlOf(request?.url ?? String(input), base);
  if (url === null || !include.some((pattern) => pattern.test(url))) return null;
  if (exclude.some((pattern) => pattern.test(url))) return null;
  const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
  const cache = init?.cache ?? request?.cache ?? "default";
  if (cache === "reload" || !SAFE.includes(method)) {
    return { url, range: null, cache: "reload", urgency: "now", origins: [], signal: null };
  }
  if (method !== "GET" || (init?.body ?? null) !== null || cache === "no-store") return null;
  const mode = init?.mode ?? request?.mode ?? "cors";
  // `fetch` itself has to refuse it.
  if (cache === "only-if-cached" && mode !== "same-origin") return null;
  if (mode !== "cors" && mode !== "same-origin") return null;
  if ((init?.credentials ?? request?.credentials) === "include") return null;
  if ((init?.redirect ?? request?.redirect ?? "follow") !== "follow") return null;
  // The browser checks `integrity` against the whole body; let it.
  if ((init?.integrity ?? request?.integrity ?? "") !== "") return null;
  const headers = headersOf(init?.headers ?? request?.headers);
  if (headers === null || NOT_OURS.some((name) => headers.has(name))) return null;
  return {
    url,
    range: headers.get("range"),
    cache,
    urgency: init?.shoal?.urgency ?? "now",
    origins: originsFrom(base)(init?.shoal?.origins ?? []) ?? [],
    // `null` takes away the signal that the Request has.
    signal: (init?.signal === undefined ? request?.signal : init.signal) ?? null,
  };
}

/** `null`: no headers at all, which is `fetch`'s own error to report. */
function headersOf(given: HeadersInit | undefined): Headers | null {
  try {
    return new Headers(given);
  } catch {
    return null;
  }
}

function urlOf(text: string, base: string): string | null {
  try {
    const url = new URL(text, base);
    url.hash = "";
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * The bytes a `Range` header wants of an asset of this size (RFC 9110, section 14.2). `pass`: several ranges, another
 * unit or not a range at all, which is the origin's to answer.
 */
export function rangeOf(
  header: string | null,
  size: number,
): ByteRange | "whole" | "unsatisfiable" | "pass" {
  if (header === null) return "whole";
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim());
  const from = match?.[1] ?? "";
  const to = match?.[2] ?? "";
  if (match === null || (from === "" && to === "")) return "pass";
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? "unsatisfiable" : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  const last = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== "" && Number(to) < first) return "pass";
  return first >= size ? "unsatisfiable" : { first, last };
}

/** Rejects with the reason as soon as the signal is aborted. */
export async function unlessAborted<T>(signal: AbortSignal | null, work: Promise<T>): Promise<T> {
  if (signal === null) return work;
  const done = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { signal: done.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    done.abort();
  }
}

export function initOf({ signal }: Asked, range: ByteRange | null): RequestInit {
  const headers = range === null ? {} : { Range: `bytes=${range.first}-${range.last}` };
  return { headers, signal };
}
