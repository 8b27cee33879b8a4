// May an answer be everybody's, and for how long is it good? Judged by its headers as a shared cache would (RFC 9111, and
// the targeted fields of RFC 9213), and more strictly where a mistake would give one visitor's page to another. Pure.

import type { IncomingHttpHeaders } from "node:http";
import CachePolicy from "http-cache-semantics";
import {
  CACHING_FIELDS,
  type CachingHeaders,
  isFact,
  isTag,
  MAX_TAGS,
} from "../protocol/manifest.ts";
import type { Refusal } from "./refusal.ts";

/**
 * An origin that says nothing about freshness is believed for a minute, one that says when the file changed for a tenth
 * of the time since, but not for longer than an hour (heuristics: RFC 9111, section 4.2.2).
 */
const LEAST_GUESS_S = 60;
const MOST_GUESS_S = 3600;
/** A crowd's questions within a second are one question, whatever must be validated before every use. */
const LEAST_S = 1;
const MOST_S = 86_400;

/** What servers compose for whoever asks; a file of this kind comes with the time it was changed. */
const COMPOSED = /^(text\/html|application\/(xhtml\+xml|json|[\w.+-]+\+json))\b/i;

/** Why a 200 with these headers may not be vouched for. */
export function refusalOf(headers: IncomingHttpHeaders): Refusal | undefined {
  const said = directivesOf(cacheControlOf(headers));
  if (said.has("no-store")) return { code: "no-store" };
  if (said.has("private")) return { code: "private" };
  if (headers["set-cookie"] !== undefined) return { code: "set-cookie" };
  if (variesBeyondEncoding(headers.vary ?? "")) return { code: "vary" };
  const isMeantForAll =
    headers["last-modified"] !== undefined || said.has("public") || isExplicit(headers);
  if (COMPOSED.test(headers["content-type"] ?? "") && !isMeantForAll) return { code: "composed" };
  if (freshSecondsOf(headers) <= LEAST_S && !hasValidator(headers)) return { code: "unvalidated" };
  if ((tagsOf(headers) ?? []).length > MAX_TAGS) return { code: "headers" };
  return cachingHeadersOf(headers) === undefined ? { code: "headers" } : undefined;
}

/** What the answer may be purged by; `undefined` when it says nothing of that. What no purge can name is left out. */
export function tagsOf(headers: Fields): readonly string[] | undefined {
  const [tags, keys] = [textOf(headers["cache-tag"]), textOf(headers["surrogate-key"])];
  if (tags === undefined && keys === undefined) return undefined;
  return [...new Set(`${tags ?? ""} ${keys ?? ""}`.split(/[\s,]+/))].filter(isTag);
}

/** For how many seconds from now on the answer is good without asking again. */
export function freshSecondsOf(headers: IncomingHttpHeaders): number {
  const targeted = targetedOf(headers);
  // A targeted field replaces Cache-Control and Expires (RFC 9213, section 2.2).
  const { expires, pragma, ...others } = headers;
  const judged = targeted === undefined ? headers : { ...others, "cache-control": targeted };
  const policy = new CachePolicy(
    { method: "GET", headers: {} },
    { status: 200, headers: judged },
    { shared: true },
  );
  const lifetime = isExplicit(headers)
    ? policy.maxAge()
    : Math.min(Math.max(policy.maxAge(), LEAST_GUESS_S), MOST_GUESS_S);
  // Its age is the origin's plus the moment since the line above.
  return Math.round(Math.min(Math.max(lifetime - policy.age(), LEAST_S), MOST_S));
}

/** Whether the origin speaks to shared caches, and so of an answer that is the same for whoever asks. */
export function isForAll(headers: IncomingHttpHeaders): boolean {
  const said = directivesOf(cacheControlOf(headers));
  return targetedOf(headers) !== undefined || said.has("public") || said.has("s-maxage");
}

/** Whether what the origin had may be said for so long after its freshness, while the origin is away. */
export function mayOutlive(headers: CachingHeaders, seconds: number): boolean {
  const control = cacheControlOf(headers);
  const said = directivesOf(control);
  if (said.has("must-revalidate") || said.has("no-cache")) return false;
  // Said outright it counts whatever else is said (RFC 5861, section 4).
  const onError = /(?:^|[\s,])stale-if-error\s*=\s*"?(\d+)/i.exec(control)?.[1];
  if (onError !== undefined) return seconds <= Number(onError);
  return !said.has("proxy-revalidate") && !said.has("s-maxage");
}

/** Nothing but a comparison can tell whether the answer is the same for everybody. */
export const isUnspoken = (headers: IncomingHttpHeaders): boolean =>
  !hasValidator(headers) && !isExplicit(headers);

const hasValidator = (headers: IncomingHttpHeaders): boolean =>
  headers.etag !== undefined || headers["last-modified"] !== undefined;

/** Whether the origin says how long; a wrong `Expires` says "not at all" (RFC 9111, section 5.3). */
function isExplicit(headers: IncomingHttpHeaders): boolean {
  const said = directivesOf(cacheControlOf(headers));
  if (["max-age", "s-maxage", "no-cache", "immutable"].some((name) => said.has(name))) return true;
  return targetedOf(headers) === undefined && headers.expires !== undefined;
}

/** The fields a statement carries; `undefined` when one of them is too long to be stated. */
export function cachingHeadersOf(headers: IncomingHttpHeaders): CachingHeaders | undefined {
  const kept: Record<string, string> = {};
  for (const field of CACHING_FIELDS) {
    const value = headers[field];
    if (value === undefined) continue;
    if (!isFact(value)) return undefined;
    kept[field] = value;
  }
  return kept;
}

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

function targetedOf(headers: Fields): string | undefined {
  return textOf(headers["shoal-cache-control"]) ?? textOf(headers["cdn-cache-control"]);
}
const cacheControlOf = (headers: Fields): string =>
  targetedOf(headers) ?? textOf(headers["cache-control"]) ?? "";
const textOf = (value: Fields[string]): string | undefined =>
  typeof value === "string" ? value : value?.join(", ");

/** The names, in lower case. Text in quotes is a value, whatever it looks like. */
function directivesOf(cacheControl: string): ReadonlySet<string> {
  const bare = cacheControl.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  return new Set(bare.split(",").map((part) => part.split("=", 1)[0]?.trim().toLowerCase() ?? ""));
}

function variesBeyondEncoding(vary: string): boolean {
  const fields = vary.split(",").map((field) => field.trim().toLowerCase());
  return fields.some((field) => field !== "" && field !== "accept-encoding");
}
