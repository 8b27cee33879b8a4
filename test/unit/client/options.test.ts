// Every option: its default, its bounds, what it refuses; and the same from a script tag, where a mistake is only warned
// of.

import { describe, expect, test } from "vitest";
import type { ShoalError } from "../../../client/core/errors.ts";
import {
  type ClientOptions,
  type Config,
  readAttributes,
  readOptions,
} from "../../../client/options.ts";
import { base64url } from "../../../tracker/protocol/bytes.ts";
import { KEY_BYTES } from "../../../tracker/protocol/manifest.ts";

const PAGE = "https://site.example/news/today.html";
const MIB = 1024 * 1024;
const KEY = base64url(new Uint8Array(KEY_BYTES).fill(4));
const OTHER_KEY = base64url(new Uint8Array(KEY_BYTES).fill(5));
const read = (options: ClientOptions, tracker: string | null = null): Config =>
  readOptions(options, PAGE, tracker);
/** Whatever a page may write there, typed or not. */
const given = (option: string, value: unknown): ClientOptions => ({ [option]: value });
const matches = (patterns: readonly RegExp[], url: string): boolean =>
  patterns.some((pattern) => pattern.test(url));

test("without options, a site is served from its own manifest, and nobody else is asked", () => {
  const { include, ...config } = read({});
  expect(config).toEqual({
    trackerUrl: null,
    attestUrl: null,
    manifestUrl: "https://site.example/.well-known/shoal.json",
    published: true,
    serviceWorker: null,
    exclude: [],
    origins: [],
    prefetch: [],
    consent: "granted",
    upload: true,
    uploadSessionBytes: 1024 * MIB,
    uploadBytesPerSecond: Number.POSITIVE_INFINITY,
    region: null,
    keys: null,
    cacheBytes: 500 * MIB,
    relayOnly: false,
    token: null,
    iceServers: [],
    storage: "persistent",
  });
  expect(matches(include, "https://site.example/anything?at=all")).toBe(true);
  expect(matches(include, "https://site.example.org/x")).toBe(false);
  expect(matches(include, "http://site.example/x")).toBe(false);
});

describe("an option in its bounds is taken:", () => {
  const cases: readonly (readonly [keyof ClientOptions, unknown, Partial<Config>])[] = [
    ["tracker", "https://tracker.example", { trackerUrl: "wss://tracker.example/" }],
    ["tracker", "http://localhost:7070/#top", { trackerUrl: "ws://localhost:7070/" }],
    ["tracker", "wss://tracker.example/at", { trackerUrl: "wss://tracker.example/at" }],
    ["tracker", "/tracker", { trackerUrl: "wss://site.example/tracker" }],
    ["manifest", "shoal.json", { manifestUrl: "https://site.example/news/shoal.json" }],
    ["manifest", "https://cdn.example/m.json", { manifestUrl: "https://cdn.example/m.json" }],
    [
      "manifest",
      "off",
      { manifestUrl: `${new URL(PAGE).origin}/.well-known/shoal.json`, published: false },
    ],
    ["serviceWorker", "/sw.js", { serviceWorker: "https://site.example/sw.js" }],
    ["serviceWorker", "off", { serviceWorker: "off" }],
    ["consent", "ask", { consent: "ask" }],
    ["consent", "denied", { consent: "denied" }],
    ["upload", false, { upload: false }],
    ["uploadMb", 0, { uploadSessionBytes: 0 }],
    ["uploadMb", 0.5, { uploadSessionBytes: MIB / 2 }],
    ["uploadKbPerSecond", 64, { uploadBytesPerSecond: 64 * 1024 }],
    ["region", "x".repeat(64), { region: "x".repeat(64) }],
    ["key", KEY, { keys: [KEY] }],
    ["key", `${KEY}, ${OTHER_KEY}`, { keys: [KEY, OTHER_KEY] }],
    ["tracker", "wss://tracker.example", { attestUrl: "https://tracker.example/manifest" }],
    ["tracker", "https://a.example/shoal/", { attestUrl: "https://a.example/shoal/manifest" }],
    ["cacheMb", 0, { cacheBytes: 0 }],
    ["cacheMb", 10_000, { cacheBytes: 10_000 * MIB }],
    ["relayOnly", true, { relayOnly: true }],
    ["token", "x".repeat(1024), { token: "x".repeat(1024) }],
    ["iceServers", [], { iceServers: [] }],
    [
      "iceServers",
      [{ urls: ["stun:a.example", "turns:b.example:443?transport=tcp"] }],
      { iceServers: [{ urls: ["stun:a.example", "turns:b.example:443?transport=tcp"] }] },
    ],
    ["storage", "memory", { storage: "memory" }],
  ];
  test.each(cases)("%s: %j", (option, value, config) => {
    expect(read(given(option, value))).toMatchObject(config);
  });
});

