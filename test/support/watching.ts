// A visitor who watches HLS in a page of the browser tests: puts hls.js and a video there and keeps what the player says.
// Judges nothing.

import type { Page } from "@playwright/test";
import type Hls from "hls.js";
import type { Client, hlsLoader } from "../../client/index.ts";

declare global {
  interface Window {
    Hls?: typeof Hls;
    Shoal?: { readonly hlsLoader: typeof hlsLoader };
    watching?: {
      readonly hls: Hls;
      readonly video: HTMLVideoElement;
      readonly log: WatchLog;
    };
  }
}

/** What hls.js said so far. */
export interface WatchLog {
  /** Details of errors after which it gave up, and of all others. */
  readonly fatal: string[];
  readonly errors: string[];
  /** Times that playing stopped for want of anything to play. */
  stalls: number;
  /** Fragments in the order in which they were in the buffer. */
  readonly buffered: {
    readonly sn: number | "initSegment";
    readonly level: number;
    readonly bytes: number;
    /** What hls.js believes of the network after it, in bits per second. */
    readonly estimate: number;
  }[];
  /** Numbers of fragments that were asked for and given up. */
  readonly abandoned: (number | "initSegment")[];
}

export interface Watch {
  /** The playlist. */
  readonly url: string;
  /** Of hls.js. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default true; false: hls.js by itself. */
  readonly shoal?: boolean;
  /** Default true. */
  readonly plays?: boolean;
}

/** Needs `/hls.js` on the site. Resolves as soon as the player begins to load. */
export async function watch(
  page: Page,
  { url, config = {}, shoal = true, plays = true }: Watch,
): Promise<void> {
  await page.addScriptTag({ url: "/hls.js" });
  await page.evaluate(
    ([source, settings, withShoal, playing]) => {
      const { Hls: Player, Shoal: door } = window;
      if (Player === undefined || door === undefined) throw new Error("A script is missing.");
      const { Events } = Player;
      const video = document.createElement("video");
      video.muted = true;
      video.width = 320;
      document.body.append(video);
      const loader = withShoal ? { fLoader: door.hlsLoader(window.shoal as Client) } : {};
      const hls = new Player({ ...settings, ...loader });
      const log: WatchLog = { fatal: [], errors: [], stalls: 0, buffered: [], abandoned: [] };
      window.watching = { hls, video, log };
      video.addEventListener("waiting", () => {
        if (video.currentTime > 0 && !video.seeking) log.stalls++;
      });
      hls.on(Events.ERROR, (_event, { fatal, details }) => {
        (fatal ? log.fatal : log.errors).push(details);
      });
      hls.on(Events.FRAG_LOAD_EMERGENCY_ABORTED, (_event, { frag }) => {
        log.abandoned.push(frag.sn);
      });
      hls.on(Events.FRAG_BUFFERED, (_event, { frag: { sn, level, stats } }) => {
        log.buffered.push({ sn, level, bytes: stats.loaded, estimate: hls.bandwidthEstimate });
      });
      hls.loadSource(source);
      hls.attachMedia(video);
      // Rejects when the page goes first.
      if (playing) video.play().catch(() => {});
    },
    [url, config, shoal, plays] as const,
  );
}

export function watchLog(page: Page): Promise<WatchLog> {
  return page.evaluate(() => {
    if (window.watching === undefined) throw new Error("Nobody watches here.");
    return window.watching.log;
  });
}

/** Resolves when this segment is in the player. */
export async function hasSegment(page: Page, number: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => window.watching?.log.buffered.some(({ sn }) => sn === wanted),
    number,
  );
}

/** Resolves when the film has come to this second. */
export async function played(page: Page, seconds: number): Promise<void> {
  await page.waitForFunction((to) => (window.watching?.video.currentTime ?? 0) >= to, seconds);
}

/** Resolves when everything up to this second is in the player. */
export async function bufferedTo(page: Page, seconds: number): Promise<void> {
  await page.waitForFunction((to) => {
    const { buffered } = window.watching?.video ?? {};
    return buffered?.length === 1 && buffered.end(0) >= to;
  }, seconds);
}
