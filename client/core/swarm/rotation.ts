// Which link gives its place when all are taken: pure. Links are few, and a crowd is served by who is of use to each
// other; whoever comes last must find a place as well, or a settled swarm would leave its newcomers to the origin.
//
// 1. A link over which nothing has gone either way for a while is the first to go, the one idle for longest.
// 2. Where all are busy one makes room now and then, so that no swarm is closed: the one idle for longest again.
// 3. A link has some time to show what it is good for.

import type { Millis } from "../vocabulary.ts";

/** Long enough for a page that is read and a player that has buffered half a minute. */
const IDLE: Millis = 30_000;
/** How often a link in use is given up for a newcomer: each costs both sides a source. */
const EVERY: Millis = 30_000;
/** Before that a link has not had its first chunk on a slow uplink. */
const TRIAL: Millis = 10_000;

export interface LinkWorth {
  readonly openedAt: Millis;
  /** When content last went over it, either way; when it was opened, if none has. */
  readonly movedAt: Millis;
}

/** The link to end for another one; `undefined`: none. `madeRoomAt`: when one in use was last given up. */
export function expendable<Link extends LinkWorth>(
  links: readonly Link[],
  { now, madeRoomAt }: { readonly now: Millis; readonly madeRoomAt: Millis },
): Link | undefined {
  const proven = links.filter(({ openedAt }) => now - openedAt >= TRIAL);
  const [first] = proven.toSorted((one, other) => one.movedAt - other.movedAt);
  if (first === undefined) return undefined;
  return now - first.movedAt >= IDLE || now - madeRoomAt >= EVERY ? first : undefined;
}
