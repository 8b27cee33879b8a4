// Several players of one film on one site: puts it there, lets them begin, and adds up what came of it. What the works of
// this kind have in common; they differ in when players begin, how long they are watched and what the origin has.

import type { Page } from "@playwright/test";
import type { Rendition } from "../../demo/origin/hls.ts";
import { bigBuckBunny, type HlsFiles, vodFiles } from "../support/hls.ts";
import type { Hall } from "./hall.ts";
import { type Loader, play, playerPages, viewing } from "./players.ts";
import { median } from "./verdict.ts";
import type { Figures, Variant } from "./work.ts";

export const PLAYERS = 6;
/** 7.1 MB; ten seconds more than hls.js buffers ahead. */
const SEGMENTS = 20;
/** How long that lasts, at most. */
export const FILM_SECONDS = 2 * SEGMENTS;
const FOLDER = "/film/";
export const PLAYLIST = `${FOLDER}index.m3u8`;

/** How the same is watched three times over. */
export function variantsOf(
  run: (hall: Hall, loader: Loader) => Promise<Figures>,
): Record<"plain" | "rival" | "shoal", Variant> {
  return {
    plain: { name: "hls.js", run: (hall) => run(hall, "plain") },
    rival: { name: "P2P Media Loader", run: (hall) => run(hall, "rival") },
    shoal: { name: "Shoal", run: (hall) => run(hall, "shoal") },
  };
}

/** The film as the works show it. */
export const film = (): HlsFiles => filmOf(SEGMENTS);

/** So many segments of it. */
export const filmOf = (count: number): HlsFiles => vodFiles(rendition(), count, FOLDER);

/**
 * The one of which six players want 1.1 MB/s, and that takes next to no decoding: on the few cores of one machine the
 * players' own work would show as stalls that no loader has caused.
 */
export const rendition = (): Rendition => bigBuckBunny().slides;

/** Bytes that one player takes a second. */
export function filmBytesPerSecond(): number {
  const { segment, seconds: lasting } = rendition();
  let bytes = 0;
  let seconds = 0;
  for (let n = 0; n < SEGMENTS; n++) {
    bytes += segment(n).length;
    seconds += lasting(n);
  }
  return bytes / seconds;
}

/** Puts it on the site, signed for those with Shoal, and lets players in that do not play yet. */
export async function seated(
  hall: Hall,
  loader: Loader,
  { assets, playlists }: HlsFiles,
): Promise<readonly Page[]> {
  await hall.stage.publish(assets);
  for (const [path, text] of Object.entries(playlists)) hall.stage.site.put(path, { body: text });
  return playerPages(hall, PLAYERS, loader);
}

/** Everybody begins, each so long after the one before. Resolves when the last one has. */
export async function begin(
  hall: Hall,
  loader: Loader,
  { pages, apartSeconds }: { readonly pages: readonly Page[]; readonly apartSeconds: number },
): Promise<void> {
  const url = hall.stage.site.url + PLAYLIST;
  await Promise.all(
    pages.map(async (page, number) => {
      await pause(number * apartSeconds);
      await play(hall, page, loader, url);
    }),
  );
}

export const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** What all of them noticed; a player that never began has no start, and that fails the run. */
export async function noticed(pages: readonly Page[]): Promise<Figures> {
  const viewings = await Promise.all(pages.map(viewing));
  const starts = viewings.map(({ startSeconds }) => startSeconds ?? Number.NaN);
  if (starts.some(Number.isNaN)) throw new Error("a player never began");
  return {
    stalls: viewings.reduce((sum, { stalls }) => sum + stalls, 0),
    start: median(starts) ?? Number.NaN,
  };
}

/** Bytes of media that the origin sent, over what everybody together wanted once. Playlists are everybody's own. */
export function copies({ stage: { site } }: Hall, { assets }: Pick<HlsFiles, "assets">): number {
  const wanted = Object.entries(assets).filter(([path]) => site.requests(path) > 0);
  const sent = wanted.reduce((sum, [path]) => sum + site.sent(path), 0);
  return sent / wanted.reduce((sum, [, { length }]) => sum + length, 0);
}
