// Storage that fails: denied, full, deleted under the page. The fetch succeeds all the same, and the page is told once.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, expect, type Page, test } from "@playwright/test";
import { launchOptions } from "../support/browser.ts";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const MIB = 1024 * 1024;
const FILE = noise(12 * MIB, 2);
const RIGHT = { status: 200, sha256: sha256(FILE), length: FILE.length };

let stage: Stage;
let url: string;
test.beforeAll(async () => {
  stage = await setStage();
  await stage.publish({ "/film.bin": FILE });
  url = `${stage.site.url}/film.bin`;
});
test.afterAll(() => stage.close());

/** Codes of all `degraded` events from now on, kept in the page. */
function listen(page: Page): Promise<void> {
  return page.evaluate(() => {
    const codes: string[] = [];
    Object.assign(window, { codes });
    window.shoal?.on("degraded", ({ code }) => codes.push(code));
  });
}
const heard = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => (window as unknown as { codes: string[] }).codes);
const settled = (page: Page, bytes: number): Promise<unknown> =>
  page.waitForFunction((least) => (window.shoal?.stats().cache.bytes ?? 0) >= least, bytes);

test("IndexedDB denied: the visitor fetches, serves from memory, and says so", async ({
  browser,
}) => {
  const page = await stage.visit(browser, {
    before: () => {
      Object.defineProperty(window, "indexedDB", {
        get: () => {
          throw new DOMException("denied by the test", "SecurityError");
        },
      });
    },
  });
  expect(await fetched(page, url)).toMatchObject(RIGHT);
  const { cache } = await stats(page);
  expect(cache).toMatchObject({ persistent: false, bytes: FILE.length });
  const other = await stage.visit(browser);
  expect(await fetched(other, url)).toMatchObject(RIGHT);
  expect((await stats(other)).bytes.peers).toBeGreaterThan(0);
});

test("quota full: the fetch succeeds, what fits is kept, the page is told once", async () => {
  // A profile on disk: Chromium enforces no small quota on a private window.
  const profile = await mkdtemp(join(tmpdir(), "shoal-profile-"));
  const context = await chromium.launchPersistentContext(profile, launchOptions());
  try {
    // Before anything is stored: Chromium looks at the quota then, and goes by that for a while.
    const blank = await context.newPage();
    await blank.goto(`${stage.site.url}/.well-known/shoal.json`);
    const devtools = await context.newCDPSession(blank);
    const origin = `${stage.site.url}/`;
    await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 6 * MIB });
    const page = await stage.visit(context.browser() as Browser, { context });
    await listen(page);
    expect(await fetched(page, url)).toMatchObject(RIGHT);
    await page.waitForFunction(() => (window as unknown as { codes: string[] }).codes.length > 0);
    expect(await fetched(page, url)).toMatchObject(RIGHT);
    expect(await heard(page)).toEqual(["storage/full"]);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
});

test("the database is deleted under a transfer: the fetch succeeds, and so does the next", async ({
  browser,
}) => {
  stage.site.limit(8 * MIB);
  const page = await stage.visit(browser);
  const finished = fetched(page, url);
  await settled(page, 4 * MIB);
  await page.evaluate(
    () =>
      new Promise<void>((resolve, reject) => {
        const request = indexedDB.deleteDatabase("shoal-chunks-1");
        request.onsuccess = () => resolve();
        request.onerror = () => reject(request.error);
      }),
  );
  expect(await finished).toMatchObject(RIGHT);
  stage.site.limit(null);
  await page.reload();
  expect(await fetched(page, url)).toMatchObject(RIGHT);
  await page.reload();
  expect(await fetched(page, url)).toMatchObject({ ...RIGHT, cacheStatus: "shoal; hit" });
});
