// How long an answer is good: by table where the texts of the RFCs decide, and by property against http-cache-semantics
// for whatever headers an origin may send.

import fc from "fast-check";
import CachePolicy from "http-cache-semantics";
import { describe, expect, test } from "vitest";
import { ageOf, freshnessOf, isShareable } from "../../../../../client/core/catalogue/freshness.ts";
import type { CachingFields } from "../../../../../client/core/vocabulary.ts";

const AT = Date.parse("2026-11-02T12:00:00Z");
const httpDate = (moment: number): string => new Date(moment).toUTCString();
const DATE = httpDate(AT);

/** So many seconds after it was received. */
const after = (seconds: number, headers: CachingFields) =>
  freshnessOf({ headers, at: AT }, AT + seconds * 1000);
const control = (value: string): CachingFields => ({ "cache-control": value });

test("a Date, which has whole seconds, makes nothing older than the second it names", () => {
  const headers = { date: DATE };
  expect(ageOf({ headers, at: AT + 999 }, AT + 999)).toBe(0);
  expect(ageOf({ headers, at: AT + 1000 }, AT + 1500)).toBe(1500);
});

describe("an answer is fresh for", () => {
  test.each<[seconds: number, headers: CachingFields]>([
    [600, control("max-age=600")],
    [600, control("MAX-AGE=600")],
    [600, control('max-age="600"')],
    [600, control("public , max-age = 600")],
    [500, { ...control("max-age=600"), age: "100" }],
    [400, { ...control("max-age=600"), date: httpDate(AT - 200_000) }],
    [400, { ...control("max-age=600"), date: httpDate(AT - 200_000), age: "100" }],
    [600, { ...control("max-age=600"), date: httpDate(AT + 200_000), age: "x" }],
    [30, control("max-age=600, s-maxage=30")],
    [30, control("max-age=30, max-age=600")],
    [2 ** 31, control("max-age=99999999999999")],
    [600, { expires: httpDate(AT + 600_000), date: DATE }],
    [600, { expires: httpDate(AT + 600_000) }],
    [10, { ...control("max-age=10"), expires: httpDate(AT + 600_000) }],
    [100, { "last-modified": httpDate(AT - 1_000_000), date: DATE }],
    [3600, { "last-modified": httpDate(AT - 10 ** 9), date: DATE }],
    [100, { ...control("immutable"), "last-modified": httpDate(AT - 1_000_000) }],
    // Targeted fields stand for Cache-Control and Expires together, nearest first.
    [90, { ...control("max-age=600"), "cdn-cache-control": "max-age=90", expires: "0" }],
    [40, { "cdn-cache-control": "max-age=90", "shoal-cache-control": "max-age=40" }],
    [40, { ...control("no-cache"), "shoal-cache-control": "max-age=4, max-age=40" }],
    [100, { "cdn-cache-control": "public", expires: "0", "last-modified": httpDate(AT - 10 ** 6) }],
    // One that is no dictionary, or empty, is as if it were not there.
    [600, { ...control("max-age=600"), "cdn-cache-control": "max-age=90,, x" }],
    [600, { ...control("max-age=600"), "cdn-cache-control": "Max-Age=90" }],
    [600, { ...control("max-age=600"), "cdn-cache-control": "" }],
  ])("%i s: %j", (seconds, headers) => {
    expect(after(seconds - 1, headers).state).toBe("fresh");
    expect(after(seconds, headers).state).not.toBe("fresh");
  });
  test.each<[CachingFields]>([
    [{}],
    [control("max-age=0")],
    [control("max-age=x")],
    [control("max-age=-1")],
    [control("max-age")],
    [control("no-cache, max-age=600")],
    [control('no-cache="set-cookie", max-age=600')],
    [control("s-maxage=0, max-age=600")],
    [{ expires: "0", date: DATE }],
    [{ expires: httpDate(AT - 1000), date: DATE }],
    [{ "last-modified": httpDate(AT + 1000), date: DATE }],
    [{ "last-modified": "yesterday" }],
    [control('x="a, max-age=600"')],
  ])("no time at all: %j", (headers) => {
    expect(after(0, headers).state).toBe("stale");
  });
});

