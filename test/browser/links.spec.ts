// What WebRTC links do when something is wrong: the far end, a signal, a frame, the library, the browser. Everything
// ends in one `closed`, and nothing reaches the page as an error.

import { expect, type Page, test } from "@playwright/test";
import { bundlePage } from "../support/bundle.ts";
import { type Site, startSite } from "../support/servers.ts";

type Stories = typeof import("./pages/links.ts");
declare const tested: Stories;

let site: Site;
const errors: string[] = [];

test.beforeAll(async () => {
  const code = await bundlePage("links.ts");
  site = await startSite({
    files: {
      "/": { body: '<!doctype html><script src="/tested.js"></script>', type: "text/html" },
      "/tested.js": { body: code },
    },
  });
});
test.afterAll(() => site.close());

async function visit(page: Page): Promise<void> {
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(`${site.url}/`);
}

test.beforeEach(async () => {
  errors.length = 0;
});
test.afterEach(() => {
  expect(errors).toEqual([]);
});

test("where WebRTC is missing there is no transport", async ({ page }) => {
  await visit(page);
  expect(await page.evaluate(() => tested.hasTransport())).toBe(true);
  await page.addInitScript(() => Reflect.deleteProperty(globalThis, "RTCPeerConnection"));
  await page.reload();
  expect(await page.evaluate(() => tested.hasTransport())).toBe(false);
});

test("simple-peer still has the private fields that the transport uses", async ({ page }) => {
  await visit(page);
  expect(await page.evaluate(() => tested.privateFields())).toEqual({
    connections: [true, true],
    channels: [true, true],
    channelListens: true,
    answererListens: true,
  });
});

test("an offerer tells its addresses, and none of them when relays alone are allowed", async ({
  page,
}) => {
  await visit(page);
  expect(await page.evaluate(() => tested.offered(false))).toEqual(["candidate", "offer"]);
  expect(await page.evaluate(() => tested.offered(true))).toEqual(["offer"]);
});

test("whoever was offered a link is silent until the far end has spoken", async ({ page }) => {
  await visit(page);
  expect(await page.evaluate(() => tested.listens())).toEqual({
    before: [],
    answer: "closed",
    heard: ["open", "frame of 1"],
  });
});

test("a far end that speaks text is dropped", async ({ page }) => {
  await visit(page);
  expect(await page.evaluate(() => tested.text())).toEqual(["closed: failed"]);
});

test("a second channel is refused and the first goes on", async ({ page }) => {
  await visit(page);
  expect(await page.evaluate(() => tested.secondChannel())).toEqual({
    heard: ["frame of 7"],
    second: "closed",
  });
});

test("a connection closed without a goodbye was closed by the remote", async ({ page }) => {
  await visit(page);
  expect(await page.evaluate(() => tested.abrupt())).toEqual(["closed: remote"]);
});

test("a frame too large to send ends the link instead of getting lost", async ({ page }) => {
  await visit(page);
  const { answers, heard } = await page.evaluate(() => tested.oversize());
  expect(answers[0]).toBe("closed");
  expect(answers[2]).toBe("closed");
  expect(heard).toEqual(["closed: failed"]);
});

test("a description that is none fails the link, once", async ({ page }) => {
  await visit(page);
  const failed = ["closed: failed"];
  expect(await page.evaluate(() => tested.nonsense())).toEqual([failed, failed]);
});

test("a page that crashes is given up within seconds", async ({ browser }) => {
  const contexts = [await browser.newContext(), await browser.newContext()];
  const [one, other] = await Promise.all(contexts.map((context) => context.newPage()));
  if (one === undefined || other === undefined) throw new Error("two pages were opened");
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    await visit(from);
    await from.exposeFunction("carry", (signal: Parameters<typeof globalThis.arrive>[0]) =>
      to.evaluate((signal) => globalThis.arrive(signal), signal),
    );
  }
  await other.evaluate(() => tested.endOf("answerer"));
  await one.evaluate(() => tested.endOf("offerer"));
  await one.waitForFunction(() => globalThis.heard.includes("open"));

  const crashed = other.waitForEvent("crash");
  // Never arrives: the page dies of it.
  other.goto("chrome://crash").catch(() => {});
  await crashed;
  const from = Date.now();
  await one.waitForFunction(() => globalThis.heard.length > 1, undefined, { timeout: 30_000 });
  expect(await one.evaluate(() => globalThis.heard)).toEqual(["open", "closed: failed"]);
  // Chromium 156 needs five seconds to notice and we wait five more; left alone, it gives up after fifteen.
  expect(Date.now() - from).toBeLessThan(13_000);
  for (const context of contexts) await context.close();
});
