// What the IndexedDB store does when IndexedDB fails: the real one, or one that fails by the same interface. The visit
// goes on, from memory if it must.

import { mkdtemp, readdir, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, expect, type Page, test } from "@playwright/test";
import { launchOptions } from "../support/browser.ts";
import { bundlePage } from "../support/bundle.ts";
import { type Site, startSite } from "../support/servers.ts";

type Stories = typeof import("./pages/stores.ts");
declare const tested: Stories;

/** What `life` in pages/stores.ts sees of a memory store with its limit. */
const MEMORY_LIFE = ["stored", 1000, ["k"], "full", []];

let site: Site;
const errors: string[] = [];

function watch(page: Page): void {
  page.on("pageerror", (error) => errors.push(error.message));
}

test.beforeAll(async () => {
  const code = await bundlePage("stores.ts");
  site = await startSite({
    files: {
      "/": { body: '<!doctype html><script src="/tested.js"></script>', type: "text/html" },
      "/tested.js": { body: code },
    },
  });
});
test.afterAll(() => site.close());
test.beforeEach(async ({ page }) => {
  errors.length = 0;
  watch(page);
  await page.goto(`${site.url}/`);
});
test.afterEach(() => {
  expect(errors).toEqual([]);
});

test("where IndexedDB may not even be read, memory takes over and says why", async ({ page }) => {
  const { answers, persistent, fallbacks } = await page.evaluate(() => tested.forbidden());
  expect(answers).toEqual(MEMORY_LIFE);
  expect(persistent).toBe(false);
  expect(fallbacks).toEqual(["The operation is insecure."]);
});

test("a database that never opens costs three seconds, once", async ({ page }) => {
  const from = Date.now();
  const { answers, persistent, fallbacks } = await page.evaluate(() => tested.hanging());
  expect(answers).toEqual(MEMORY_LIFE);
  expect(persistent).toBe(false);
  expect(fallbacks).toEqual(["Opening took more than 3000 ms"]);
  expect(Date.now() - from).toBeLessThan(6000);
});

test("a connection closed without a word is opened again", async ({ page }) => {
  const { answers, persistent, fallbacks } = await page.evaluate(() => tested.closedBehind());
  expect(answers).toEqual(["stored", 1000, 1000, 1000, 4]);
  expect(persistent).toBe(true);
  expect(fallbacks).toEqual([]);
});

test("a database that dies is replaced by memory, and what it held is a miss", async ({ page }) => {
  const { answers, persistent, fallbacks } = await page.evaluate(() => tested.dying());
  expect(answers).toEqual(["stored", true, undefined, "stored", ["after"]]);
  expect(persistent).toBe(false);
  expect(fallbacks).toEqual(["Internal error opening backing store"]);
});

test("another tab may delete the database, and the store starts anew", async ({ page }) => {
  const { answers, persistent } = await page.evaluate(() => tested.deletedByOthers());
  expect(answers).toEqual(["stored", "deleted", undefined, "stored", 20]);
  expect(persistent).toBe(true);
});

test("a spent quota is full, keeps what was there and is no failure", async ({ page, context }) => {
  const session = await context.newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: site.url, quotaSize: 1_000_000 });
  const { answers, persistent, fallbacks } = await page.evaluate(() => tested.overQuota());
  expect(answers).toEqual(["stored", "full", ["small"], 10_000]);
  expect(persistent).toBe(true);
  expect(fallbacks).toEqual([]);
});

test("a record whose file was lost is a miss, and the others stay", async () => {
  const profile = await mkdtemp(join(tmpdir(), "shoal-profile-"));
  try {
    for (const visit of ["fill", "spoil", "read"] as const) {
      if (visit === "spoil") {
        expect(await spoiled(profile, 400_000)).toBe(1);
        continue;
      }
      const context = await chromium.launchPersistentContext(profile, launchOptions());
      try {
        const page = await context.newPage();
        watch(page);
        await page.goto(`${site.url}/`);
        if (visit === "fill") {
          expect((await page.evaluate(() => tested.fill())).answers).toEqual(["stored", "stored"]);
        } else {
          const { answers, persistent, fallbacks } = await page.evaluate(() => tested.readBack());
          expect(fallbacks).toEqual([]);
          expect(answers).toEqual([undefined, 500_000, "stored", 400_000]);
          expect(persistent).toBe(true);
        }
      } finally {
        await context.close();
      }
    }
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
});

/** Removes the content of the one IndexedDB file nearest above this size; how many there were. */
async function spoiled(profile: string, size: number): Promise<number> {
  let count = 0;
  for (const name of await readdir(profile, { recursive: true })) {
    const path = join(profile, name);
    if (!name.includes(".blob")) continue;
    const status = await stat(path);
    if (!status.isFile() || status.size < size || status.size > size + 1000) continue;
    await truncate(path, 0);
    count++;
  }
  return count;
}
