// A neighbour falls silent in the middle: one page takes a file from two others, and the thread of one of them stops
// dead, as a page's does whose script hangs; its connection stays up. Beside it the same with nobody silent.

import type { Page } from "@playwright/test";
import type { Client } from "../../../client/index.ts";
import { noise } from "../../support/stage.ts";
import { download } from "../downloads.ts";
import type { Hall } from "../hall.ts";
import type { Figures, Work } from "../work.ts";

const MIB = 1024 * 1024;
const FILE = noise(24 * MIB, 1);
const PATH = "/film.bin";
const NEVER = "/never";
const ORIGIN_BYTES_PER_SECOND = 5e6;
/** From each of the two, before one of them stops: a good part of the file, far from all. */
const GIVEN_BYTES = 2 * MIB;

export const silent: Work = {
  name: "silent",
  about: "24 MiB from two pages, one of which stops dead in the middle; rival: nobody does",
  variants: {
    rival: { name: "nobody silent", run: (hall) => take(hall, false) },
    shoal: { name: "one silent", run: (hall) => take(hall, true) },
  },
  measures: [
    {
      figure: "seconds",
      target: { is: "at most", bound: 1.2, against: { role: "rival", by: "ratio" } },
    },
    { figure: "copies from the origin" },
  ],
  limitSeconds: 90,
};

async function take(hall: Hall, stops: boolean): Promise<Figures> {
  const { site } = hall.stage;
  const url = site.url + PATH;
  await hall.stage.publish({ [PATH]: FILE });
  const [taker, giver, other] = await hall.visitors(3);
  if (taker === undefined || giver === undefined || other === undefined) {
    throw new Error("nobody came");
  }
  await download(giver, "shoal", url);
  await download(other, "shoal", url);
  site.answer(NEVER, () => {});
  hall.limit(ORIGIN_BYTES_PER_SECOND);
  const before = site.sent(PATH);
  // The same in both variants: watching the page costs it a little.
  const stopped = bothGive(taker).then(() => (stops ? stop(other) : undefined));
  const { seconds } = await download(taker, "shoal", url);
  hall.note("the file was there before both others had given enough of it");
  await stopped;
  return { seconds, "copies from the origin": (site.sent(PATH) - before) / FILE.length };
}

async function bothGive(taker: Page): Promise<void> {
  await taker.waitForFunction(
    (least) =>
      (window.shoal as Client).stats().links.filter(({ bytesDown }) => bytesDown >= least)
        .length === 2,
    GIVEN_BYTES,
    { polling: 10 },
  );
}

/**
 * Its main thread waits for an answer that never comes; the network threads of its browser go on acknowledging. A debugger
 * would halt it as well, and keep both cores busy for half a second.
 */
function stop(page: Page): void {
  const hung = page.evaluate((path) => {
    const request = new XMLHttpRequest();
    request.open("GET", path, false);
    request.send();
  }, NEVER);
  // The page goes first.
  hung.catch(() => {});
}
