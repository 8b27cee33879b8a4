// The demo as a person uses it: opened, watched, switched about. Every switch does what it says, and the page stays whole
// meanwhile.

import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import type { RunningSite } from "../../demo/site.ts";
import { startDemo } from "../support/demo.ts";
import { type Complaints, complaintsOf } from "../support/outcome.ts";
import { stats } from "../support/stage.ts";

/** A visitor should see within ten seconds what this is about. */
const FIRST_SIGHT_MS = 10_000;

let site: RunningSite;
let complaints: Complaints;
test.beforeAll(async () => {
  site = await startDemo();
});
test.afterAll(() => site.close());
test.beforeEach(({ page }) => {
  complaints = complaintsOf(page);
});

const visitorsThere = (page: Page, count: number) =>
  expect(page.locator(".visitor-node")).toHaveCount(count, { timeout: 20_000 });
const share = (page: Page) => page.locator("#ledger-share");
const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });

test("within ten seconds bytes are seen to come from a neighbour, on a page that is whole", async ({
  page,
}) => {
  await page.addInitScript(() => {
    const seen = { shift: 0 };
    Object.assign(window, { seen });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { value, hadRecentInput } = entry as unknown as {
          value: number;
          hadRecentInput: boolean;
        };
        if (!hadRecentInput) seen.shift += value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  const began = Date.now();
  await page.goto(site.url);
  await expect(share(page)).not.toHaveText("0 %", { timeout: FIRST_SIGHT_MS });
  await page.locator('.flows [data-from="peers"]').first().waitFor({ state: "attached" });
  await expect
    .poll(async () => (await stats(page)).bytes.peers, { timeout: FIRST_SIGHT_MS })
    .toBeGreaterThan(0);
  expect(Date.now() - began).toBeLessThan(FIRST_SIGHT_MS);
  await expect(page.locator("#sky-source")).toContainText("Good for five seconds");
  await expect(page.locator("#photos img")).toHaveCount(5);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  }
  // Below a tenth is good, by the usual measure; live numbers alone make none.
  expect(await page.evaluate("seen.shift")).toBeLessThan(0.05);
  for (const width of [360, 768, 1280, 2560]) {
    await page.setViewportSize({ width, height: 900 });
    const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement);
    expect([width, scrollWidth]).toEqual([width, clientWidth]);
  }
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  expect(complaints.errors).toEqual([]);
});

test("a download begins, is resumed after a reload, and ends without origin and tracker", async ({
  page,
}) => {
  await page.goto(site.url);
  await button(page, "Add a visitor").click();
  await visitorsThere(page, 3);
  const neighbour = page.frameLocator('iframe[title="Visitor 2"]');
  await expect(neighbour.locator(".map-count")).toHaveText(/^(\d+) of \1 /, { timeout: 30_000 });
  await page.getByLabel("Slow origin").check();
  await expect(page.locator("#origin-detail")).toContainText("at most 1.0 MB a second");
  await button(page, /^Download/).click();
  await expect(page.locator("#maps .map-count").first()).not.toHaveText(/^0 of/);
  const kept = (await stats(page)).cache.assets;
  expect(kept).toBeGreaterThan(0);
  await page.getByLabel("Origin on").uncheck();
  await page.getByLabel("Tracker on").uncheck();
  await expect(page.locator("#origin-detail")).toContainText("The origin is off");
  await expect.poll(async () => (await stats(page)).tracker).not.toBe("connected");
  await expect(page.locator("#download-report")).toHaveText(/^Complete: 35.0 MB/, {
    timeout: 30_000,
  });
  expect((await stats(page)).links.length).toBeGreaterThan(0);
  await expect(page.getByRole("link", { name: "Save the file" })).toBeVisible();
  for (const name of ["Origin on", "Tracker on"]) await page.getByLabel(name).check();
  await page.getByLabel("Slow origin").uncheck();
  await expect.poll(async () => (await stats(page)).tracker, { timeout: 20_000 }).toBe("connected");
  await page.reload();
  await button(page, /^Download/).click();
  await expect(page.locator("#download-report")).toHaveText(/^Complete/);
  const { cache } = (await stats(page)).bytes;
  expect(cache).toBeGreaterThan(34_000_000);
});

test("the film plays, is sought in, and its segments say where they came from", async ({
  page,
}) => {
  await page.goto(site.url);
  await button(page, "Play the film").click();
  const film = page.locator("#film");
  const at = () => film.evaluate((video: HTMLVideoElement) => video.currentTime);
  await expect.poll(at, { timeout: 15_000 }).toBeGreaterThan(0.2);
  await film.evaluate((video: HTMLVideoElement) => {
    video.currentTime = 24;
  });
  await expect.poll(at, { timeout: 15_000 }).toBeGreaterThan(24.2);
  await expect(page.locator("#film-note")).toHaveText(/^Segment \d+: /);
  await expect(page.locator("#live-note")).toHaveText(/^Segment \d+: /);
  expect(complaints.errors).toEqual([]);
});

test("a liar is caught and a silent one waited for by nobody; visitors arrive where they are told", async ({
  page,
}) => {
  await page.goto(site.url);
  await page.getByLabel("Region of new visitors").selectOption("Garden");
  await button(page, "Add a liar").click();
  await button(page, "Add a silent one").click();
  await visitorsThere(page, 4);
  await expect(page.getByRole("region", { name: "Liar 3" })).toContainText("Garden");
  const liar = page.frameLocator('iframe[title="Liar 3"]');
  await expect(liar.locator(".pill")).toHaveText("In the swarm");
  await button(page, /^Download/).click();
  await expect(page.locator("#download-report")).toHaveText(/^Complete/, { timeout: 30_000 });
  await expect(page.locator(".visitor-node.caught.lying")).toHaveCount(1, { timeout: 20_000 });
  await expect(page.locator(".visitor-node.caught:not(.lying)")).toHaveCount(0);
  await button(page, "Remove Liar 3").click();
  await visitorsThere(page, 3);
  await button(page, "Ask Shoal").click();
  await expect(page.locator("#verdict")).toContainText("It works");
});

test("without Shoal it is a page like any other", async ({ page }) => {
  await page.route("**/shoal.js", (route) => route.abort());
  await page.goto(site.url);
  await expect(page.getByText("Shoal is not loaded.")).toBeVisible();
  await expect(page.locator("#photos img")).toHaveCount(5);
  await expect(page.locator("#mesh")).toBeHidden();
});
