// URLs as browsers write them, base URLs that make sense, and media types.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  baseUrlOf,
  directoryNamesOf,
  mediaTypeOf,
  urlOf,
} from "../../../../tracker/manifest/address.ts";
import { MAX_URL_LENGTH } from "../../../../tracker/protocol/manifest.ts";

const base = new URL("https://site.example/docs/");
const fileName = fc
  .string({ unit: "binary", minLength: 1, maxLength: 12 })
  .filter((name) => !name.includes("/") && !name.includes("\0") && name !== "." && name !== "..");

describe("the URL of a file", () => {
  test("is already as a browser would normalise it", () => {
    fc.assert(
      fc.property(fc.array(fileName, { minLength: 1, maxLength: 3 }), (names) => {
        const url = urlOf(base, names);
        expect(url).toBeDefined();
        expect(new URL(url ?? "").href).toBe(url);
      }),
    );
  });

  test("leads back to the very same names", () => {
    fc.assert(
      fc.property(fc.array(fileName, { minLength: 1, maxLength: 3 }), (names) => {
        const { pathname, search, hash } = new URL(urlOf(base, names) ?? "");
        expect(pathname.slice("/docs/".length).split("/").map(decodeURIComponent)).toEqual(names);
        expect(search + hash).toBe("");
      }),
    );
  });

  test.each([
    ["a b.png", "a%20b.png"],
    ["100%.txt", "100%25.txt"],
    ["what?.txt", "what%3F.txt"],
    ["c#.txt", "c%23.txt"],
    ["back\\slash", "back%5Cslash"],
    ["Ärger.css", "%C3%84rger.css"],
    ["it's (1), ok!.js", "it's%20(1),%20ok!.js"],
    ["%2e%2e", "%252e%252e"],
  ])("of %j ends in %s", (name, path) => {
    expect(urlOf(base, [name])).toBe(`https://site.example/docs/${path}`);
  });

  test("stays on the site whatever the name looks like", () => {
    expect(urlOf(new URL("https://site.example/"), ["", "evil.example", "x"])).toBe(
      "https://site.example//evil.example/x",
    );
  });

  test("is refused when it is longer than a manifest may say", () => {
    const room = MAX_URL_LENGTH - base.href.length;
    expect(urlOf(base, ["a".repeat(room)])).toHaveLength(MAX_URL_LENGTH);
    expect(urlOf(base, ["a".repeat(room + 1)])).toBeUndefined();
  });
});

describe("a base URL", () => {
  test.each([
    ["https://site.example", "https://site.example/"],
    ["http://localhost:8080/a", "http://localhost:8080/a/"],
    ["https://site.example/a/", "https://site.example/a/"],
  ])("%s is the directory %s", (text, href) => {
    expect(baseUrlOf(text)?.href).toBe(href);
  });

  test.each([
    "site.example",
    "ftp://site.example/",
    "file:///srv",
    "https://me@site.example/",
    "https://site.example/?v=1",
    "https://site.example/#top",
    "",
  ])("is not %j", (text) => {
    expect(baseUrlOf(text)).toBeUndefined();
  });
});

test("only an index page stands for its directory", () => {
  expect(directoryNamesOf(["a", "index.html"])).toEqual(["a", ""]);
  expect(directoryNamesOf(["index.html"])).toEqual([""]);
  expect(directoryNamesOf(["index.htm"])).toBeUndefined();
  expect(urlOf(base, ["a", ""])).toBe("https://site.example/docs/a/");
});

test.each([
  ["page.html", "text/html; charset=utf-8"],
  ["app.MJS", "text/javascript; charset=utf-8"],
  ["core.wasm", "application/wasm"],
  ["film.mp4", "video/mp4"],
  ["photo.jpg", "image/jpeg"],
  ["list.m3u8", "application/vnd.apple.mpegurl"],
  ["part.m4s", "video/iso.segment"],
  ["LICENSE", "application/octet-stream"],
  ["what.is-this", "application/octet-stream"],
])("the media type of %s is %s", (name, type) => {
  expect(mediaTypeOf(name)).toBe(type);
});
