// How long an answer of the origin is good, as a shared cache judges it: RFC 9111, the targeted fields of RFC 9213 and the
// extensions of RFC 5861. Pure, and the receiver's own judgement: where bytes came from, and over how many hops, has no
// part in it. http-cache-semantics would be 3.4 KB in every page, reads the clock itself and knows no targeted fields;
// it is what the tests hold this against.

import type { Validators } from "../ports.ts";
import type { CachingFields, Millis } from "../vocabulary.ts";

/** What the origin said, and when this browser, or a signer, heard it: milliseconds since 1970. */
export interface Receipt {
  readonly headers: CachingFields;
  readonly at: Millis;
  /** Something happened since that may have changed it. */
  readonly doubted?: boolean;
}

/**
 * `fresh`: good. `revalidate`: good for this once, while the origin is asked (stale-while-revalidate). `stale`: ask
 * first; `usable`: what to do when the origin is away (stale-if-error).
 */
export type Freshness =
  | { readonly state: "fresh" }
  | { readonly state: "revalidate"; readonly left: Millis }
  | { readonly state: "stale"; readonly usable: boolean };

/** Guesses from Last-Modified are believed for so long: a working day's cache must not outlive the day's deployments. */
const MOST_GUESS: Millis = 3_600_000;
/** Of the time since the last change (RFC 9111, section 4.2.2). */
const GUESS_SHARE = 0.1;
/** Larger numbers mean this one (RFC 9111, section 1.2.2). */
const MOST_SECONDS = 2 ** 31;

type Directives = ReadonlyMap<string, string | null>;

const DIRECTIVE = /([^\s,;="]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?/g;
/** A dictionary of RFC 9651, as far as directives need it; a targeted field that is none is ignored (RFC 9213, section 2.1). */
const MEMBER = String.raw`[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[^"\\]|\\.)*"|[\w?:/%*+.-]+))?(?:; *[^,;]+)*`;
const DICTIONARY = new RegExp(`^${MEMBER}(?:[ \t]*,[ \t]*${MEMBER})*$`);

function targeted({ "shoal-cache-control": ours, "cdn-cache-control": every }: CachingFields) {
  return [ours, every].find((field) => field !== undefined && DICTIONARY.test(field.trim()));
}

/** The first of a name counts in Cache-Control, the last in a dictionary. */
function directivesOf(headers: CachingFields): Directives {
  const field = targeted(headers);
  const said = new Map<string, string | null>();
  for (const [, name = "", quoted, token] of (field ?? headers["cache-control"] ?? "").matchAll(
    DIRECTIVE,
  )) {
    const key = name.toLowerCase();
    if (field !== undefined || !said.has(key)) said.set(key, quoted ?? token ?? null);
  }
  return said;
}

/** `undefined`: not said. A number that is none means that nothing is fresh. */
function secondsOf(said: Directives, name: string): Millis | undefined {
  const value = said.get(name);
  if (value === undefined) return undefined;
  return /^\d+$/.test(value ?? "") ? Math.min(Number(value), MOST_SECONDS) * 1000 : 0;
}

function lifetimeOf({ headers, at }: Receipt, said: Directives, mostGuess: Millis): Millis {
  if (said.has("no-cache")) return 0;
  const told = secondsOf(said, "s-maxage") ?? secondsOf(said, "max-age");
  if (told !== undefined) return told;
  const since = momentOf(headers.date) ?? at;
  if (headers.expires !== undefined && targeted(headers) === undefined) {
    return Math.max(0, (momentOf(headers.expires) ?? since) - since);
  }
  const changed = momentOf(headers["last-modified"]) ?? since;
  return Math.min(mostGuess, Math.max(0, since - changed) * GUESS_SHARE);
}

function momentOf(text: string | undefined): Millis | undefined {
  const moment = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(moment) ? undefined : moment;
}

/** How old the answer is at `now` (RFC 9111, section 4.2.3). A Date has whole seconds, and so has what it tells. */
export function ageOf({ headers, at }: Receipt, now: Millis): Millis {
  const apparent = Math.max(0, Math.floor(at / 1000) * 1000 - (momentOf(headers.date) ?? at));
  const told = /^\d+$/.test(headers.age ?? "") ? Number(headers.age) * 1000 : 0;
  return Math.max(apparent, told) + Math.max(0, now - at);
}

/** For how long it is fresh; since when it is not, if negative. */
export function leftOf(
  receipt: Receipt,
  now: Millis,
  mostGuess = MOST_GUESS,
  said = directivesOf(receipt.headers),
): Millis {
  const lifetime = receipt.doubted === true ? 0 : lifetimeOf(receipt, said, mostGuess);
  return lifetime - ageOf(receipt, now);
}

/** `mostGuess`: where the origin does not say how long. */
export function freshnessOf(receipt: Receipt, now: Millis, mostGuess = MOST_GUESS): Freshness {
  const said = directivesOf(receipt.headers);
  const left = leftOf(receipt, now, mostGuess, said);
  if (left > 0) return { state: "fresh" };
  const { whileAsked, onError } = gracesOf(said);
  const meanwhile = left + whileAsked;
  if (meanwhile > 0 && receipt.doubted !== true) return { state: "revalidate", left: meanwhile };
  return { state: "stale", usable: left + onError > 0 };
}

/** How long after its end an answer is good while the origin is asked, and how long when that is away. */
function gracesOf(said: Directives): { readonly whileAsked: Millis; readonly onError: Millis } {
  if (said.has("no-cache") || said.has("must-revalidate")) return { whileAsked: 0, onError: 0 };
  // Said outright it counts whatever else is said (RFC 5861, section 4); else a cache that is cut off may go on, unless
  // the origin forbids just that to shared ones (RFC 9111, section 4.2.4).
  const isForbidden = said.has("proxy-revalidate") || said.has("s-maxage");
  return {
    whileAsked: secondsOf(said, "stale-while-revalidate") ?? 0,
    onError: secondsOf(said, "stale-if-error") ?? (isForbidden ? 0 : Number.POSITIVE_INFINITY),
  };
}

/** For how long it may be handed out where nobody can be asked. */
export function lastsFor(receipt: Receipt, now: Millis): Millis {
  const said = directivesOf(receipt.headers);
  const { whileAsked, onError } = gracesOf(said);
  const grace = receipt.doubted === true ? onError : Math.max(whileAsked, onError);
  return leftOf(receipt, now, MOST_GUESS, said) + grace;
}

/** What is known after the origin said, at this moment, that nothing has changed (RFC 9111, section 4.3.4). */
export function renewed(before: Receipt | null, fresh: CachingFields, at: Millis): Receipt {
  // An age that is not said again is over.
  const { age: _over, ...kept } = before?.headers ?? {};
  return { headers: { ...kept, ...fresh }, at };
}

export const hasValidator = (headers: Validators | undefined): boolean =>
  headers?.etag !== undefined || headers?.["last-modified"] !== undefined;

/** Whether a shared cache may have it at all: not for one visitor only, nor one of several that a request chooses from. */
export function isShareable(headers: CachingFields): boolean {
  const said = directivesOf(headers);
  if (said.has("no-store") || said.has("private")) return false;
  // Bodies reach a page decoded: how they were encoded on the way makes no other content. Who may read them (CORS) neither.
  return /^\s*((accept-encoding|origin)\s*(,|$)\s*)*$/i.test(headers.vary ?? "");
}
