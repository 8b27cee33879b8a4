// From one page to another over a link that is up already: through Shoal, every byte verified and stored, and over a bare
// simple-peer channel with nothing of that, which is as fast as two pages of this machine can be.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import type { Client } from "../../client/index.ts";
import { noise } from "../support/stage.ts";
import { download } from "./downloads.ts";
import type { Hall } from "./hall.ts";

const MIB = 1024 * 1024;
export const TRANSFER_MIB = 64;
const FILE = noise(TRANSFER_MIB * MIB, 1);
/** A swarm of its own, as large files have, so that the link is up before the other one is asked for. */
const WARM = noise(8 * MIB, 2);
/** Next to nothing: what comes, comes from the peer. */
const ORIGIN_BYTES_PER_SECOND = 100_000;

export interface Pair {
  readonly giver: Page;
  readonly taker: Page;
  /** Resolves when the taker has all of it; with the bytes that came another way. */
  transfer(): Promise<{ readonly otherBytes: number }>;
}

export async function shoalPair(hall: Hall): Promise<Pair> {
  const { site } = hall.stage;
  await hall.stage.publish({ "/film.bin": FILE, "/warm.bin": WARM });
  const [giver, taker] = await hall.visitors(2);
  if (giver === undefined || taker === undefined) throw new Error("nobody came");
  await download(giver, "shoal", `${site.url}/film.bin`);
  await download(giver, "shoal", `${site.url}/warm.bin`);
  await stored(giver, FILE.length + WARM.length);
  // Before the link is up: two who have it all from elsewhere want none.
  hall.limit(ORIGIN_BYTES_PER_SECOND);
  await download(taker, "shoal", `${site.url}/warm.bin`);
  await taker.waitForFunction(() => (window.shoal as Client).stats().links.length > 0);
  const before = site.sent("/film.bin");
  return {
    giver,
    taker,
    async transfer() {
      await download(taker, "shoal", `${site.url}/film.bin`);
      await stored(taker, FILE.length + WARM.length);
      return { otherBytes: site.sent("/film.bin") - before };
    },
  };
}

/** Answers go before their storing. */
async function stored(page: Page, bytes: number): Promise<void> {
  await page.waitForFunction((all) => (window.shoal as Client).stats().cache.bytes >= all, bytes, {
    polling: 10,
  });
}

interface BarePeer {
  signal(signal: unknown): void;
  send(frame: Uint8Array): void;
  on(event: "signal" | "data" | "connect" | "error", listener: (what: unknown) => void): void;
  /** simple-peer's own word for it; it says nothing of water marks. */
  readonly _channel: RTCDataChannel;
}
declare global {
  interface Window {
    SimplePeer?: new (options: object) => BarePeer;
    signalled?(signal: string): Promise<void>;
    barePeer?: BarePeer;
    /** Bytes that came. */
    taken?: number;
  }
}

/** Shoal's own: a full frame of one (client/core/wire/README.md). */
const FRAME_BYTES = 7 + 53_248;
/** Enough that the channel never runs dry while the page is busy, far below the 16 MiB that Chromium refuses at. */
const HIGH_WATER_BYTES = MIB;
const LOW_WATER_BYTES = MIB / 2;

export async function barePair(hall: Hall): Promise<Pair> {
  const { site } = hall.stage;
  const require = createRequire(import.meta.url);
  const script = readFileSync(require.resolve("simple-peer/simplepeer.min.js"));
  site.put("/simple-peer.js", { body: script });
  const [giver, taker] = await hall.strangers(2, `<script src="/simple-peer.js"></script>`);
  if (giver === undefined || taker === undefined) throw new Error("nobody came");
  await connect(giver, taker);
  await send(giver, taker, WARM.length);
  return {
    giver,
    taker,
    async transfer() {
      await send(giver, taker, FILE.length);
      return { otherBytes: 0 };
    },
  };
}

async function connect(giver: Page, taker: Page): Promise<void> {
  const pairs = [
    { page: giver, other: taker, initiator: true },
    { page: taker, other: giver, initiator: false },
  ];
  for (const { page, other } of pairs) {
    await page.exposeFunction("signalled", (signal: string) =>
      other.evaluate((text) => window.barePeer?.signal(JSON.parse(text)), signal),
    );
  }
  // The answerer first: it must be there when the offer comes.
  const connected = pairs.reverse().map(({ page, initiator }) =>
    page.evaluate((offers) => {
      const { SimplePeer } = window;
      if (SimplePeer === undefined) throw new Error("simple-peer did not load");
      const channelConfig = { ordered: false };
      const peer = new SimplePeer({ initiator: offers, channelConfig, config: { iceServers: [] } });
      window.barePeer = peer;
      window.taken = 0;
      peer.on("signal", (signal) => void window.signalled?.(JSON.stringify(signal)));
      peer.on("data", (frame) => {
        window.taken = (window.taken ?? 0) + (frame as Uint8Array).length;
      });
      return new Promise<void>((resolve, reject) => {
        peer.on("connect", () => resolve());
        peer.on("error", reject);
      });
    }, initiator),
  );
  await Promise.all(connected);
}

async function send(giver: Page, taker: Page, bytes: number): Promise<void> {
  const already = await taker.evaluate(() => window.taken ?? 0);
  const taken = taker.waitForFunction((all) => (window.taken ?? 0) >= all, already + bytes, {
    polling: 10,
  });
  await giver.evaluate(
    async ([total, frameBytes, high, low]) => {
      const peer = window.barePeer as BarePeer;
      const channel = peer._channel;
      channel.bufferedAmountLowThreshold = low;
      const frame = new Uint8Array(frameBytes).fill(7);
      for (let left = total; left > 0; left -= frameBytes) {
        if (channel.bufferedAmount >= high) {
          await new Promise((resolve) =>
            channel.addEventListener("bufferedamountlow", resolve, { once: true }),
          );
        }
        peer.send(frame.subarray(0, Math.min(left, frameBytes)));
      }
    },
    [bytes, FRAME_BYTES, HIGH_WATER_BYTES, LOW_WATER_BYTES] as const,
  );
  await taken;
}
