// The Vite plugin in real builds of small sites: what is in the pages, what is in the manifest, and what stops a build.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type InlineConfig, resolveConfig } from "vite";
import { expect, test } from "vitest";
import { type PublishedManifest, parseManifest } from "../../../tracker/protocol/manifest.ts";
import { type ShoalOptions, shoal } from "../../../tracker/vite.ts";
import { temporaryDirectory, writeFiles } from "./manifest/temporary.ts";

const SITE = { site: "https://www.example.org", tracker: "https://tracker.example.org" };
const TRACKER = "https://tracker.example.org/shoal.js";
const PAGE =
  '<!doctype html><title>A site</title><img src="/still.svg"><script type="module" src="/main.js"></script>';

/** A site's sources, and how to build them. */
async function sources(files: Readonly<Record<string, string>> = {}) {
  const root = await temporaryDirectory();
  await writeFiles(root, {
    "index.html": PAGE,
    "main.js": 'import("./later.js").then(({ text }) => { document.title = text; });',
    "later.js": 'export const text = "later";',
    "public/still.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    ...files,
  });
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const built = async (options: Partial<ShoalOptions> = {}, more: InlineConfig = {}) => {
    await build({
      root,
      configFile: false,
      customLogger: {
        info: say,
        warn: say,
        warnOnce: say,
        error: say,
        clearScreen: () => {},
        hasErrorLogged: () => false,
        hasWarned: false,
      },
      plugins: [shoal({ ...SITE, ...options })],
      ...more,
    });
    return join(root, "dist");
  };
  return { root, said, built };
}

function manifestOf(dist: string): PublishedManifest {
  const parsed = parseManifest(readFileSync(join(dist, ".well-known/shoal.json"), "utf8"));
  if (!parsed.ok) throw new Error(parsed.path);
  return parsed.manifest;
}
const textOf = (dist: string, name = "index.html") => readFileSync(join(dist, name), "utf8");
const tagOf = (dist: string) => /<script src="https:\/\/tracker[^>]*>/.exec(textOf(dist))?.[0];

test("everything that is built is published, and every page has the tag", async () => {
  const { built, said } = await sources({ "public/.hidden": "not for the web" });
  const dist = await built();
  expect(tagOf(dist)).toBe(`<script src="${TRACKER}" async>`);
  const { assets } = manifestOf(dist);
  const files = readdirSync(join(dist, "assets")).map((name) => `/assets/${name}`);
  expect(files).toHaveLength(2);
  expect(assets.map(({ url }) => new URL(url).pathname).sort()).toEqual(
    ["/", "/index.html", "/still.svg", ...files].sort(),
  );
  for (const { url, size } of assets) {
    expect(url.startsWith("https://www.example.org/")).toBe(true);
    const path = new URL(url).pathname;
    expect(size).toBe(statSync(join(dist, path === "/" ? "index.html" : path)).size);
  }
  expect(said.join("\n")).toContain("shoal: made a signing key");
});

test("below a path the manifest is named, and so is what else the tag is to say", async () => {
  const { built } = await sources();
  const dist = await built(
    { pin: true, serviceWorker: true, attributes: { consent: "ask", "cache-mb": "200" } },
    { base: "/shop/" },
  );
  const { key, assets } = manifestOf(dist);
  expect(tagOf(dist)).toBe(
    `<script src="${TRACKER}" async data-manifest="/shop/.well-known/shoal.json" data-key="${key}" ` +
      'data-service-worker="/shop/shoal-sw.js" data-consent="ask" data-cache-mb="200">',
  );
  expect(assets.every(({ url }) => url.startsWith("https://www.example.org/shop/"))).toBe(true);
  const worker = 'importScripts("https://tracker.example.org/shoal-sw.js");\n';
  expect(textOf(dist, "shoal-sw.js")).toBe(worker);
});

test("files that lie elsewhere than the pages are published where they lie", async () => {
  const { built } = await sources();
  const base = "https://files.example.net/shop/";
  const dist = await built({}, { base });
  expect(manifestOf(dist).assets.every(({ url }) => url.startsWith(base))).toBe(true);
  expect(tagOf(dist)).toContain(`data-manifest="${base}.well-known/shoal.json"`);
});

test("the next build has the same key and a later epoch, whether or not the old one is cleared away", async () => {
  const { built } = await sources();
  const first = manifestOf(await built());
  const kept = manifestOf(await built({}, { build: { emptyOutDir: false } }));
  const cleared = manifestOf(await built());
  expect([kept.key, cleared.key]).toEqual([first.key, first.key]);
  expect(kept.epoch).toBeGreaterThan(first.epoch);
  expect(cleared.epoch).toBeGreaterThanOrEqual(kept.epoch);
  expect(kept.assets.map(({ url }) => url)).toEqual(first.assets.map(({ url }) => url));
});

test.each(["public", "dist", "public/deep/.."])(
  "a key in %s would be public, and is not made",
  async (place) => {
    const { root, built } = await sources({ "public/deep/a": "", "dist/a": "" });
    const key = `${place}/key.json`;
    await expect(built({ key })).rejects.toThrow("would be public");
    expect(readdirSync(join(root, "public"))).not.toContain("key.json");
  },
);

test("a file that is no key stops the build before anything is written", async () => {
  const { root, built } = await sources({ "shoal-key.json": "{}" });
  await expect(built()).rejects.toThrow("shoal-key.json is not a private ECDSA P-256 key");
  expect(readdirSync(root)).not.toContain("dist");
});

test("a worker of the site's own is not overwritten", async () => {
  const { built } = await sources({ "public/shoal-sw.js": "// mine" });
  await expect(built({ serviceWorker: true })).rejects.toThrow("is a worker already");
});

test("a build that fails publishes nothing", async () => {
  const { root, built } = await sources({ "main.js": 'import "./nowhere.js";' });
  await expect(built()).rejects.toThrow("nowhere.js");
  const has = readdirSync(root).includes("dist") && readdirSync(join(root, "dist"));
  expect(has || []).not.toContain(".well-known");
});

test("what was there in place of a manifest is not overwritten", async () => {
  const { built } = await sources({ "public/.well-known/shoal.json": "mine" });
  await expect(built()).rejects.toThrow("is not a manifest");
});

test.each<[string, Partial<ShoalOptions>]>([
  ["site must be an http(s) URL", { site: "www.example.org" }],
  ["tracker must be an http(s) URL", { tracker: "wss://tracker.example.org" }],
  ['the attribute "data-consent"', { attributes: { "data-consent": "ask" } }],
  ['the attribute "onload x"', { attributes: { "onload x": "1" } }],
])("%s: said at once", (message, options) => {
  expect(() => shoal({ ...SITE, ...options })).toThrow(message);
});

test("while developing, and in a build for a server, it is not there", async () => {
  const { root } = await sources();
  await writeFile(join(root, "server.js"), "export const page = 1;");
  const named = async (command: "build" | "serve", ssr: boolean) => {
    const inline = { root, configFile: false as const, plugins: [shoal(SITE)], build: { ssr } };
    const { plugins } = await resolveConfig(inline, command);
    return plugins.some(({ name }) => name === "shoal");
  };
  expect(await named("build", false)).toBe(true);
  expect(await named("serve", false)).toBe(false);
  expect(await named("build", true)).toBe(false);
});
