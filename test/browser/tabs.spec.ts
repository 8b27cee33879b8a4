// Two tabs of one browser: one cache, one transfer, no link to each other, and no eviction against each other.

import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const MIB = 1024 * 1024;
const FILM = noise(6 * MIB, 1);
const SMALL = noise(30_000, 2);

let stage: Stage;
let context: BrowserContext;
let first: Page;
let second: Page;
test.beforeEach(async ({ browser }) => {
  stage = await setStage();
  await stage.publish({ "/film.bin": FILM, "/small.bin": SMALL });
  context = await browser.newContext();
  first = await stage.visit(browser, { context });
  second = await stage.visit(browser, { context });
  await acquainted(first);
});
test.afterEach(async () => {
  await context.close();
  await stage.close();
});

/** Both tabs answer to who asks for other tabs. */
async function acquainted(page: Page): Promise<void> {
  const answers = await page.evaluateHandle(() => {
    const channel = new BroadcastChannel("shoal-tabs-1");
    const peers = new Set<string>();
    channel.onmessage = ({ data }) => {
      if (data.isAnswer && data.peer !== null) peers.add(data.peer);
    };
    return { channel, peers };
  });
  const count = () =>
    answers.evaluate(({ channel, peers }) => {
      channel.postMessage({ tab: "here", peer: null, isAnswer: false });
      return peers.size;
    });
  await expect.poll(count, { timeout: 30_000 }).toBe(2);
  await answers.evaluate(({ channel }) => channel.close());
}

test("a page without company loads nothing for it", async ({ browser }) => {
  const alone = await browser.newContext();
  const loaded: string[] = [];
  alone.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  const page = await stage.visit(browser, { context: alone });
  await fetched(page, "/small.bin");
  expect(loaded).toContain("/shoal.js");
  expect(loaded).not.toContain("/shoal-tabs.mjs");
  await alone.close();
});

test("what one tab has read the other has without a request", async () => {
  await fetched(first, "/film.bin");
  await second.waitForFunction((size) => window.shoal?.stats().cache.bytes === size, 6 * MIB);
  const answer = await fetched(second, "/film.bin");
  expect(answer).toMatchObject({ sha256: sha256(FILM), cacheStatus: "shoal; hit" });
  expect(stage.site.sent("/film.bin")).toBe(6 * MIB);
});

test("two tabs that want the same at once cause one transfer", async () => {
  // Slow enough that neither has it before the other asks.
  stage.site.limit(3 * MIB);
  const answers = await Promise.all([first, second].map((page) => fetched(page, "/film.bin")));
  for (const { sha256: digest } of answers) expect(digest).toBe(sha256(FILM));
  // A chunk may be under way twice where both had begun before they heard of each other.
  expect(stage.site.sent("/film.bin")).toBeLessThan(7 * MIB);
  const all = await Promise.all([stats(first), stats(second)]);
  expect(all.map(({ links }) => links.length)).toEqual([0, 0]);
  expect(all[0]?.bytes.uploaded).toBe(0);
});

test("tabs do not link to each other, and both link to another visitor", async ({ browser }) => {
  for (const page of [first, second]) await fetched(page, "/small.bin");
  const other = await stage.visit(browser);
  await fetched(other, "/small.bin");
  await other.waitForFunction(() => window.shoal?.stats().links.length === 2);
  for (const page of [first, second]) {
    await page.waitForFunction(() => window.shoal?.stats().links.length === 1);
  }
});

test("the tab that is closed in the middle leaves the rest to the other", async () => {
  stage.site.limit(2 * MIB);
  const left = fetched(first, "/film.bin").catch(() => null);
  await first.waitForFunction(() => (window.shoal?.stats().bytes.origin ?? 0) > 1_000_000);
  const finished = fetched(second, "/film.bin");
  await second.waitForFunction(() => (window.shoal?.stats().cache.bytes ?? 0) > 1_000_000);
  await first.close();
  await left;
  expect((await finished).sha256).toBe(sha256(FILM));
});
