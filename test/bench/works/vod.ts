// A film that several watch: all from the same moment on, or one after the other. Watched until everybody's player has all
// of it, because from then on no network can spoil anything, or until it should have ended: some players never get on.

import type { Hall } from "../hall.ts";
import { type Loader, unfinished } from "../players.ts";
import {
  begin,
  copies,
  FILM_SECONDS,
  film,
  noticed,
  PLAYERS,
  seated,
  variantsOf,
} from "../screening.ts";
import type { Figures, Measure, Work } from "../work.ts";

const ORIGIN_BYTES_PER_SECOND = 4e6;
const APART_SECONDS = 2;
/** For a slow beginning; who stalls for longer is stuck. */
const LATE_SECONDS = 5;

const measuresWith = (mostCopies: number): readonly Measure[] => [
  { figure: "copies", target: { is: "at most", bound: mostCopies } },
  { figure: "players stuck", digits: 0, target: { is: "at most", bound: 0 } },
  { figure: "stalls", digits: 0, target: { is: "at most", bound: 0 } },
  {
    figure: "start",
    unit: "s",
    target: { is: "at most", bound: 1.1, against: { role: "plain", by: "ratio" } },
  },
];

export const vodTogether: Work = {
  name: "vod-together",
  about: `${PLAYERS} players at once, a film in two-second segments, origin 4 MB/s`,
  variants: variantsOf((hall, loader) => watch(hall, loader, 0)),
  measures: measuresWith(1.4),
  limitSeconds: 150,
};

export const vodApart: Work = {
  name: "vod-apart",
  about: `${PLAYERS} players ${APART_SECONDS} s apart, the same film, origin 4 MB/s`,
  variants: variantsOf((hall, loader) => watch(hall, loader, APART_SECONDS)),
  measures: measuresWith(1.2),
  limitSeconds: 150,
};

async function watch(hall: Hall, loader: Loader, apartSeconds: number): Promise<Figures> {
  const files = film();
  const pages = await seated(hall, loader, files);
  hall.limit(ORIGIN_BYTES_PER_SECOND);
  await begin(hall, loader, { pages, apartSeconds });
  const stuck = await unfinished(hall, pages, FILM_SECONDS + LATE_SECONDS);
  return { copies: copies(hall, files), "players stuck": stuck, ...(await noticed(pages)) };
}
