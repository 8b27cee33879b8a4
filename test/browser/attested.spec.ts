// Without a build step: nothing is published, and the tracker vouches for what the site serves. Real Chromium, separate
// contexts, real servers; origin bytes, the tracker's own read included, are counted at the origin.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { type RunningTracker, startTracker } from "../../tracker/server.ts";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const MIB = 1024 * 1024;
const FRESH = { "Cache-Control": "max-age=600" };
const FILM = noise(24 * MIB, 2);

let stage: Stage;
test.beforeEach(async () => {
  stage = await setStage({ tracker: { contents: [] } });
});
test.afterEach(() => stage.close());

const right = (body: Uint8Array) => ({ status: 200, sha256: sha256(body), length: body.length });
const through = (page: Page, url: string): Promise<string> =>
  page.evaluate(async (address) => (await window.shoal?.fetch(address))?.text() ?? "", url);
/** Messages to the tracker about URLs, by their bodies. */
function asked(page: Page): string[] {
  const bodies: string[] = [];
  page.on("request", (request) => {
    if (request.url() === `${stage.trackerUrl}/manifest`) bodies.push(request.postData() ?? "");
  });
  return bodies;
}
test("a page asks about its assets in one message", async ({ browser }) => {
  const bodies = Array.from({ length: 12 }, (_, index) => noise(10_000 + index, index));
  const urls = bodies.map((_, index) => `${stage.site.url}/assets/${index}.bin`);
  for (const [index, body] of bodies.entries()) {
    stage.site.put(`/assets/${index}.bin`, { body, headers: FRESH });
  }
  const page = await stage.visit(browser);
  const questions = asked(page);
  const answers = await page.evaluate((addresses) => {
    const answerTo = async (url: string) => {
      const response = (await window.shoal?.fetch(url)) as Response;
      const { byteLength } = await response.arrayBuffer();
      return [byteLength, response.headers.get("Cache-Status")];
    };
    return Promise.all(addresses.map(answerTo));
  }, urls);
  expect(answers.map(([length]) => length)).toEqual(bodies.map(({ length }) => length));
  for (const [, status] of answers) expect(status).toMatch(/^shoal; fwd=miss/);
  expect(questions).toEqual([urls.join("\n")]);
});

test("what one visitor fetched, the next has from that visitor, with nothing published", async ({
  browser,
}) => {
  const film = FILM.subarray(0, 6 * MIB);
  const url = `${stage.site.url}/film.mp4`;
  stage.site.put("/film.mp4", { body: film, headers: FRESH });
  const first = await stage.visit(browser);
  expect(await fetched(first, url)).toMatchObject(right(film));
  // Once by the tracker, which may be done later, and once by the first visitor.
  await expect.poll(() => stage.site.sent("/film.mp4")).toBeGreaterThanOrEqual(2 * film.length);
  expect(stage.site.sent("/film.mp4")).toBeLessThan(2.05 * film.length);
  await expect.poll(async () => (await stats(first)).cache.bytes).toBe(film.length);
  // Slow enough that a link is made in time, on a busy machine too.
  stage.site.limit(film.length / 20);
  const second = await stage.visit(browser);
  // The network is asked for it where the tracker's word takes long, and this is not about that.
  const shared = { shoal: { passThrough: false } } as RequestInit;
  await expect.poll(() => fetched(second, url, shared)).toMatchObject(right(film));
  expect((await stats(second)).bytes.peers).toBeGreaterThan(film.length / 2);
});

test("a site that says it publishes nothing is not asked for a manifest, and shared all the same", async ({
  browser,
}) => {
  const url = `${stage.site.url}/film.mp4`;
  const film = FILM.subarray(0, 2 * MIB);
  stage.site.put("/film.mp4", { body: film, headers: FRESH });
  const off = { attributes: { "data-manifest": "off" } };
  const first = await stage.visit(browser, off);
  expect(await fetched(first, url)).toMatchObject(right(film));
  await expect.poll(async () => (await stats(first)).cache.bytes).toBe(film.length);
  const second = await stage.visit(browser, off);
  const shared = { shoal: { passThrough: false, urgency: "idle" } } as RequestInit;
  await expect.poll(() => fetched(second, url, shared)).toMatchObject(right(film));
  expect((await stats(second)).bytes.peers).toBeGreaterThan(film.length / 2);
  expect(stage.site.requests("/.well-known/shoal.json")).toBe(0);
});

