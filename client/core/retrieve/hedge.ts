// The few cases in which a chunk is asked of two sources at once, because the first one keeps the page waiting; and of the
// origin beside two peers, where both do. I3

import { chunkLengthAt } from "../../../tracker/protocol/manifest.ts";
import type { Millis } from "../vocabulary.ts";
import type { Draft } from "./draft.ts";
import type { Sources } from "./sources.ts";
import type { Flight, LinkView, WantView } from "./view.ts";

/** A hedge for a small asset starts between these, by what its source is expected to take. */
const LEAST_HEDGE: Millis = 60;
const MOST_HEDGE: Millis = 300;
/** For part of a stream not before this, however little its source was expected to take. */
const STREAM_HEDGE: Millis = 300;
/** A second source must bring a chunk in less than half the time. */
const MUCH_QUICKER = 2;

/**
 * Sources that take longer than expected get the origin as a rival, once the page misses what they owe; for part of a
 * stream also those that will, as slow as they are: the origin would have it there before the player stands still.
 */
export function hedge(draft: Draft, want: WantView): void {
  if (want.kind === "bulk" || !draft.isPast(want.originRestUntil)) return;
  for (let index = want.position; index < want.until; index++) {
    const flights = want.flights(index);
    if (flights.length === 0 || flights.some(({ from }) => from === "origin")) continue;
    if (!draft.isPast(want.dueAt)) return;
    const areLate = flights.every((flight) => isLate(draft, want, flight));
    if (areLate && draft.freeReads > 0) draft.read(want, index, index);
  }
}

function isLate(draft: Draft, want: WantView, flight: Flight): boolean {
  const link = draft.view.links.find(({ id }) => id === flight.from);
  const expected = link === undefined ? 0 : draft.usual(link, 0);
  if (want.kind === "asset") return draft.isPast(flight.since + assetHedge(expected));
  if (draft.isPast(flight.since + Math.max(STREAM_HEDGE, 2 * expected))) return true;
  const { bytesPerSecond } = draft.view.origin;
  if (link === undefined || bytesPerSecond === null || want.dueAt === "never") return false;
  const { chunkBytes } = want.content.asset;
  const originTakes = (chunkBytes * 1000) / bytesPerSecond;
  const left = draft.eta(link, -chunkBytes * askedLater(want, flight));
  const since = Math.max(flight.since, want.dueAt);
  return left > MUCH_QUICKER * originTakes && draft.isPast(since + STREAM_HEDGE);
}

/** Chunks asked of the same source after this one: it sends them in that order. */
function askedLater(want: WantView, { from, since }: Flight): number {
  let count = 0;
  for (let index = want.position; index < want.until; index++) {
    if (want.flights(index).some((one) => one.from === from && one.since > since)) count++;
  }
  return count;
}

function assetHedge(expected: Millis): Millis {
  return Math.min(MOST_HEDGE, Math.max(LEAST_HEDGE, 2 * expected));
}

/** What the origin is reading so slowly that a peer would bring it much sooner is asked of that peer as well. */
export function relieve(draft: Draft, want: WantView, { usable }: Sources): void {
  const { now } = draft.view;
  for (const run of want.runs) {
    const isWanted = run.at >= want.position && run.at < want.until && !want.has(run.at);
    const [flight, second] = want.flights(run.at);
    if (!isWanted || flight?.from !== "origin" || second !== undefined) continue;
    askIfQuicker(draft, want, usable, run.at, run.remaining(now));
  }
}

/**
 * Everything left is under way, and missed: a chunk that a much quicker holder could bring sooner is asked of it as well. So is
 * what one owes who has fallen silent, long before that is certain: nothing else is left to do.
 */
export function endGame(draft: Draft, want: WantView, { usable }: Sources): void {
  if (!draft.isPast(want.dueAt)) return;
  for (let index = want.position; index < want.until; index++) {
    const [flight, second] = want.flights(index);
    if (flight === undefined || second !== undefined) continue;
    const slow = usable.find((link) => link.id === flight.from);
    if (slow === undefined) continue;
    const others = usable.filter((link) => link !== slow);
    askIfQuicker(draft, want, others, index, draft.eta(slow, 0));
  }
}

function askIfQuicker(
  draft: Draft,
  want: WantView,
  links: readonly LinkView[],
  index: number,
  slow: Millis,
): void {
  const quick = draft.quickest(links, want, index);
  if (quick === undefined) return;
  const bytes = chunkLengthAt(want.content.asset, index);
  if (draft.eta(quick, bytes) * MUCH_QUICKER < slow) draft.request(quick, want, index);
}