describe("an option out of its bounds is options/invalid, and is named:", () => {
  const cases: readonly (readonly [keyof ClientOptions, ...unknown[]])[] = [
    ["tracker", "", "ftp://tracker.example", "javascript:alert(1)", 7, null, "https://["],
    ["manifest", "", "wss://site.example/m", "data:,{}", false],
    ["serviceWorker", "", "https://cdn.example/sw.js", "//site.example.org/sw.js", "data:,", 7],
    ["include", "https://a.example/*", [""], [7], ["https://["], new Array(101).fill("/x")],
    ["exclude", {}, [null], ["/".repeat(2049)]],
    [
      "origins",
      "https://mirror.example",
      [7],
      ["ftp://mirror.example"],
      ["https://m.example/?x"],
      Array(9).fill("/m"),
    ],
    ["prefetch", "/next.html", ["mailto:a@b.example"], Array(101).fill("/n")],
    ["consent", "", "yes", "GRANTED", true],
    ["upload", "on", 1, null],
    ["uploadMb", -1, Number.NaN, "100", Number.POSITIVE_INFINITY],
    ["uploadKbPerSecond", 63, 0, Number.NaN, "64"],
    ["region", "", "x".repeat(65), 7],
    [
      "key",
      "",
      KEY.slice(1),
      `${KEY}A`,
      `${KEY.slice(0, -1)}!`,
      `${KEY},`,
      Array(5).fill(KEY).join(),
      7,
    ],
    ["cacheMb", -1, 10_001, Number.NaN, "500"],
    ["relayOnly", "true", 1],
    ["token", "", "x".repeat(1025), {}],
    [
      "iceServers",
      {},
      [{}],
      [null],
      [{ urls: [] }],
      [{ urls: "https://a.example" }],
      [{ urls: ["stun:a", 7] }],
      new Array(9).fill({ urls: "stun:a" }),
    ],
    ["storage", "disk", true],
  ];
  for (const [option, ...values] of cases) {
    test(option, () => {
      for (const value of values) {
        let error: unknown;
        try {
          read(given(option, value));
        } catch (thrown) {
          error = thrown;
        }
        expect(error, JSON.stringify(value)).toMatchObject({
          name: "ShoalError",
          code: "options/invalid",
          details: { option },
        } satisfies Partial<ShoalError>);
      }
    });
  }
});

test("the script's own origin is the tracker unless another is named", () => {
  expect(read({}, "https://tracker.example/").trackerUrl).toBe("wss://tracker.example/");
  const named = { tracker: "https://other.example" };
  expect(read(named, "https://tracker.example/").trackerUrl).toBe("wss://other.example/");
});

describe("patterns", () => {
  test.each([
    ["/media/*", "https://site.example/media/a/b.mp4", true],
    ["/media/*", "https://site.example/media", false],
    ["/media/*", "https://cdn.example/media/a", false],
    ["*.mp4", "https://anywhere.example/film.mp4", true],
    ["*.mp4", "https://anywhere.example/film.mp4?x=1", false],
    ["https://cdn.example/*.ts", "https://cdn.example/live/7.ts", true],
    ["https://cdn.example/*.ts", "https://cdn.example/live/7xts", false],
    ["https://cdn.example/a+b(1)*", "https://cdn.example/a+b(1).bin", true],
    ["https://cdn.example/x?y=*", "https://cdn.example/x?y=2", true],
    ["https://cdn.example/x?y=*", "https://cdn.example/xy=2", false],
  ])("%s and %s: %s", (pattern, url, matched) => {
    expect(matches(read({ include: [pattern] }).include, url)).toBe(matched);
  });
  test("of the manifest's own site are included by default", () => {
    const { include } = read({ manifest: "https://cdn.example/shoal.json" });
    expect(matches(include, "https://cdn.example/film.mp4")).toBe(true);
    expect(matches(include, "https://site.example/film.mp4")).toBe(true);
  });
});

describe("attributes of the script tag", () => {
  const attributes = (dataset: Record<string, string>): [ClientOptions, string[]] => {
    const warnings: string[] = [];
    return [readAttributes(dataset, PAGE, (message) => warnings.push(message)), warnings];
  };
  test("are read as what they mean", () => {
    const [options, warnings] = attributes({
      tracker: "https://tracker.example",
      manifest: "/m.json",
      include: "/a/*, /b/* ,",
      exclude: "",
      consent: "ask",
      upload: "off",
      region: "CZ",
      key: KEY,
      cacheMb: "100",
      relayOnly: "",
      token: "t",
    });
    expect(warnings).toEqual([]);
    expect(options).toEqual({
      tracker: "https://tracker.example",
      manifest: "/m.json",
      include: ["/a/*", "/b/*"],
      exclude: [],
      consent: "ask",
      upload: false,
      region: "CZ",
      key: KEY,
      cacheMb: 100,
      relayOnly: true,
      token: "t",
    });
  });
  test.each([
    ["consent", "maybe", "data-consent"],
    ["upload", "yes", "data-upload"],
    ["cacheMb", "lots", "data-cache-mb"],
    ["cacheMb", "", "data-cache-mb"],
    ["cacheMb", "-1", "data-cache-mb"],
    ["relayOnly", "maybe", "data-relay-only"],
    ["key", "abc", "data-key"],
    ["tracker", "ftp://x", "data-tracker"],
    ["include", "https://[", "data-include"],
  ])("%s=%j is warned of once and left out, and the others are kept", (name, value, attribute) => {
    const [options, warnings] = attributes({ region: "CZ", [name]: value });
    expect(options).toEqual({ region: "CZ" });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`${attribute}="${value}"`);
  });
  test("warn each for itself, and shortly, however long the value", () => {
    const [options, warnings] = attributes({ consent: "x".repeat(5000), upload: "?", token: "t" });
    expect(options).toEqual({ token: "t" });
    expect(warnings).toHaveLength(2);
    expect(Math.max(...warnings.map(({ length }) => length))).toBeLessThan(250);
  });
  test("of somebody else are none of our business", () => {
    expect(attributes({ analyticsId: "7", serviceWorkerish: "x" })).toEqual([{}, []]);
  });
});
