// The adapters of client/browser in real Chromium: every battery of test/contract, against real servers. A page error
// or a rejection that nobody handled fails the test it happens in.

import { expect, type Page, test } from "@playwright/test";
import { patterned } from "../contract/battery.ts";
import { bundlePage } from "../support/bundle.ts";
import { type Site, startSite, unusedPort } from "../support/servers.ts";
import { type Echo, startEcho } from "../support/sockets.ts";
import type { EchoAddresses, OriginAddresses } from "./pages/batteries.ts";

const LENGTH = 300_000;
const FILES = { "/asset": { body: patterned(LENGTH), headers: { "Cache-Control": "no-cache" } } };
/** As a content host must answer for its pages to read sizes and ranges. */
const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Content-Range",
};

type Batteries = typeof import("./pages/batteries.ts");
declare const tested: Batteries;

let home: Site;
let content: Site;
let rangeless: Site;
let cutting: Site;
let echo: Echo;
const errors: string[] = [];

test.beforeAll(async () => {
  const code = await bundlePage("batteries.ts");
  [home, content, rangeless, cutting, echo] = await Promise.all([
    startSite({
      files: {
        "/": { body: '<!doctype html><script src="/tested.js"></script>', type: "text/html" },
        "/tested.js": { body: code },
        ...FILES,
      },
    }),
    startSite({ files: FILES, headers: CORS }),
    startSite({ files: FILES, headers: CORS }),
    startSite({ files: FILES, headers: CORS }),
    startEcho(),
  ]);
  rangeless.behave({ ignoresRange: true });
  cutting.behave({ cutsBodies: true });
});

test.afterAll(() =>
  Promise.all([home.close(), content.close(), rangeless.close(), cutting.close(), echo.close()]),
);

test.beforeEach(async ({ page }) => {
  errors.length = 0;
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(`${home.url}/`);
});

test.afterEach(() => {
  expect(errors).toEqual([]);
});

test("the clock keeps its contract", async ({ page }) => {
  await page.evaluate(() => tested.clock());
});

test("the dice keep their contract", async ({ page }) => {
  await page.evaluate(() => tested.random());
});

test("the hasher keeps its contract", async ({ page }) => {
  await page.evaluate(() => tested.hasher());
});

test("the memory store keeps its contract", async ({ page }) => {
  await page.evaluate(() => tested.memory());
});

test("the IndexedDB store keeps its contract", async ({ page }) => {
  await page.evaluate(() => tested.indexed());
});

test("channel and locks keep the contract of tabs", async ({ page }) => {
  await page.evaluate(() => tested.tabs());
});

test("the WebRTC transport keeps its contract", async ({ page }) => {
  await page.evaluate(() => tested.transport());
});

test("the WebSocket connector keeps its contract", async ({ page }) => {
  await page.exposeFunction("hangUp", () => echo.hangUp());
  const addresses: EchoAddresses = {
    url: echo.url,
    refused: `ws://127.0.0.1:${await unusedPort()}`,
  };
  await page.evaluate((addresses) => tested.tracker(addresses), addresses);
});

async function holdOrigin(page: Page, site: Site): Promise<void> {
  const addresses: OriginAddresses = {
    asset: `${site.url}/asset`,
    // Elsewhere its version is not to be seen, and conditions would be asked about first (CORS).
    versioned: `${home.url}/asset`,
    missing: `${site.url}/nothing`,
    unreachable: `http://127.0.0.1:${await unusedPort()}/asset`,
    rangeless: `${rangeless.url}/asset`,
    cut: `${cutting.url}/asset`,
    length: LENGTH,
  };
  await page.evaluate((addresses) => tested.origin(addresses), addresses);
}

test("the fetch origin keeps its contract on the page's own site", async ({ page }) => {
  await holdOrigin(page, home);
});

test("the fetch origin keeps its contract across origins", async ({ page }) => {
  await holdOrigin(page, content);
});
