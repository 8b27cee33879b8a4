// The main job end to end: one visitor's browser serves the next, whatever the neighbours and the tracker do. Real
// Chromium, separate contexts, real servers; origin bytes are counted at the origin.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, expect, type Page, test } from "@playwright/test";
import { launchOptions } from "../support/browser.ts";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const MIB = 1024 * 1024;
const FILE = noise(24 * MIB, 1);
const DIGEST = sha256(FILE);
const RIGHT = { status: 200, sha256: DIGEST, length: FILE.length };
const PATH = "/film.bin";

let stage: Stage;
let url: string;
test.beforeEach(async () => {
  stage = await setStage();
  await stage.publish({ [PATH]: FILE });
  url = stage.site.url + PATH;
});
test.afterEach(() => stage.close());

/** Starts a fetch in the page and comes back; `finished` waits for what came of it. */
async function begin(page: Page): Promise<{ finished: ReturnType<typeof fetched> }> {
  return { finished: fetched(page, url) };
}
const peersHaveGiven = (page: Page, bytes: number): Promise<unknown> =>
  page.waitForFunction((least) => (window.shoal?.stats().bytes.peers ?? 0) > least, bytes);

test("a second visitor gets 24 MiB from the first, a third with the origin off", async ({
  browser,
}) => {
  const first = await stage.visit(browser);
  expect(await fetched(first, url)).toMatchObject(RIGHT);
  expect(stage.site.sent(PATH)).toBe(FILE.length);

  const second = await stage.visit(browser);
  expect(await fetched(second, url)).toMatchObject(RIGHT);
  const { bytes, chunks } = await stats(second);
  expect(bytes.peers).toBeGreaterThanOrEqual(0.95 * FILE.length);
  expect(stage.site.sent(PATH)).toBeLessThanOrEqual(1.05 * FILE.length);
  expect(chunks).toEqual({ verified: 96, rejected: 0 });
  expect((await stats(first)).bytes.uploaded).toBeGreaterThanOrEqual(bytes.peers);

  const third = await stage.visit(browser);
  await stage.site.goOffline();
  expect(await fetched(third, url)).toMatchObject(RIGHT);
  expect((await stats(third)).bytes).toMatchObject({ origin: 0, cache: 0 });
});

/** Runs in the page: records in the chunk database. */
function storedChunks(): Promise<number> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("shoal-chunks-1");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const counting = database.transaction("entries").objectStore("entries").count();
      counting.onsuccess = () => {
        database.close();
        resolve(counting.result);
      };
    };
  });
}

