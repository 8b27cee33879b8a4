// Players of one stream: hls.js by itself, with P2P Media Loader, with Shoal's loader. The same hls.js and the same settings
// in all of them; what differs is who loads fragments. Counts what a viewer notices.

import { errors, type Page } from "@playwright/test";
import type { Client } from "../../client/index.ts";
import { hlsScript } from "../support/hls.ts";
import type { Hall } from "./hall.ts";
import { rivalScript } from "./rivals.ts";

export type Loader = "plain" | "rival" | "shoal";

/** What a viewer noticed so far. */
export interface Viewing {
  /** From `play()` to the first `playing`; `null`: not yet. */
  readonly startSeconds: number | null;
  /** Times that playing stopped for want of anything to play. */
  readonly stalls: number;
  /** Mean distance from the live edge, as hls.js reckons it, looked at every quarter of a second; live only. */
  readonly behindSeconds: number | null;
  /** All of a film is in the player, so nothing that a network does can stop it any more. */
  readonly isWhole: boolean;
}

interface HlsPlayer {
  readonly latency: number;
  loadSource(url: string): void;
  attachMedia(video: HTMLVideoElement): void;
}
type HlsClass = new (settings: object) => HlsPlayer;
interface PlayerWindow {
  readonly Hls: HlsClass;
  readonly Shoal: { hlsLoader(client: Client | undefined): unknown };
  readonly HlsJsP2PEngine: { injectMixin(hls: HlsClass): HlsClass };
  viewing?: () => Viewing;
}

/** Pages with everything loaded and nothing playing. */
export async function playerPages(
  hall: Hall,
  count: number,
  loader: Loader,
): Promise<readonly Page[]> {
  const { site } = hall.stage;
  site.put("/hls.js", { body: hlsScript() });
  const pages =
    loader === "shoal"
      ? await hall.visitors(count)
      : await hall.strangers(count, loader === "rival" ? mediaLoaderTag(hall) : "");
  await Promise.all(pages.map((page) => page.addScriptTag({ url: "/hls.js" })));
  if (loader === "shoal") {
    // As with `<link rel="modulepreload">`, which the README recommends to pages that are there to play something.
    const script = { type: "module", url: `${hall.stage.trackerUrl}/shoal-hls.mjs` };
    await Promise.all(pages.map((page) => page.addScriptTag(script)));
  }
  if (loader === "rival") {
    await Promise.all(pages.map((page) => page.waitForFunction(() => "HlsJsP2PEngine" in window)));
  }
  return pages;
}

function mediaLoaderTag({ stage }: Hall): string {
  const imports = {
    "p2p-media-loader-core": rivalScript(stage.site, "mediaLoaderCore"),
    "p2p-media-loader-hlsjs": rivalScript(stage.site, "mediaLoader"),
  };
  return `<script type="importmap">${JSON.stringify({ imports })}</script>
    <script type="module">
      import { HlsJsP2PEngine } from "p2p-media-loader-hlsjs";
      window.HlsJsP2PEngine = HlsJsP2PEngine;
    </script>`;
}

/** Begins to play; `viewing` says how it goes. */
export async function play(hall: Hall, page: Page, loader: Loader, url: string): Promise<void> {
  await page.evaluate(
    ([source, how, tracker]) => {
      const { Hls, Shoal, HlsJsP2PEngine } = window as unknown as PlayerWindow;
      const video = document.createElement("video");
      video.muted = true;
      document.body.append(video);

      // P2P Media Loader's defaults, but for the tracker and STUN servers somewhere in the world.
      const core = { announceTrackers: [tracker], rtcConfig: { iceServers: [] } };
      // It keeps the very buffers that it hands to hls.js, whose worker takes them away: its peers then get segments of no
      // bytes, and players a hole in the film. Without a worker it does what it can, and the others lose nothing.
      const settings = { enableWorker: false };
      const players = {
        plain: () => new Hls(settings),
        rival: () => new (HlsJsP2PEngine.injectMixin(Hls))({ ...settings, p2p: { core } }),
        shoal: () => new Hls({ ...settings, fLoader: Shoal.hlsLoader(window.shoal) }),
      };
      const hls = players[how]();

      let startSeconds: number | null = null;
      let stalls = 0;
      const begin = performance.now();
      video.addEventListener("playing", () => {
        startSeconds ??= (performance.now() - begin) / 1000;
      });
      video.addEventListener("waiting", () => {
        const isPlaying = startSeconds !== null && !video.seeking && !video.ended;
        if (isPlaying && video.currentTime < video.duration - 0.5) stalls++;
      });
      const behind: number[] = [];
      setInterval(() => {
        if (startSeconds !== null && !video.paused) behind.push(hls.latency);
      }, 250);
      (window as unknown as PlayerWindow).viewing = () => {
        const { buffered, duration } = video;
        const end = buffered.length === 0 ? 0 : buffered.end(buffered.length - 1);
        return {
          startSeconds,
          stalls,
          behindSeconds:
            behind.length === 0 ? null : behind.reduce((a, b) => a + b) / behind.length,
          isWhole: startSeconds !== null && end > duration - 0.5,
        };
      };

      hls.loadSource(source);
      hls.attachMedia(video);
      // Rejects when the page goes first.
      video.play().catch(() => {});
    },
    [url, loader, hall.rivalTracker] as const,
  );
}

export function viewing(page: Page): Promise<Viewing> {
  return page.evaluate(() => {
    const { viewing: look } = window as unknown as PlayerWindow;
    if (look === undefined) throw new Error("this page does not play");
    return look();
  });
}

/** Resolves when everybody has all of the film, or the time is over: with the number of those who have not. */
export async function unfinished(
  hall: Hall,
  pages: readonly Page[],
  seconds: number,
): Promise<number> {
  let whole = 0;
  const isWhole = () => (window as unknown as PlayerWindow).viewing?.().isWhole === true;
  const options = { polling: 50, timeout: seconds * 1000 };
  await Promise.all(
    pages.map(async (page) => {
      try {
        await page.waitForFunction(isWhole, undefined, options);
      } catch (error) {
        if (error instanceof errors.TimeoutError) return;
        throw error;
      }
      whole++;
      hall.note(`${whole} of ${pages.length} players had all of it`);
    }),
  );
  return pages.length - whole;
}
