// Which requests Shoal may answer, and which bytes they want. Whatever it does not understand passes through.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { askedOf, rangeOf, type Scope, type ShoalInit } from "../../../client/request.ts";

const SCOPE: Scope = {
  include: [/^https:\/\/site\.example\//],
  exclude: [/\/private\//],
  base: "https://site.example/news/today.html",
};
const asked = (input: RequestInfo | URL, init?: ShoalInit) => askedOf(input, init, SCOPE);
const FILM = "https://site.example/film.mp4";

describe("a request that may be answered", () => {
  test.each<[string, RequestInfo | URL, string]>([
    ["by absolute URL", FILM, FILM],
    ["by URL object", new URL(FILM), FILM],
    ["by path", "/film.mp4", FILM],
    ["by relative path", "film.mp4?x=1", "https://site.example/news/film.mp4?x=1"],
    ["with a fragment, which is not part of it", `${FILM}#t=10`, FILM],
    ["as a Request", new Request(FILM), FILM],
  ])("%s", (_how, input, url) => {
    expect(asked(input)).toEqual({
      url,
      range: null,
      cache: "default",
      urgency: "now",
      origins: [],
      signal: input instanceof Request ? input.signal : null,
    });
  });
  test.each<[string, ShoalInit]>([
    ["an explicit GET", { method: "get" }],
    ["the default cache mode", { cache: "default" }],
    ["force-cache", { cache: "force-cache" }],
    ["no-cache", { cache: "no-cache" }],
    [
      "only-if-cached, which wants the same origin",
      { cache: "only-if-cached", mode: "same-origin" },
    ],
    ["same-origin mode", { mode: "same-origin" }],
    ["no credentials", { credentials: "omit" }],
    ["credentials for the same origin", { credentials: "same-origin" }],
    ["headers of no meaning to us", { headers: { Accept: "video/*", "X-Mine": "1" } }],
    ["no integrity", { integrity: "" }],
  ])("with %s", (_what, init) => {
    expect(asked(FILM, init)).toMatchObject({ url: FILM, cache: init.cache ?? "default" });
  });
  test("says its range, its urgency, its origins and its signal", () => {
    const { signal } = new AbortController();
    const shoal = { urgency: "idle", origins: ["https://mirror.example/", "/copy"] } as const;
    const init: ShoalInit = { headers: { Range: "bytes=0-9" }, signal, shoal };
    expect(asked(FILM, init)).toEqual({
      url: FILM,
      range: "bytes=0-9",
      cache: "default",
      urgency: "idle",
      origins: ["https://mirror.example", "https://site.example/copy"],
      signal,
    });
  });
  test("takes from the init what it has, else from the Request", () => {
    const request = new Request(FILM, { headers: { Range: "bytes=0-9" } });
    expect(asked(request)?.range).toBe("bytes=0-9");
    expect(asked(request, { headers: {} })?.range).toBeNull();
    expect(asked(request, { signal: null })?.signal).toBeNull();
    expect(asked(new Request(FILM, { method: "POST" }), { method: "GET" })?.url).toBe(FILM);
  });
});

describe("what is known of the URL is to be doubted", () => {
  test.each<[string, ShoalInit]>([
    ["a reload", { cache: "reload" }],
    ["a POST", { method: "POST" }],
    ["a body", { method: "put", body: "x" }],
    ["a method nobody knows", { method: "PURGE" }],
  ])("after %s", (_what, init) => {
    expect(asked(FILM, init)).toMatchObject({ url: FILM, cache: "reload" });
    expect(asked("https://other.example/", init)).toBeNull();
  });
});

describe("a request that passes through", () => {
  test.each<[string, ShoalInit]>([
    ["another method", { method: "HEAD" }],
    ["a body", { body: "x" }],
    ["cache: no-store", { cache: "no-store" }],
    ["cache: only-if-cached without its mode", { cache: "only-if-cached" }],
    ["mode: no-cors", { mode: "no-cors" }],
    ["credentials", { credentials: "include" }],
    ["a redirect to be looked at", { redirect: "manual" }],
    ["a redirect to be refused", { redirect: "error" }],
    ["integrity", { integrity: "sha256-abc" }],
    ...[
      "Authorization",
      "Cookie",
      "If-Match",
      "If-Modified-Since",
      "If-None-Match",
      "If-Range",
      "If-Unmodified-Since",
    ].map((name): [string, ShoalInit] => [`the header ${name}`, { headers: { [name]: "x" } }]),
  ])("for %s", (_why, init) => {
    expect(asked(FILM, init)).toBeNull();
  });
  test.each<[string, RequestInfo | URL]>([
    ["a URL outside what is included", "https://other.example/film.mp4"],
    ["a URL that is excluded", "https://site.example/private/film.mp4"],
    ["a scheme that is not the web's", "blob:https://site.example/1"],
    ["data", "data:,x"],
    ["a URL that is none", "https://["],
    ["a Request with credentials", new Request(FILM, { credentials: "include" })],
    ["a conditional Request", new Request(FILM, { headers: { "If-None-Match": '"1"' } })],
  ])("for %s", (_why, input) => {
    expect(asked(input)).toBeNull();
  });
});

describe("a Range header (RFC 9110, section 14)", () => {
  const SIZE = 1000;
  test.each([
    [null, "whole"],
    ["bytes=0-0", { first: 0, last: 0 }],
    ["bytes=0-499", { first: 0, last: 499 }],
    ["bytes=500-", { first: 500, last: 999 }],
    ["bytes=0-", { first: 0, last: 999 }],
    ["bytes=999-999", { first: 999, last: 999 }],
    ["bytes=990-5000", { first: 990, last: 999 }],
    ["bytes=-1", { first: 999, last: 999 }],
    ["bytes=-1000", { first: 0, last: 999 }],
    ["bytes=-5000", { first: 0, last: 999 }],
    ["  bytes=1-2 ", { first: 1, last: 2 }],
    ["bytes=1000-", "unsatisfiable"],
    ["bytes=1000-1000", "unsatisfiable"],
    ["bytes=999999999999999-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=5-4", "pass"],
    ["bytes=1000-4", "pass"],
    ["bytes=-", "pass"],
    ["bytes=", "pass"],
    ["bytes=0-1,4-5", "pass"],
    ["bytes=a-b", "pass"],
    ["bytes=0x1-2", "pass"],
    ["bytes=1-2-3", "pass"],
    ["bytes=+1-2", "pass"],
    ["bytes=1.5-2", "pass"],
    ["bytes=9999999999999999-", "pass"],
    ["items=0-1", "pass"],
    ["", "pass"],
  ])("%j of 1000 bytes", (header, range) => {
    expect(rangeOf(header, SIZE)).toEqual(range);
  });
  test("never gives a byte that is not there, whatever it says", () => {
    const edge = fc.oneof(fc.constant(""), fc.nat().map(String), fc.string());
    fc.assert(
      fc.property(edge, edge, fc.integer({ min: 1, max: 5000 }), (from, to, size) => {
        const range = rangeOf(`bytes=${from}-${to}`, size);
        if (typeof range === "string") return;
        expect(range.first).toBeGreaterThanOrEqual(0);
        expect(range.last).toBeGreaterThanOrEqual(range.first);
        expect(range.last).toBeLessThan(size);
      }),
    );
  });
});
