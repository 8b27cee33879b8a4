// A crowd at the door: so many pages fetch one file at the same moment from an origin that all of them share. The floor is
// one copy from the origin; plain HTTP needs one a page.

import type { Page } from "@playwright/test";
import { noise } from "../../support/stage.ts";
import { download, torrentDownload, torrentPages } from "../downloads.ts";
import type { Hall } from "../hall.ts";
import type { Figures, Target, Work } from "../work.ts";

const MIB = 1024 * 1024;
const FILE = noise(24 * MIB, 1);
const PATH = "/film.bin";
const ORIGIN_BYTES_PER_SECOND = 5e6;
/** As long as the origin alone would take twice over, and the opening of the pages. */
const limitOf = (pages: number): number =>
  60 + Math.ceil((2 * pages * FILE.length) / ORIGIN_BYTES_PER_SECOND);

const IN_TIME: Target = {
  is: "at most",
  bound: 0.7,
  against: { role: "rival", by: "ratio" },
};

export const crowdOfSix: Work = {
  name: "crowd-6",
  about: "6 pages at once, one file of 24 MiB, origin 5 MB/s",
  variants: {
    plain: { name: "fetch", run: (hall) => plain(hall, 6) },
    rival: { name: "WebTorrent", run: (hall) => webTorrent(hall, 6) },
    shoal: { name: "Shoal", run: (hall) => shoal(hall, 6) },
  },
  measures: [
    { figure: "copies", target: { is: "at most", bound: 1.2 } },
    { figure: "seconds", digits: 1, target: IN_TIME },
  ],
  limitSeconds: limitOf(6),
};

export const unpublishedCrowd: Work = {
  name: "crowd-6-unpublished",
  about:
    "the same with nothing published: the tracker reads the file meanwhile, and its copy counts",
  variants: {
    plain: { name: "fetch", run: (hall) => plain(hall, 6) },
    shoal: { name: "Shoal", run: (hall) => unpublished(hall, 6) },
  },
  measures: [
    { figure: "copies", target: { is: "at most", bound: 2.2 } },
    { figure: "seconds", digits: 1 },
  ],
  limitSeconds: limitOf(6),
};

export const crowdOfTwelve: Work = {
  name: "crowd-12",
  about:
    "12 pages at once, one file of 24 MiB, origin 5 MB/s; plain HTTP would need a minute to say 12",
  variants: {
    rival: { name: "WebTorrent", run: (hall) => webTorrent(hall, 12) },
    shoal: { name: "Shoal", run: (hall) => shoal(hall, 12) },
  },
  measures: [
    { figure: "copies", target: { is: "at most", bound: 1.3 } },
    { figure: "seconds", digits: 1, target: IN_TIME },
  ],
  limitSeconds: limitOf(12),
};

async function plain(hall: Hall, count: number): Promise<Figures> {
  const url = publishedIn(hall);
  const pages = await hall.strangers(count);
  return crowd(hall, pages, (page) => download(page, "plain", url));
}

async function webTorrent(hall: Hall, count: number): Promise<Figures> {
  const pages = await torrentPages(hall, count, { body: FILE, url: publishedIn(hall) });
  return crowd(hall, pages, torrentDownload);
}

async function shoal(hall: Hall, count: number): Promise<Figures> {
  const url = publishedIn(hall);
  await hall.stage.publish({ [PATH]: FILE });
  const pages = await hall.visitors(count);
  return crowd(hall, pages, (page) => download(page, "shoal", url));
}

async function unpublished(hall: Hall, count: number): Promise<Figures> {
  const url = publishedIn(hall);
  const pages = await hall.visitors(count);
  return crowd(hall, pages, (page) => download(page, "shoal", url));
}

function publishedIn({ stage }: Hall): string {
  stage.site.put(PATH, { body: FILE });
  return stage.site.url + PATH;
}

/** Everybody at once, until the last one has it all. */
async function crowd(
  hall: Hall,
  pages: readonly Page[],
  fetchAll: (page: Page) => Promise<unknown>,
): Promise<Figures> {
  const { site } = hall.stage;
  const before = site.sent();
  hall.limit(ORIGIN_BYTES_PER_SECOND);
  const begin = performance.now();
  let complete = 0;
  await Promise.all(
    pages.map(async (page) => {
      await fetchAll(page);
      complete++;
      hall.note(`${complete} of ${pages.length} had all of it`);
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  return { copies: (site.sent() - before) / FILE.length, seconds };
}
