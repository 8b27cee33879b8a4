// Why there is no statement for a URL: stable codes, the sentence and the status that go with each, and how long a "no"
// is remembered. One table, so that a code without a text does not compile.

/** What the origin, the operator's list or our own limits said. `status` is the origin's, where it answered. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly originStatus?: number;
}

interface Meaning {
  readonly title: string;
  /** Of our own answer: 403 not on the list, 404 there is no statement, 429 and 5xx try again. */
  readonly status: 400 | 403 | 404 | 429 | 502 | 503 | 504;
  /** How long the same is said without looking again, in milliseconds. */
  readonly keptMs: number;
}

const MINUTE = 60_000;
/** Somebody has to change the site or its headers first: deployments take minutes. */
const SETTLED = 10 * MINUTE;
/** A bad moment of the origin: short, so that nobody misses its end, long enough that a crowd does not add to it. */
const PASSING = 15_000;

const MEANINGS = {
  malformed: {
    title:
      "Ask with GET, ?url= and one absolute http(s) URL; or with POST and 512 of them at most, one a line.",
    status: 400,
    keptMs: 0,
  },
  "not-listed": {
    title: "This tracker reads no content from this origin.",
    status: 403,
    keptMs: SETTLED,
  },
  address: {
    title: "The origin's name leads to an address that is not public.",
    status: 403,
    keptMs: MINUTE,
  },
  redirect: {
    title: "The origin redirects; ask for where it leads.",
    status: 404,
    keptMs: MINUTE,
  },
  status: { title: "The origin does not answer 200.", status: 404, keptMs: MINUTE },
  private: {
    title: "The answer is for one visitor (Cache-Control: private).",
    status: 404,
    keptMs: SETTLED,
  },
  "no-store": {
    title: "The answer may not be kept (Cache-Control: no-store).",
    status: 404,
    keptMs: SETTLED,
  },
  "set-cookie": {
    title: "The answer sets a cookie, so it is for one visitor.",
    status: 404,
    keptMs: SETTLED,
  },
  vary: {
    title: "The answer depends on more of the request than Accept-Encoding.",
    status: 404,
    keptMs: SETTLED,
  },
  composed: {
    title: "A page or data of which the origin says neither that it is public nor when it changed.",
    status: 404,
    keptMs: SETTLED,
  },
  unvalidated: {
    title: "The answer must be validated before every use and has no validator.",
    status: 404,
    keptMs: SETTLED,
  },
  changing: {
    title: "Two reads brought different bytes.",
    status: 404,
    keptMs: SETTLED,
  },
  headers: {
    title: "The answer's type or caching fields are longer than a statement may hold.",
    status: 404,
    keptMs: SETTLED,
  },
  encoding: {
    title: "The answer has a Content-Encoding that cannot be decoded here.",
    status: 404,
    keptMs: SETTLED,
  },
  "too-large": {
    title: "The answer has more bytes than this tracker reads.",
    status: 404,
    keptMs: SETTLED,
  },
  unreachable: {
    title: "The origin cannot be reached, or broke off in the middle.",
    status: 502,
    keptMs: PASSING,
  },
  timeout: { title: "The origin takes too long.", status: 504, keptMs: PASSING },
  foreign: {
    title: "Pages of this origin may not ask here.",
    status: 403,
    keptMs: SETTLED,
  },
  loop: { title: "This request came from a tracker.", status: 403, keptMs: SETTLED },
  reading: { title: "The URL is still being read.", status: 503, keptMs: 2_000 },
  busy: { title: "This tracker reads as much as it may already.", status: 503, keptMs: 5_000 },
  rate: { title: "Too many questions from this address.", status: 429, keptMs: 10_000 },
} as const satisfies Readonly<Record<string, Meaning>>;

export type RefusalCode = keyof typeof MEANINGS;

export const meaningOf = (code: RefusalCode): Meaning => MEANINGS[code];

/** The origin itself is in trouble, which says nothing about what it had before. */
export const isTrouble = ({ code, originStatus = 0 }: Refusal): boolean =>
  code === "unreachable" || code === "timeout" || (code === "status" && originStatus >= 500);

/** The problem document (RFC 9457) for this URL. `type` never changes for a code. */
export function problemOf(url: string, { code, originStatus }: Refusal): object {
  const { title, status } = MEANINGS[code];
  return {
    type: `urn:shoal:problem:${code}`,
    title,
    status,
    code,
    url,
    ...(originStatus === undefined ? {} : { originStatus }),
  };
}
