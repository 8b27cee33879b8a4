// An evening on which the origin has less than its viewers want: what several players need a second, divided by 1.26. Alone
// each of them must stall; together they need one copy, and the origin could send almost five.

import type { Hall } from "../hall.ts";
import type { Loader } from "../players.ts";
import {
  begin,
  copies,
  film,
  filmBytesPerSecond,
  noticed,
  PLAYERS,
  pause,
  seated,
  variantsOf,
} from "../screening.ts";
import type { Figures, Work } from "../work.ts";

const SHORTAGE = 1.26;
const WATCHED_SECONDS = 20;

export const vodStarved: Work = {
  name: "vod-starved",
  about: `${PLAYERS} players for ${WATCHED_SECONDS} s, an origin with 1/${SHORTAGE} of what they need`,
  variants: variantsOf(watch),
  measures: [
    { figure: "stalls", digits: 0, target: { is: "at most", bound: 0 } },
    { figure: "copies" },
    { figure: "start", unit: "s" },
  ],
  limitSeconds: 120,
};

async function watch(hall: Hall, loader: Loader): Promise<Figures> {
  const files = film();
  const pages = await seated(hall, loader, files);
  hall.limit((PLAYERS * filmBytesPerSecond()) / SHORTAGE);
  await begin(hall, loader, { pages, apartSeconds: 0 });
  await pause(WATCHED_SECONDS);
  return { copies: copies(hall, files), ...(await noticed(pages)) };
}
