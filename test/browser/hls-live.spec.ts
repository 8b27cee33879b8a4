// A live channel from packager to picture: a directory that a packager writes, `publish --watch` beside it, visitors with Shoal
// and one with hls.js alone. Everybody sees the same, as close to the live edge, and the origin sends it to one.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, type Page, test } from "@playwright/test";
import { LIVE_WINDOW, segmentName } from "../../demo/origin/playlist.ts";
import { bigBuckBunny, hlsScript } from "../support/hls.ts";
import { startPackager } from "../support/packager.ts";
import { setStage, stats } from "../support/stage.ts";
import { hasSegment, watch, watchLog } from "../support/watching.ts";

/** Segments that appear while it is watched. */
const WATCHED = 5;
/**
 * Two players of one kind differ by as much: a segment, because each looks at the playlist at moments of its own, and what
 * three pages that begin at once take on a busy machine.
 */
const SAME_SECONDS = 3;

/** Resolves when the first window is published. */
async function publishing(directory: string, url: string, out: string): Promise<ChildProcess> {
  const words = [directory, "--base-url", url, "--out", out, "--key", `${out}.key`, "--watch"];
  const publisher = spawn(process.execPath, ["dist/tracker/main.js", "publish", ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: publisher.stdout })) {
    if (JSON.parse(line).urls > LIVE_WINDOW) break;
  }
  publisher.stdout.resume();
  return publisher;
}

const latency = (page: Page): Promise<number> =>
  page.evaluate(() => window.watching?.hls.latency ?? Number.NaN);

test("a live channel: one reads what appears, the others have it as soon as hls.js alone would", async ({
  browser,
}) => {
  const home = await mkdtemp(join(tmpdir(), "shoal-live-"));
  const directory = join(home, "live");
  const stage = await setStage();
  const { site } = stage;
  const packager = await startPackager(bigBuckBunny().slides, {
    directory,
    written: (name, body) =>
      site.put(`/live/${name}`, { body, headers: { "Cache-Control": "no-cache" } }),
  });
  const manifest = join(home, "shoal.json");
  const publisher = await publishing(directory, `${site.url}/live/`, manifest);
  try {
    site.put("/hls.js", { body: hlsScript() });
    site.answer("/.well-known/shoal.json", async (_request, answer) => {
      answer.writeHead(200, { "Content-Type": "application/json" });
      answer.end(await readFile(manifest));
    });
    const [alone, ...visitors] = await Promise.all([1, 2, 3].map(() => stage.visit(browser)));
    if (alone === undefined) throw new Error("Nobody came.");
    const url = "/live/index.m3u8";
    // Who comes before a segment and who comes behind it begin at different ones.
    const { newest } = packager;
    await expect.poll(() => packager.newest, { intervals: [20] }).toBeGreaterThan(newest);
    await Promise.all([
      watch(alone, { url, shoal: false }),
      ...visitors.map((page) => watch(page, { url })),
    ]);
    // What was there when they came is everybody's own: they had no links.
    const from = packager.newest + 2;
    const to = from + WATCHED - 1;
    await Promise.all([alone, ...visitors].map((page) => hasSegment(page, to)));
    const expected = await latency(alone);
    let fromPeers = 0;
    for (const page of visitors) {
      const { fatal, errors, stalls } = await watchLog(page);
      expect({ fatal, errors, stalls }).toEqual({ fatal: [], errors: [], stalls: 0 });
      expect(Math.abs((await latency(page)) - expected)).toBeLessThan(SAME_SECONDS);
      fromPeers += (await stats(page)).bytes.peers;
    }
    let copies = 0;
    for (let n = from; n <= to; n++) {
      const { length } = await readFile(join(directory, segmentName(n)));
      copies += site.sent(`/live/${segmentName(n)}`) / length / WATCHED;
    }
    expect(fromPeers).toBeGreaterThan(0);
    // One for who has hls.js alone; two visitors have the other together, but for what both asked for in one moment.
    expect(copies).toBeLessThanOrEqual(2.6);
    // The whole channel is one swarm.
    const { swarms } = await (await fetch(`${stage.trackerUrl}/stats`)).json();
    expect(swarms).toBe(1);
  } finally {
    publisher.kill();
    await packager.stop();
    await stage.close();
    await rm(home, { recursive: true, force: true });
  }
});
