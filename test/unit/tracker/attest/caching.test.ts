// What may be everybody's, and for how long, by its headers alone.

import { describe, expect, test } from "vitest";
import {
  cachingHeadersOf,
  freshSecondsOf,
  isUnspoken,
  mayOutlive,
  refusalOf,
} from "../../../../tracker/attest/caching.ts";

type Headers = Readonly<Record<string, string | string[]>>;
const IMAGE = { "content-type": "image/png", etag: '"1"' };
const PAGE = { "content-type": "text/html; charset=utf-8", etag: 'W/"1"' };
const CHANGED = "Mon, 02 Nov 2026 00:00:00 GMT";

test.each<[code: string | undefined, headers: Headers]>([
  [undefined, IMAGE],
  [undefined, { "content-type": "image/png" }],
  [undefined, {}],
  [undefined, { ...IMAGE, vary: "Accept-Encoding, accept-encoding" }],
  [undefined, { ...IMAGE, "cache-control": "max-age=60, no-cache" }],
  [undefined, { ...IMAGE, "cache-control": 'max-age=60, x="a, private"' }],
  ["private", { ...IMAGE, "cache-control": "Private, max-age=60" }],
  ["private", { ...IMAGE, "cache-control": 'private="x"' }],
  ["no-store", { ...IMAGE, "cache-control": "max-age=60,no-store" }],
  ["set-cookie", { ...IMAGE, "set-cookie": ["a=1"] }],
  ["vary", { ...IMAGE, vary: "Accept-Encoding, Cookie" }],
  ["vary", { ...IMAGE, vary: "*" }],
  ["composed", PAGE],
  ["composed", { "content-type": "application/json" }],
  ["composed", { "content-type": "application/ld+json; charset=utf-8", etag: '"1"' }],
  [undefined, { ...PAGE, "last-modified": CHANGED }],
  [undefined, { ...PAGE, "cache-control": "public" }],
  [undefined, { ...PAGE, "cache-control": "max-age=0, must-revalidate" }],
  ["unvalidated", { "content-type": "image/png", "cache-control": "no-cache" }],
  ["unvalidated", { "content-type": "image/png", expires: "0" }],
  ["headers", { ...IMAGE, "cache-control": `max-age=60, x=${"y".repeat(300)}` }],
  // Targeted fields replace the general one, nearest first (RFC 9213).
  [undefined, { ...IMAGE, "cache-control": "private", "cdn-cache-control": "max-age=60" }],
  ["private", { ...IMAGE, "cache-control": "max-age=60", "cdn-cache-control": "private" }],
  ["no-store", { ...IMAGE, "cdn-cache-control": "max-age=60", "shoal-cache-control": "no-store" }],
])("%s: %j", (code, headers) => {
  expect(refusalOf(headers)?.code).toBe(code);
});

describe("an answer is good for", () => {
  const date = new Date().toUTCString();
  test.each<[seconds: number, headers: Headers]>([
    [600, { "cache-control": "max-age=600" }],
    [500, { "cache-control": "max-age=600", age: "100" }],
    [30, { "cache-control": "max-age=600, s-maxage=30" }],
    [86_400, { "cache-control": "max-age=31536000, immutable" }],
    [1, { "cache-control": "no-cache", etag: '"1"' }],
    [1, { "cache-control": "max-age=0" }],
    [1, { expires: "0" }],
    [60, {}],
    [60, { "cache-control": "public" }],
    [60, { "last-modified": date, date }],
    [3600, { "last-modified": CHANGED.replace("2026", "2016"), date }],
    [90, { "cache-control": "max-age=600", "cdn-cache-control": "max-age=90", expires: "0" }],
    [60, { "cdn-cache-control": "public", expires: "0" }],
  ])("%i s: %j", (seconds, headers) => {
    expect(freshSecondsOf(headers)).toBe(seconds);
  });
});

test("only the fields of a statement are stated, as the origin wrote them", () => {
  expect(cachingHeadersOf({ ...IMAGE, "cache-control": "max-age=1", server: "x" })).toEqual({
    "cache-control": "max-age=1",
    etag: '"1"',
  });
});

test("what is to be validated before every use does not outlive its origin", () => {
  for (const value of ["no-cache", "max-age=1, must-revalidate", "s-maxage=60"]) {
    expect(mayOutlive({ "cache-control": value }, 1)).toBe(false);
  }
  expect(mayOutlive({ "cache-control": "max-age=60" }, 80_000)).toBe(true);
});

test("what may be used when its origin fails does, for as long as that says", () => {
  const headers = { "cache-control": "s-maxage=2, stale-if-error=600" };
  expect(mayOutlive(headers, 600)).toBe(true);
  expect(mayOutlive(headers, 601)).toBe(false);
  expect(mayOutlive({ "cache-control": "max-age=2, stale-if-error=0" }, 1)).toBe(false);
  const strict = { "cache-control": "must-revalidate, stale-if-error=600" };
  expect(mayOutlive(strict, 1)).toBe(false);
});

test("an origin that says nothing of time or version is compared", () => {
  expect(isUnspoken({ "content-type": "image/png" })).toBe(true);
  expect(isUnspoken(IMAGE)).toBe(false);
  expect(isUnspoken({ "cache-control": "max-age=60" })).toBe(false);
});
