// What the page's circumstances look like from inside a real browser.

import { expect, test } from "@playwright/test";
import { launchOptions } from "../support/browser.ts";
import { bundlePage } from "../support/bundle.ts";
import { type Site, startSite } from "../support/servers.ts";

type Adapter = typeof import("./pages/conditions.ts");
declare const tested: Adapter;

let site: Site;
test.beforeAll(async () => {
  const code = await bundlePage("conditions.ts");
  const page = { body: '<!doctype html><script src="/tested.js"></script>', type: "text/html" };
  site = await startSite({ files: { "/": page, "/other": page, "/tested.js": { body: code } } });
});
test.afterAll(() => site.close());

test("a page in front on an ordinary link is neither hidden nor thrifty", async ({ page }) => {
  await page.goto(`${site.url}/`);
  expect(await page.evaluate(() => tested.currentConditions())).toEqual({
    hidden: false,
    thrifty: false,
  });
});

test("the data saver makes a page thrifty", async ({ page, context }) => {
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setDataSaverOverride", { dataSaverEnabled: true });
  await page.goto(`${site.url}/`);
  expect(await page.evaluate(() => tested.currentConditions())).toMatchObject({ thrifty: true });
});

test("the quota is a number of bytes", async ({ page }) => {
  await page.goto(`${site.url}/`);
  expect(await page.evaluate(() => tested.storageQuota())).toBeGreaterThan(1_000_000);
});

test("leaving is told before the page is gone", async ({ page }) => {
  await page.goto(`${site.url}/`);
  await page.evaluate(() => tested.watch());
  await page.goto(`${site.url}/other`);
  expect(await page.evaluate(() => tested.wasLeft())).toBe("yes");
});

test("coming back by the back button is told to the page that was kept", async ({ playwright }) => {
  const browser = await playwright.chromium.launch({
    ...launchOptions(),
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`${site.url}/`);
    await page.evaluate(() => tested.watch());
    await page.goto(`${site.url}/other`);
    await page.evaluate(() => history.back());
    // Asked at the server: the tools lose sight of a page that comes back from there.
    await expect.poll(() => site.requests("/returned")).toBe(1);
  } finally {
    await browser.close();
  }
});
