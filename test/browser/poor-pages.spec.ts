// Pages on which something that Shoal lives from is missing: no tracker, no manifest, no WebRTC, no storage, no
// WebCrypto, no sockets, a sandbox. The page then works exactly as without the tag, and Shoal says once what it lacks.

import { chromium, expect, type Frame, type Page, test } from "@playwright/test";
import { launchOptions } from "../support/browser.ts";
import { both, type Complaints, complaintsOf, keepDegraded } from "../support/outcome.ts";
import { unusedPort } from "../support/servers.ts";
import { noise, type Stage, setStage } from "../support/stage.ts";

const BODY = noise(700_000, 1);

let stage: Stage;
let complaints: Complaints;
/** Failed requests of which the browser may print a line: those that the page makes itself, and what is missing. */
let failing: Set<string>;

test.beforeAll(async () => {
  // A sandboxed frame has an origin of its own, so that even its own site is another one.
  stage = await setStage({
    headers: {
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Expose-Headers": "Accept-Ranges, Content-Range",
    },
  });
  await stage.publish({ "/asset.bin": BODY });
  stage.site.put("/other.txt", { body: "not in the manifest" });
  stage.site.put("/favicon.ico", { body: "" });
});
test.afterAll(() => stage.close());
test.beforeEach(async ({ page }) => {
  complaints = complaintsOf(page);
  await page.addInitScript(keepDegraded);
  failing = new Set();
});
test.afterEach(() => {
  const { errors, warnings, network } = complaints;
  expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
  expect(new Set(network)).toEqual(failing);
});

async function open(page: Page, attributes = "", site = stage.site.url): Promise<void> {
  const tag = `<script src="${stage.trackerUrl}/shoal.js" ${attributes}></script>`;
  stage.site.put("/page.html", { body: `<!doctype html>${tag}` });
  await page.goto(`${site}/page.html`);
}

/** Both ways give the same. `asset`: whether Shoal still has a part in what the manifest lists. */
async function worksAsWithout(page: Page | Frame, asset: "answered" | "passed on"): Promise<void> {
  for (const init of [{}, { headers: { Range: "bytes=100000-600000" } }]) {
    const { network, shoal } = await both(page, { url: "/asset.bin", init });
    expect(network).toMatchObject({ answered: { type: expect.any(String) }, cacheStatus: null });
    expect({ ...shoal, cacheStatus: null }).toEqual(network);
    expect("cacheStatus" in shoal && shoal.cacheStatus !== null).toBe(asset === "answered");
  }
  const missing = new URL("/nothing", page.url()).href;
  const closed = `http://127.0.0.1:${await unusedPort()}/`;
  failing.add(missing).add(closed);
  for (const ask of [
    { url: "/other.txt" },
    { url: missing },
    { url: closed },
    { url: "/asset.bin", init: { method: "HEAD" } },
  ]) {
    const { network, shoal } = await both(page, ask);
    expect(shoal).toEqual(network);
  }
}

const degraded = (page: Page | Frame): Promise<string[] | undefined> =>
  page.evaluate(() => window.degraded);
const state = (page: Page | Frame) => page.evaluate(() => window.shoal?.stats());

test("nobody answers at the tracker's port", async ({ page }) => {
  const port = await unusedPort();
  await open(page, `data-tracker="http://127.0.0.1:${port}"`);
  await page.waitForFunction(() => window.shoal?.stats().tracker === "unreachable");
  failing.add(`ws://127.0.0.1:${port}/`).add(`http://127.0.0.1:${port}/manifest`);
  await worksAsWithout(page, "answered");
  expect(await state(page)).toMatchObject({ state: "origin-only", tracker: "unreachable" });
});

test("the tracker's address is that of something else", async ({ page }) => {
  await open(page, `data-tracker="${stage.site.url}"`);
  await page.waitForFunction(() => window.shoal?.stats().tracker === "unreachable");
  failing.add(`${stage.site.url.replace("http", "ws")}/`).add(`${stage.site.url}/manifest`);
  await worksAsWithout(page, "answered");
});

test("the site has no manifest", async ({ page }) => {
  await open(page, 'data-manifest="/none.json"');
  failing.add(`${stage.site.url}/none.json`);
  await worksAsWithout(page, "passed on");
  expect(await degraded(page)).toEqual([]);
});

/** Runs before any script of the page. */
const missing: readonly (readonly [what: string, take: () => void, code: string | null])[] = [
  ["WebRTC", () => Reflect.deleteProperty(window, "RTCPeerConnection"), "webrtc/missing"],
  ["IndexedDB", () => Reflect.deleteProperty(window, "indexedDB"), "storage/memory-only"],
  [
    "the right to look at IndexedDB",
    () =>
      Object.defineProperty(window, "indexedDB", {
        get() {
          throw new DOMException("Denied", "SecurityError");
        },
      }),
    "storage/memory-only",
  ],
  [
    "the right to open IndexedDB",
    () => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("Denied", "SecurityError");
      };
    },
    "storage/memory-only",
  ],
  [
    "an estimate of its storage",
    () => Reflect.deleteProperty(Navigator.prototype, "storage"),
    null,
  ],
  ["WebSocket", () => Reflect.deleteProperty(window, "WebSocket"), null],
];
for (const [what, take, code] of missing) {
  test(`a page without ${what} works as without the tag`, async ({ page }) => {
    await page.addInitScript(take);
    await open(page);
    await worksAsWithout(page, "answered");
    expect(await degraded(page)).toEqual(code === null ? [] : [code]);
  });
}

test("without WebCrypto every request is the network's", async ({ page }) => {
  await page.addInitScript(() => {
    Object.defineProperty(Crypto.prototype, "subtle", { value: undefined });
  });
  await open(page);
  await worksAsWithout(page, "passed on");
  expect(await degraded(page)).toEqual(["crypto/missing"]);
  expect(await state(page)).toMatchObject({ state: "origin-only", tracker: "off" });
  await page.evaluate(() => window.shoal?.close());
  await worksAsWithout(page, "passed on");
  expect(await state(page)).toMatchObject({ state: "closed" });
});

test("on plain HTTP every request is the network's", async () => {
  const options = launchOptions();
  const browser = await chromium.launch({
    ...options,
    args: [...options.args, "--host-resolver-rules=MAP shoal.example 127.0.0.1"],
  });
  try {
    const page = await browser.newPage();
    complaints = complaintsOf(page);
    await page.addInitScript(keepDegraded);
    await open(page, "", stage.site.url.replace("127.0.0.1", "shoal.example"));
    expect(await page.evaluate("[isSecureContext, crypto.subtle]")).toEqual([false, undefined]);
    await worksAsWithout(page, "passed on");
    expect(await degraded(page)).toEqual(["crypto/missing"]);
  } finally {
    await browser.close();
  }
});

test("a sandboxed frame has neither storage nor an origin, and works", async ({ page }) => {
  await open(page);
  stage.site.put("/outside.html", {
    body: `<!doctype html><iframe sandbox="allow-scripts" src="/page.html"></iframe>`,
  });
  await page.goto(`${stage.site.url}/outside.html`);
  const frame = page.frames()[1] as Frame;
  await frame.waitForFunction(() => window.shoal !== undefined);
  expect(await frame.evaluate("origin")).toBe("null");
  // Nor may it join: a tracker lets in the pages of its sites, and this one is of none.
  failing.add(`${stage.trackerUrl.replace("http", "ws")}/`);
  await worksAsWithout(frame, "answered");
  expect(await degraded(frame)).toEqual(["storage/memory-only"]);
});