test("after a reload and after a restart of the browser nothing is fetched from anybody", async () => {
  const profile = await mkdtemp(join(tmpdir(), "shoal-profile-"));
  const open = () => chromium.launchPersistentContext(profile, launchOptions());
  try {
    let context = await open();
    const page = await stage.visit(context.browser() as Browser, { context });
    expect(await fetched(page, url)).toMatchObject(RIGHT);
    const sent = stage.site.sent(PATH);
    // The answer goes before its storing: what a page that vanishes in the same moment has not written is lost.
    await expect.poll(() => page.evaluate(storedChunks)).toBe(96);
    await page.reload();
    expect(await fetched(page, url)).toMatchObject({ ...RIGHT, cacheStatus: "shoal; hit" });
    expect((await stats(page)).bytes).toMatchObject({ cache: FILE.length, peers: 0, origin: 0 });
    await context.close();

    context = await open();
    const again = await stage.visit(context.browser() as Browser, { context });
    expect(await fetched(again, url)).toMatchObject({ ...RIGHT, cacheStatus: "shoal; hit" });
    const { bytes, cache } = await stats(again);
    expect(bytes).toMatchObject({ cache: FILE.length, peers: 0, origin: 0 });
    expect(cache).toMatchObject({ bytes: FILE.length, assets: 1, persistent: true });
    expect(stage.site.sent(PATH)).toBe(sent);
    await context.close();
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
});

test.describe("with a neighbour that is worse than none", () => {
  /** Origin-only time: what the same fetch takes alone, on an origin slow enough to tell. */
  async function alone(browser: Browser): Promise<number> {
    stage.site.limit(8 * MIB);
    const page = await stage.visit(browser, {
      attributes: { "data-consent": "denied" },
      joined: false,
    });
    const { elapsedMs } = await fetched(page, url);
    await page.close();
    return elapsedMs;
  }
  const bound = (originOnly: number): number => 1.5 * originOnly + 2000;

  async function seededBy(browser: Browser, before?: () => void): Promise<Page> {
    stage.site.limit(null);
    const page = await stage.visit(browser, before ? { before } : {});
    expect(await fetched(page, url)).toMatchObject(RIGHT);
    return page;
  }

  test("a liar: its chunks are refused, its link is closed, nothing of it is kept", async ({
    browser,
  }) => {
    await seededBy(browser, () => {
      const send = RTCDataChannel.prototype.send as (data: Uint8Array<ArrayBuffer>) => void;
      RTCDataChannel.prototype.send = function (data: unknown): void {
        const frame = new Uint8Array(data as Uint8Array<ArrayBuffer>);
        // Content, not control messages: the protocol itself is kept.
        if (frame[0] === 0) frame[frame.length - 1] = (frame[frame.length - 1] ?? 0) ^ 1;
        send.call(this, frame);
      };
    });
    const originOnly = await alone(browser);
    const page = await stage.visit(browser);
    const violations = page.evaluate(
      () => new Promise<unknown>((resolve) => window.shoal?.on("violation", resolve)),
    );
    const result = await fetched(page, url);
    expect(result).toMatchObject(RIGHT);
    expect(result.elapsedMs).toBeLessThan(bound(originOnly));
    expect(await violations).toMatchObject({ kind: "poisoned" });
    const { chunks, links, bytes } = await stats(page);
    expect(chunks.rejected).toBeGreaterThan(0);
    expect(links).toEqual([]);
    expect(bytes.peers).toBe(0);
    // What is in the cache is right: it is all there is to read from now.
    await stage.site.goOffline();
    expect(await fetched(page, url)).toMatchObject({ ...RIGHT, cacheStatus: "shoal; hit" });
  });

  test("a silent one: it takes requests and never answers", async ({ browser }) => {
    await seededBy(browser, () => {
      const send = RTCDataChannel.prototype.send as (data: Uint8Array<ArrayBuffer>) => void;
      RTCDataChannel.prototype.send = function (data: unknown): void {
        const frame = data as Uint8Array<ArrayBuffer>;
        if (frame[0] !== 0) send.call(this, frame);
      };
    });
    const originOnly = await alone(browser);
    const page = await stage.visit(browser);
    const result = await fetched(page, url);
    expect(result).toMatchObject(RIGHT);
    expect(result.elapsedMs).toBeLessThan(bound(originOnly));
    expect((await stats(page)).bytes.peers).toBe(0);
  });

  test("one that is closed in the middle of the transfer", async ({ browser }) => {
    const seed = await seededBy(browser);
    const originOnly = await alone(browser);
    const page = await stage.visit(browser);
    const { finished } = await begin(page);
    await peersHaveGiven(page, 2 * MIB);
    await seed.context().close();
    const result = await finished;
    expect(result).toMatchObject(RIGHT);
    expect(result.elapsedMs).toBeLessThan(bound(originOnly));
    const { bytes } = await stats(page);
    expect(bytes.origin).toBeGreaterThan(0);
    expect(bytes.peers).toBeGreaterThan(2 * MIB);
  });
});

test("the tracker dies in the middle of a transfer: links go on, and the client is back when it is", async ({
  browser,
}) => {
  const seed = await stage.visit(browser);
  await fetched(seed, url);
  const page = await stage.visit(browser);
  const { finished } = await begin(page);
  await peersHaveGiven(page, MIB);
  await stage.stopTracker();
  expect(await finished).toMatchObject(RIGHT);
  const { links, tracker, bytes, state } = await stats(page);
  expect(links).toHaveLength(1);
  expect(tracker).toBe("unreachable");
  expect(state).toBe("in-swarm");
  expect(bytes.peers).toBeGreaterThanOrEqual(0.95 * FILE.length);

  await stage.startTracker();
  for (const visitor of [seed, page]) {
    await visitor.waitForFunction(() => window.shoal?.stats().tracker === "connected", null, {
      timeout: 15_000,
    });
  }
  // And it really works again: somebody new meets them, with the origin off.
  const third = await stage.visit(browser);
  await stage.site.goOffline();
  expect(await fetched(third, url)).toMatchObject(RIGHT);
});
