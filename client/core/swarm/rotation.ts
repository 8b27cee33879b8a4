// Which links may give their places to others: pure. Links are few, and what they are worth is what goes over them, either
// way: who takes from us is served well, and who gives to us serves well. Whoever comes last must find a place too, or a
// settled swarm would leave its newcomers to the origin.
//
// 1. A link has some time to show what it is good for.
// 2. Idle links go first, the farthest of them first; a newcomer gets their place at once.
// 3. Where all are in use the one worth least makes room now and then, so that no swarm is closed.
// 4. Who wants something goes on looking: now and then an idle link is given up for another, newcomer or not.

import { type PeerId, PROXIMITIES, type Proximity } from "../../../tracker/protocol/ids.ts";
import type { ByteCount, Millis } from "../vocabulary.ts";

/** Before that a link has not had its first chunk on a slow uplink. */
const TRIAL: Millis = 10_000;
/** How often a link is given up that is in use, or that nobody asks for: each costs both sides a source. */
const EVERY: Millis = 30_000;
/** Less than this of late, which is not a frame within half a minute: idle. */
const IDLE_BYTES: ByteCount = 16 * 1024;
/** What went over a link counts a sixth less with every look, five seconds apart: a third after half a minute. */
const FADING = 5 / 6;

/** What one link has been worth of late. */
export class Standing {
  readonly peer: PeerId;
  readonly proximity: Proximity;
  readonly openedAt: Millis;
  /** Bytes that went over it, either way, those of long ago faded. */
  worth: ByteCount = 0;
  #moved: ByteCount = 0;

  constructor(peer: PeerId, proximity: Proximity, openedAt: Millis) {
    this.peer = peer;
    this.proximity = proximity;
    this.openedAt = openedAt;
  }

  /** A look at it: `moved` is all that ever went over it. */
  look(moved: ByteCount): void {
    this.worth = this.worth * FADING + moved - this.#moved;
    this.#moved = moved;
  }

  get idle(): boolean {
    return this.worth < IDLE_BYTES;
  }
}

export interface Rotating {
  readonly now: Millis;
  /** When a link was last given up that was in use, or that nobody asked for. */
  readonly rotatedAt: Millis;
}

/** The links that may end for the sake of newcomers, the first to go first. */
export function expendable(
  links: Iterable<Standing>,
  { now, rotatedAt }: Rotating,
): readonly Standing[] {
  const proven = [...links]
    .filter(({ openedAt }) => now - openedAt >= TRIAL)
    .sort((one, other) => rankOf(one) - rankOf(other));
  const idle = proven.filter((link) => link.idle);
  return idle.length > 0 || now - rotatedAt < EVERY ? idle : proven.slice(0, 1);
}

/** The link to end for a better one to be found; `undefined`: none, or not yet. */
export function poorest(links: Iterable<Standing>, rotating: Rotating): Standing | undefined {
  if (rotating.now - rotating.rotatedAt < EVERY) return undefined;
  return expendable(links, rotating).find((link) => link.idle);
}

/** Idle ones by how far they are, before all others by what they are worth. */
const rankOf = (link: Standing): number =>
  link.idle ? -1 - PROXIMITIES.indexOf(link.proximity) : link.worth;