describe("past its time an answer", () => {
  test("may be used while the origin is asked, for as long as the origin says", () => {
    const headers = control("max-age=10, stale-while-revalidate=20");
    expect(after(12, headers)).toEqual({ state: "revalidate", left: 18_000 });
    expect(after(30, headers)).toEqual({ state: "stale", usable: true });
  });
  test.each<[usable: boolean, headers: CachingFields]>([
    [true, {}],
    [true, control("max-age=10")],
    [false, control("no-cache")],
    [false, control("max-age=10, must-revalidate")],
    [false, control("max-age=10, must-revalidate, stale-if-error=100, stale-while-revalidate=100")],
    [false, control("max-age=10, proxy-revalidate")],
    [false, control("s-maxage=10")],
    [true, control("s-maxage=10, stale-if-error=100")],
    [true, control("max-age=10, stale-if-error=11")],
    [false, control("max-age=10, stale-if-error=10")],
  ])("is good when the origin is away: %s, %j", (usable, headers) => {
    expect(after(20, headers)).toEqual({ state: "stale", usable });
  });
});

test("age counts from when the origin said it, whoever passed it on, and never backwards", () => {
  const headers = { date: httpDate(AT - 60_000), age: "90" };
  expect(ageOf({ headers, at: AT }, AT + 5000)).toBe(95_000);
  expect(ageOf({ headers, at: AT }, AT - 5000)).toBe(90_000);
});

describe("a shared cache may have", () => {
  test.each<[boolean, CachingFields]>([
    [true, {}],
    [true, control("max-age=60, no-cache")],
    [true, { vary: "Accept-Encoding" }],
    [true, { vary: "accept-encoding , Origin" }],
    [false, { vary: "*" }],
    [false, { vary: "Cookie" }],
    [false, { vary: "Accept-Encoding, Cookie" }],
    [false, { vary: "Accept-Encoding-X" }],
    [false, control("private")],
    [false, control('Private="x", max-age=1')],
    [false, control("max-age=60,no-store")],
    [true, control('max-age=60, x="a, private"')],
    [true, { ...control("private"), "cdn-cache-control": "max-age=60" }],
    [false, { ...control("max-age=60"), "shoal-cache-control": "no-store" }],
  ])("%s: %j", (may, headers) => {
    expect(isShareable(headers)).toBe(may);
  });
});

describe("for any headers http-cache-semantics says the same", () => {
  class Policy extends CachePolicy {
    static at = AT;
    // Not in its declarations, as is what follows it here.
    declare useStaleWhileRevalidate: () => boolean;
    now(): number {
      return Policy.at;
    }
  }
  const seconds = fc.oneof(fc.nat(200), fc.nat(10 ** 7));
  const moment = fc.integer({ min: AT - 10 ** 7, max: AT + 10 ** 7 }).map(httpDate);
  const directive = fc.oneof(
    ...["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"].map((name) =>
      seconds.map((value): [string, string] => [name, `${name}=${value}`]),
    ),
    fc
      .constantFrom("public", "private", "no-store", "no-cache", "x", "immutable")
      .map((name): [string, string] => [name, name]),
  );
  // Where it takes the last of a name that is said twice, the RFC says the first.
  const directives = fc
    .uniqueArray(directive, { selector: ([name]) => name, maxLength: 5 })
    .map((list) => list.map(([, text]) => text).join(", "));
  const headers = fc.record(
    {
      "cache-control": directives,
      age: seconds.map(String),
      expires: fc.oneof(moment, fc.constant("0")),
      "last-modified": moment,
    },
    { requiredKeys: [] },
  );
  // It takes an `immutable` without a lifetime for a day, which RFC 8246 does not say; and believes in any guess.
  const agrees = (fields: CachingFields): boolean =>
    !(fields["cache-control"]?.includes("immutable") && !/max-?age/.test(fields["cache-control"]));

  test("of freshness, age, and what may be stored", () => {
    fc.assert(
      fc.property(headers.filter(agrees), seconds, (fields, later) => {
        const given = Object.fromEntries(Object.entries(fields));
        Policy.at = AT;
        const policy = new Policy(
          { headers: {} },
          { status: 200, headers: { ...given, date: DATE } },
        );
        Policy.at = AT + later * 1000;
        const receipt = { headers: { ...fields, date: DATE }, at: AT };
        const mine = freshnessOf(receipt, Policy.at, Number.POSITIVE_INFINITY);
        expect(ageOf(receipt, Policy.at)).toBe(policy.age() * 1000);
        expect(isShareable(fields)).toBe(policy.storable());
        if (!policy.storable()) return;
        expect(mine.state === "fresh").toBe(!policy.stale());
        if (/no-cache/.test(fields["cache-control"] ?? "") || mine.state === "fresh") return;
        expect(mine.state === "revalidate").toBe(policy.useStaleWhileRevalidate());
      }),
      { numRuns: 2000 },
    );
  });
});
