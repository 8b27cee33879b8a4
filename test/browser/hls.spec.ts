// A film as HLS, watched with hls.js through the built client: from the origin, from a neighbour, in ranges, back and
// forth, in the right quality, and until somebody has had enough.

import { type Browser, expect, type Page, test as plain } from "@playwright/test";
import { masterPlaylist } from "../../demo/origin/playlist.ts";
import {
  bigBuckBunny,
  byteRangeFiles,
  type HlsFiles,
  hlsScript,
  vodFiles,
} from "../support/hls.ts";
import { complaintsOf } from "../support/outcome.ts";
import { type Stage, setStage, stats } from "../support/stage.ts";
import { bufferedTo, played, watch, watchLog } from "../support/watching.ts";

/** Half a minute; of slides, because decoding film in several pages at once is more than a small machine can do. */
const SEGMENTS = 15;
const { slides, film } = bigBuckBunny();

const test = plain.extend<{ stage: Stage }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of fixtures from this pattern.
  stage: async ({}, use) => {
    const stage = await setStage();
    stage.site.put("/hls.js", { body: hlsScript() });
    await use(stage);
    await stage.close();
  },
});

async function show({ site, publish }: Stage, ...all: readonly HlsFiles[]): Promise<void> {
  await publish(Object.assign({}, ...all.map(({ assets }) => assets)));
  for (const { playlists } of all) {
    for (const [path, body] of Object.entries(playlists)) site.put(path, { body });
  }
}

/** From now on nothing of these is to be had from the site. */
function withhold({ site }: Stage, { assets }: HlsFiles): void {
  for (const path of Object.keys(assets)) site.answer(path, (_request, answer) => answer.destroy());
}

async function visitor(stage: Stage, browser: Browser): Promise<Page> {
  const page = await stage.visit(browser);
  const { errors } = complaintsOf(page);
  page.once("close", () => expect(errors).toEqual([]));
  return page;
}

test("a film plays, and all of it is the origin's, once", async ({ stage, browser }) => {
  const files = vodFiles(film, 4, "/film/");
  await show(stage, files);
  const page = await visitor(stage, browser);
  await watch(page, { url: "/film/index.m3u8" });
  await played(page, 3);
  await bufferedTo(page, 7.9);
  const { fatal, errors, buffered } = await watchLog(page);
  expect([...fatal, ...errors]).toEqual([]);
  expect(buffered.filter(({ sn }) => sn !== "initSegment").map(({ sn }) => sn)).toEqual([
    0, 1, 2, 3,
  ]);
  for (const [path, body] of Object.entries(files.assets)) {
    expect(stage.site.sent(path)).toBe(body.length);
  }
});

test("a film in ranges of one file plays", async ({ stage, browser }) => {
  const files = byteRangeFiles(slides, SEGMENTS, "/film/");
  await show(stage, files);
  const page = await visitor(stage, browser);
  await watch(page, { url: "/film/index.m3u8" });
  await played(page, 3);
  await bufferedTo(page, 29);
  const { fatal, errors } = await watchLog(page);
  expect([...fatal, ...errors]).toEqual([]);
  const [bytes = 0] = Object.values(files.assets).map(({ length }) => length);
  // Ranges that meet within a chunk share it.
  expect(stage.site.sent("/film/whole.mp4")).toBe(bytes);
});

test("a second visitor gets every segment from the first, with the origin away", async ({
  stage,
  browser,
}) => {
  const files = vodFiles(slides, SEGMENTS, "/film/");
  await show(stage, files);
  const first = await visitor(stage, browser);
  await watch(first, { url: "/film/index.m3u8" });
  await bufferedTo(first, 29);
  withhold(stage, files);
  const second = await visitor(stage, browser);
  await second.waitForFunction(() => (window.shoal?.stats().links.length ?? 0) > 0);
  await watch(second, { url: "/film/index.m3u8" });
  await played(second, 3);
  await bufferedTo(second, 29);
  const { fatal, stalls } = await watchLog(second);
  expect({ fatal, stalls }).toEqual({ fatal: [], stalls: 0 });
  const { bytes } = await stats(second);
  expect(bytes.origin).toBe(0);
  expect(bytes.peers).toBe(
    Object.values(files.assets).reduce((sum, { length }) => sum + length, 0),
  );
});

test("far ahead and back again: it plays on from there", async ({ stage, browser }) => {
  await show(stage, vodFiles(slides, SEGMENTS, "/film/"));
  const page = await visitor(stage, browser);
  await watch(page, { url: "/film/index.m3u8", config: { maxBufferLength: 4 } });
  await played(page, 1);
  for (const to of [24, 8]) {
    await page.evaluate((seconds) => {
      if (window.watching) window.watching.video.currentTime = seconds;
    }, to);
    await played(page, to + 1);
  }
  const { fatal } = await watchLog(page);
  expect(fatal).toEqual([]);
});

test("whoever jumps or leaves in the middle of a segment leaves no request open", async ({
  stage,
  browser,
}) => {
  await show(stage, vodFiles(film, SEGMENTS, "/film/"));
  const page = await visitor(stage, browser);
  const open = new Set<string>();
  const segments = /\.m4s$/;
  page.on("request", (request) => segments.test(request.url()) && open.add(request.url()));
  page.on("requestfinished", (request) => open.delete(request.url()));
  page.on("requestfailed", (request) => open.delete(request.url()));
  // Headers come, and no bytes.
  stage.site.behave({ stalls: true });
  await watch(page, { url: "/film/index.m3u8" });
  await expect.poll(() => [...open].map((url) => url.slice(-10))).toEqual(["000000.m4s"]);
  await page.evaluate(() => {
    if (window.watching) window.watching.video.currentTime = 20;
  });
  await expect.poll(() => [...open].map((url) => url.slice(-10))).toEqual(["000010.m4s"]);
  await page.evaluate(() => window.watching?.hls.destroy());
  await expect.poll(() => open.size).toBe(0);
});

test("the quality fits the network, whatever was here already", async ({ stage, browser }) => {
  const folders = { slides: "/slides/", film: "/film/" };
  await show(
    stage,
    vodFiles(slides, SEGMENTS, folders.slides),
    vodFiles(film, SEGMENTS, folders.film),
  );
  stage.site.put("/master.m3u8", { body: masterPlaylist([slides, film]) });
  // 8 Mbit/s: well above the slides, below the worst of the film.
  const network = 1_000_000;
  const page = await visitor(stage, browser);
  // Before the player comes: three segments of slides are in the cache, as from an earlier visit.
  for (const n of [0, 1, 2]) {
    await page.evaluate(
      (url) => window.shoal?.fetch(url).then((answer) => answer.blob()),
      `${folders.slides}00000${n}.m4s`,
    );
  }
  stage.site.limit(network);
  await watch(page, { url: "/master.m3u8", config: { startLevel: 0, maxBufferLength: 12 } });
  await bufferedTo(page, 11);
  const { fatal, abandoned, buffered } = await watchLog(page);
  expect({ fatal, abandoned }).toEqual({ fatal: [], abandoned: [] });
  for (const { estimate } of buffered) {
    // A dream would be a hundred times that; panic, hls.js's first guess of half a Mbit/s and less.
    expect(estimate).toBeLessThan(network * 8 * 2);
    expect(estimate).toBeGreaterThanOrEqual(100_000);
  }
});
