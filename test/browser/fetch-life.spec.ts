// A client over its life: what it counts, what it shares between requests, how far it reads ahead, how it ends.

import { expect, type Page, test } from "@playwright/test";
import { type Complaints, complaintsOf, outcome } from "../support/outcome.ts";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const MIB = 1024 * 1024;
const ASSETS: Readonly<Record<string, Uint8Array>> = {
  "/film.bin": noise(6 * MIB, 1),
  "/photo.bin": noise(300_000, 2),
  "/shared.bin": noise(3 * MIB, 3),
  "/parts.bin": noise(3 * MIB, 4),
  "/long.bin": noise(48 * MIB, 5),
};

let stage: Stage;
let page: Page;
let complaints: Complaints;
test.beforeAll(async ({ browser }) => {
  stage = await setStage();
  await stage.publish(ASSETS);
  page = await stage.visit(browser);
  complaints = complaintsOf(page);
});
test.afterAll(() => stage.close());
test.afterEach(() => {
  stage.site.limit(null);
  expect(complaints).toEqual({ errors: [], warnings: [], network: [] });
});

const body = (path: string): Uint8Array => ASSETS[path] ?? new Uint8Array(0);

for (const path of ["/film.bin", "/photo.bin"]) {
  test(`${path} says where it came from: the origin, then this browser`, async () => {
    const { length } = body(path);
    const first = await fetched(page, path);
    const [, peers, origin] = /peers=(\d+),origin=(\d+)/.exec(first.cacheStatus ?? "") ?? [];
    expect(first.cacheStatus).toMatch(/^shoal; fwd=miss; detail="peers=\d+,origin=\d+"$/);
    expect(Number(peers) + Number(origin)).toBe(length);
    expect(stage.site.sent(path)).toBe(Number(origin));
    expect(await fetched(page, path)).toMatchObject({
      cacheStatus: "shoal; hit",
      sha256: sha256(body(path)),
    });
    expect(stage.site.sent(path)).toBe(length);
  });
}

test("a body that is partly held says so", async () => {
  const path = "/parts.bin";
  await fetched(page, path, { headers: { Range: `bytes=0-${MIB - 1}` } });
  const { cacheStatus, sha256: digest } = await fetched(page, path);
  expect(digest).toBe(sha256(body(path)));
  expect(cacheStatus).toBe(`shoal; fwd=partial; detail="peers=0,origin=${2 * MIB}"`);
  expect(stage.site.sent(path)).toBe(3 * MIB);
});

test("requests at the same time for the same asset cost the origin one transfer", async () => {
  const path = "/shared.bin";
  const part = { headers: { Range: `bytes=${MIB}-${2 * MIB}` } };
  const all = await Promise.all([
    fetched(page, path),
    fetched(page, path),
    fetched(page, path, part),
    fetched(page, path),
  ]);
  const whole = sha256(body(path));
  const middle = sha256(body(path).subarray(MIB, 2 * MIB + 1));
  expect(all.map((one) => one.sha256)).toEqual([whole, whole, middle, whole]);
  expect(stage.site.sent(path)).toBe(3 * MIB);
  const { bytes } = await stats(page);
  expect(bytes.origin + bytes.peers).toBe(stage.site.sent() - pages());
});

/** What the site sent that is no asset. */
function pages(): number {
  const assets = Object.keys(ASSETS).reduce((sum, path) => sum + stage.site.sent(path), 0);
  return stage.site.sent() - assets;
}

test("a body that nobody reads holds the origin back, and is right when it is read on", async () => {
  const path = "/long.bin";
  const rate = 6 * MIB;
  stage.site.limit(rate);
  const response = await page.evaluateHandle(async (url) => {
    const answer = await window.shoal?.fetch(url);
    const reader = answer?.body?.getReader();
    return { reader, first: (await reader?.read())?.value };
  }, path);
  // A client that read on would be at the end after eight seconds; this one has no read open long before.
  let sent = -1;
  await expect
    .poll(
      () => {
        const isStill = stage.site.sent(path) === sent;
        sent = stage.site.sent(path);
        return isStill;
      },
      { intervals: [1000], timeout: 15_000 },
    )
    .toBe(true);
  expect(sent).toBeLessThan(12 * MIB);
  stage.site.limit(null);
  const digest = await response.evaluate(async ({ reader, first }) => {
    const parts: BlobPart[] = [first ?? ""];
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
      parts.push(next.value);
    }
    const whole = await new Blob(parts).arrayBuffer();
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  });
  expect(digest).toBe(sha256(body(path)));
  expect(stage.site.sent(path)).toBeLessThan(body(path).length + MIB);
});

test("a closed client leaves everything to the network, and nothing open", async ({ browser }) => {
  const context = await browser.newContext();
  try {
    const other = await stage.visit(browser, { context });
    const told = complaintsOf(other);
    await expect.poll(peers).toBe(2);
    const before = stage.site.requests("/photo.bin");
    const states = await other.evaluate(async () => {
      const client = window.shoal;
      const pending = client?.fetch("/photo.bin").then((answer) => answer.arrayBuffer());
      await Promise.all([client?.close(), client?.close()]);
      await client?.close();
      const { state, tracker, links } = client?.stats() ?? {};
      return { state, tracker, links: links?.length, pending: (await pending)?.byteLength };
    });
    expect(states).toEqual({ state: "closed", tracker: "off", links: 0, pending: 300_000 });
    await expect.poll(peers).toBe(1);
    const cost = stage.site.requests("/photo.bin");
    expect(cost).toBeGreaterThan(before);
    const got = await outcome(other, "shoal", { url: "/photo.bin" });
    expect(got).toMatchObject({
      answered: { sha256: sha256(body("/photo.bin")) },
      cacheStatus: null,
    });
    expect(stage.site.requests("/photo.bin")).toBe(cost + 1);
    await other.evaluate(() => {
      window.shoal?.setConsent("granted");
      window.shoal?.setUpload(true);
      document.dispatchEvent(new Event("visibilitychange"));
    });
    expect(await stats(other)).toMatchObject({ state: "closed", tracker: "off" });
    expect(await peers()).toBe(1);
    expect(told).toEqual({ errors: [], warnings: [], network: [] });
  } finally {
    await context.close();
  }
});

async function peers(): Promise<number> {
  const totals: { peers: number } = await (await fetch(`${stage.trackerUrl}/stats`)).json();
  return totals.peers;
}
