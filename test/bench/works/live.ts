// A channel that goes on while it is watched: the playlist slides by a segment every two seconds, and everybody wants the
// newest one at the same moment. Segments to come are signed beforehand, as a publisher's manifest would grow with them.

import { livePlaylist } from "../../../demo/origin/playlist.ts";
import type { Hall } from "../hall.ts";
import { type Loader, viewing } from "../players.ts";
import {
  begin,
  copies,
  filmOf,
  noticed,
  PLAYERS,
  PLAYLIST,
  pause,
  rendition,
  seated,
  variantsOf,
} from "../screening.ts";
import { median } from "../verdict.ts";
import type { Figures, Work } from "../work.ts";

const ORIGIN_BYTES_PER_SECOND = 4e6;
const WATCHED_SECONDS = 20;
/** There when the first viewer comes: the window. */
const FIRST_NEWEST = 7;
/** What everybody's watching and its opening may come to. */
const SEGMENTS = 40;

export const live: Work = {
  name: "live",
  about: `${PLAYERS} players for ${WATCHED_SECONDS} s of a channel, window of 8 two-second segments, origin 4 MB/s`,
  variants: variantsOf(watch),
  measures: [
    { figure: "copies", target: { is: "at most", bound: 1.4 } },
    { figure: "stalls", digits: 0, target: { is: "at most", bound: 0 } },
    {
      figure: "behind",
      unit: "s",
      // The same, as far as two players of the same kind have the same.
      target: { is: "at most", bound: 0.5, against: { role: "plain", by: "difference" } },
    },
    { figure: "start", unit: "s" },
  ],
  limitSeconds: 120,
};

async function watch(hall: Hall, loader: Loader): Promise<Figures> {
  const files = filmOf(SEGMENTS);
  const pages = await seated(hall, loader, files);
  const stop = goOnAir(hall);
  try {
    hall.limit(ORIGIN_BYTES_PER_SECOND);
    await begin(hall, loader, { pages, apartSeconds: 0 });
    await pause(WATCHED_SECONDS);
    const viewings = await Promise.all(pages.map(viewing));
    const behind = viewings.map(({ behindSeconds }) => behindSeconds ?? Number.NaN);
    return {
      copies: copies(hall, files),
      ...(await noticed(pages)),
      behind: median(behind) ?? Number.NaN,
    };
  } finally {
    stop();
  }
}

/** From now on a segment comes to the playlist whenever the one before has been shown. */
function goOnAir({ stage: { site } }: Hall): () => void {
  const channel = rendition();
  let newest = FIRST_NEWEST;
  let due = performance.now();
  let timer: ReturnType<typeof setTimeout>;
  const show = (): void => {
    site.put(PLAYLIST, {
      body: livePlaylist(channel, newest),
      headers: { "Cache-Control": "no-store" },
    });
    due += channel.seconds(newest) * 1000;
    newest = Math.min(newest + 1, SEGMENTS - 1);
    timer = setTimeout(show, due - performance.now());
  };
  show();
  return () => clearTimeout(timer);
}
