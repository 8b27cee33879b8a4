// Ahead of the page's wishes, in a real browser: what is named for later is there before it is asked for, and nothing is
// done where data is saved.

import { expect, test } from "@playwright/test";
import { fetched, noise, type Stage, setStage, stats } from "../support/stage.ts";

const NEXT = "/next.bin";
const SECRET = "/not-published.bin";
const SIZE = 1024 * 1024;
const ATTRIBUTES = { "data-prefetch": `${NEXT},${SECRET}`, "data-origins": "http://127.0.0.1:9" };

let stage: Stage;
test.beforeEach(async () => {
  stage = await setStage();
  await stage.publish({ [NEXT]: noise(SIZE, 1) });
  stage.site.put(SECRET, { body: "x" });
});
test.afterEach(() => stage.close());

test("what comes next is fetched when the page is idle, from a neighbour that has it", async ({
  browser,
}) => {
  const first = await stage.visit(browser);
  await fetched(first, stage.site.url + NEXT);
  const page = await stage.visit(browser, { attributes: ATTRIBUTES });
  await page.waitForFunction((size) => window.shoal?.stats().cache.bytes === size, SIZE);
  expect(await fetched(page, stage.site.url + NEXT)).toMatchObject({ cacheStatus: "shoal; hit" });
  expect(stage.site.requests(SECRET)).toBe(0);
  const links = page.locator('link[rel="preconnect"]');
  await expect(links).toHaveAttribute("href", "http://127.0.0.1:9");
});

test("where data is saved, nothing is fetched or connected ahead", async ({ browser }) => {
  const page = await stage.visit(browser, {
    attributes: ATTRIBUTES,
    before: () => {
      Object.defineProperty(navigator, "connection", {
        value: Object.assign(new EventTarget(), { saveData: true }),
      });
    },
  });
  await page.evaluate(
    () => new Promise((resolve) => requestIdleCallback(() => requestIdleCallback(resolve))),
  );
  expect(await page.locator('link[rel="preconnect"]').count()).toBe(0);
  expect((await stats(page)).cache.bytes).toBe(0);
  expect(stage.site.requests(NEXT)).toBe(0);
});