test("what is made for one visitor stays with that visitor, whatever the site says of it", async ({
  browser,
}) => {
  // A site that forgot to say so: the same URL, another body for each cookie, and "public".
  const name = /who=(\w+)/;
  stage.site.answer("/me", (request, response) => {
    response.writeHead(200, {
      "Content-Type": "text/plain",
      "Cache-Control": "public, max-age=60",
    });
    response.end(`this is ${name.exec(request.headers.cookie ?? "")?.[1] ?? "nobody"}`.repeat(100));
  });
  stage.site.answer("/private", (request, response) => {
    response.writeHead(200, { "Cache-Control": "private, max-age=60" });
    response.end(`private to ${name.exec(request.headers.cookie ?? "")?.[1]}`);
  });
  for (const who of ["ann", "bob"]) {
    const page = await stage.visit(browser);
    await page.context().addCookies([{ name: "who", value: who, url: stage.site.url }]);
    expect(await through(page, `${stage.site.url}/private`)).toBe(`private to ${who}`);
    expect(await through(page, `${stage.site.url}/me`)).toBe(`this is ${who}`.repeat(100));
    expect((await stats(page)).cache).toMatchObject({ bytes: 0, assets: 0 });
  }
});

test("a tracker that dies while it reads a film costs the page nothing", async ({ browser }) => {
  const film = FILM.subarray(0, 6 * MIB);
  stage.site.put("/film.mp4", { body: film, headers: FRESH });
  const page = await stage.visit(browser);
  stage.site.limit(2e6);
  const fetching = fetched(page, `${stage.site.url}/film.mp4`);
  await page.waitForFunction(() => (window.shoal?.stats().bytes.origin ?? 0) > 1_000_000);
  await stage.stopTracker();
  stage.site.limit(null);
  expect(await fetching).toMatchObject(right(film));
});

test.describe("a pinned key", () => {
  let folder: string;
  const trackers: RunningTracker[] = [];
  test.beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "shoal-keys-"));
  });
  test.afterEach(async () => {
    await Promise.all(trackers.splice(0).map((tracker) => tracker.close({ graceful: false })));
    await rm(folder, { recursive: true });
  });
  async function trackerWith(key: string): Promise<RunningTracker> {
    const tracker = await startTracker({ port: 0, key: join(folder, key) });
    trackers.push(tracker);
    return tracker;
  }

  test("cannot be replaced by a tracker, and can be changed by the site: both, then the new one", async ({
    browser,
  }) => {
    stage.site.put("/a.bin", { body: FILM.subarray(0, 1000), headers: FRESH });
    const old = await trackerWith("old.json");
    const fresh = await trackerWith("new.json");
    /** Whether a page that pins these believes what this tracker says. */
    const believes = async (tracker: RunningTracker, ...keys: string[]): Promise<boolean> => {
      const attributes = { "data-key": keys.join(","), "data-tracker": tracker.url };
      const page = await stage.visit(browser, { attributes });
      const { cacheStatus, ...film } = await fetched(page, `${stage.site.url}/a.bin`);
      expect(film).toMatchObject(right(FILM.subarray(0, 1000)));
      return cacheStatus !== null;
    };
    expect(await believes(old, old.key)).toBe(true);
    expect(await believes(fresh, old.key)).toBe(false);
    expect(await believes(old, old.key, fresh.key)).toBe(true);
    expect(await believes(fresh, old.key, fresh.key)).toBe(true);
    expect(await believes(old, fresh.key)).toBe(false);
    expect(await believes(fresh, fresh.key)).toBe(true);
  });
});
