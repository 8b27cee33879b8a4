// A film as HLS, watched with hls.js through the built client: from the origin, from a neighbour, in ranges, back and
// forth, in the right quality, and until somebody has had enough.

import { type Browser, expect, type Page, test as plain } from "@playwright/test";
import type { Client } from "../../client/index.ts";
import { masterPlaylist, segmentName } from "../../demo/origin/playlist.ts";
import {
  bigBuckBunny,
  byteRangeFiles,
  type HlsFiles,
  hlsScript,
  vodFiles,
} from "../support/hls.ts";
import { complaintsOf } from "../support/outcome.ts";
import type { OwnAnswer } from "../support/servers.ts";
import { fetched, type Stage, setStage, stats } from "../support/stage.ts";
import { bufferedTo, hasSegment, played, watch, watchLog } from "../support/watching.ts";

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

/** Headers come, and no bytes. */
const begun =
  (length: number): OwnAnswer =>
  (_request, answer) => {
    answer.writeHead(200, { "Content-Length": length });
    answer.flushHeaders();
  };

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
  await played(page, 1);
  await bufferedTo(page, 29);
  const { fatal, errors } = await watchLog(page);
  expect([...fatal, ...errors]).toEqual([]);
  const [bytes = 0] = Object.values(files.assets).map(({ length }) => length);
  // Ranges that meet within a chunk share it. A read that is cut short has a slice or two on its way.
  const sent = stage.site.sent("/film/whole.mp4");
  expect(sent).toBeGreaterThanOrEqual(bytes);
  expect(sent).toBeLessThan(bytes + 65_536);
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
  await watch(second, { url: "/film/index.m3u8" });
  await played(second, 1);
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
  const files = vodFiles(film, SEGMENTS, "/film/");
  await show(stage, files);
  const page = await visitor(stage, browser);
  const open = new Set<string>();
  const segments = /\.m4s$/;
  page.on("request", (request) => segments.test(request.url()) && open.add(request.url()));
  page.on("requestfinished", (request) => open.delete(request.url()));
  page.on("requestfailed", (request) => open.delete(request.url()));
  for (const [path, { length }] of Object.entries(files.assets)) {
    if (segments.test(path) && path !== `/film/${segmentName(0)}`) {
      stage.site.answer(path, begun(length));
    }
  }
  await watch(page, { url: "/film/index.m3u8" });
  await expect.poll(() => [...open].map((url) => url.slice(-10))).toEqual(["000001.m4s"]);
  await page.evaluate(() => {
    if (window.watching) window.watching.video.currentTime = 20;
  });
  await expect.poll(() => [...open].map((url) => url.slice(-10))).toEqual(["000010.m4s"]);
  await page.evaluate(() => window.watching?.hls.destroy());
  await expect.poll(() => open.size).toBe(0);
});

test("where there are peers, what the playlist lists is read before the player asks, and no more than it would ask for", async ({
  stage,
  browser,
}) => {
  const files = vodFiles(slides, SEGMENTS, "/film/");
  await show(stage, files);
  const numbersAsked = (): number[] =>
    Array.from({ length: SEGMENTS }, (_, n) => n).filter(
      (n) => stage.site.requests(`/film/${segmentName(n)}`) > 0,
    );
  const [page, other] = await Promise.all([visitor(stage, browser), visitor(stage, browser)]);
  // Whoever wants something of the film is in its swarm.
  for (const one of [page, other]) await fetched(one, "/film/init.mp4");
  await page.waitForFunction(() => (window.shoal?.stats().links.length ?? 0) > 0);
  const held = `/film/${segmentName(4)}`;
  stage.site.answer(held, begun(files.assets[held]?.length ?? 0));
  await watch(page, { url: "/film/index.m3u8", plays: false, config: { maxBufferLength: 15 } });
  await hasSegment(page, 3);
  // The player has nothing to go on with until it has the fourth, and asks for one after the other.
  await expect.poll(numbersAsked).toEqual([0, 1, 2, 3, 4, 5, 6]);
  stage.site.put(held, { body: files.assets[held] ?? "" });
  await page.evaluate(() => window.watching?.hls.stopLoad());
  await page.evaluate(() => window.watching?.hls.startLoad());
  await bufferedTo(page, 15);
  expect(numbersAsked()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect((await watchLog(page)).fatal).toEqual([]);
});

test("it is known when a player misses a fragment, one in a shadow root as well", async ({
  stage,
  browser,
}) => {
  await show(stage, vodFiles(slides, SEGMENTS, "/film/"));
  const page = await visitor(stage, browser);
  const urgencies = await page.evaluateHandle(() => {
    const client = window.shoal as Client;
    const { fetch } = client;
    const asked: unknown[] = [];
    client.fetch = (input, init) => {
      asked.push(init?.shoal?.urgency);
      return fetch.call(client, input, init);
    };
    return asked;
  });
  await watch(page, { url: "/film/index.m3u8", plays: false, config: { maxBufferLength: 15 } });
  await page.evaluate(() => {
    const host = document.createElement("div");
    document.body.append(host);
    host.attachShadow({ mode: "open" }).append(document.querySelector("video") as Node);
  });
  await bufferedTo(page, 15);
  const [init, first, ...others] = await urgencies.jsonValue();
  expect([init, first]).toEqual(["now", "now"]);
  expect(others.at(-1)).toBeGreaterThan(1000);
});

test("what is not shared is not fetched ahead", async ({ stage, browser }) => {
  stage.site.put("/alone.m4s", { body: "of the site alone" });
  const page = await visitor(stage, browser);
  const type = await page.evaluate(async () => {
    const answer = await window.shoal?.fetch("/alone.m4s", { shoal: { passThrough: false } });
    return answer?.type;
  });
  expect([type, stage.site.requests("/alone.m4s")]).toEqual(["error", 0]);
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
