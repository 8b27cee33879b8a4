// One peer as the tracker knows it, and the connection it speaks through. Owns what a peer still wants and whether
// it takes more introductions; never sends anything.

import { Acquaintances } from "./acquaintances.ts";
import { type Limits, TokenBucket } from "./limits.ts";
import type { PeerId } from "./protocol/ids.ts";
import type { Holding } from "./protocol/messages.ts";
import { type Level, levelsOf, type Where } from "./region/where.ts";
import type { Room } from "./roster/roster.ts";
import type { Session } from "./sessions.ts";

/** A connection, from its arrival until it is dropped or left. A peer once it has said hello. */
export class Guest<Connection> {
  readonly connection: Connection;
  where: Where;
  readonly messages: TokenBucket;
  readonly messageUnits: TokenBucket;
  readonly violations: TokenBucket;
  heardAt: number;
  peer: Peer<Connection> | undefined;

  constructor(connection: Connection, where: Where, { limits, now }: Birth) {
    this.connection = connection;
    this.where = where;
    this.messages = new TokenBucket(limits.messages, now);
    this.messageUnits = new TokenBucket(limits.messageUnits, now);
    this.violations = new TokenBucket(limits.violations, now);
    this.heardAt = now;
  }
}

export interface Birth {
  readonly limits: Limits;
  readonly now: number;
}

export class Peer<Connection> {
  readonly id: PeerId;
  readonly guest: Guest<Connection>;
  /** What the page says of its place, kept for the day the operator redraws the map. */
  readonly refinement: string | undefined;
  levels: readonly Level[];
  readonly announces: TokenBucket;
  readonly known: Acquaintances;
  /** Holding by the roster's key of the swarm. */
  readonly swarms = new Map<string, Holding>();
  /** Open ones, by the other side: one a pair. */
  readonly sessions = new Map<PeerId, Session<Peer<Connection>>>();
  /** Until it departs; the sessions of others may still name it afterwards. */
  present = true;
  /** When it last said how many bytes it moved; before that, when it came. */
  reportedAt: number;
  readonly #limits: Limits;
  readonly #introductions: TokenBucket;
  #want = 0;
  /** What is left of `#want`; below zero it is overdraft. */
  #left = 0;

  constructor(
    id: PeerId,
    from: { readonly guest: Guest<Connection>; readonly refinement: string | undefined },
    { limits, now }: Birth,
  ) {
    this.id = id;
    this.guest = from.guest;
    this.refinement = from.refinement;
    this.levels = levelsOf(from.guest.where, from.refinement);
    this.#limits = limits;
    this.announces = new TokenBucket(limits.announces, now);
    this.#introductions = new TokenBucket(limits.introductions, now);
    this.reportedAt = now;
    this.known = new Acquaintances(limits);
  }

  /** A new wish replaces the old one, overdraft and all. */
  wish(want: number): void {
    this.#want = want;
    this.#left = want;
  }

  get wanting(): number {
    return Math.max(0, this.#left);
  }

  introduced(now: number): void {
    this.#left--;
    this.#introductions.take(1, now);
  }

  /** An introduction came to nothing, so what it used up is wanted again. */
  disappointed(): void {
    this.#left = Math.min(this.#want, this.#left + 1);
  }

  /** It says it is full: it keeps its links, and no newcomer is sent until it announces again. */
  full(): void {
    this.#left = -this.#limits.overdraft;
  }

  room(now: number): Room {
    if (this.sessions.size >= this.#limits.openSessions) return "closed";
    if (!this.#introductions.has(1, now)) return "closed";
    if (this.#left > 0) return "open";
    return this.#left > -this.#limits.overdraft ? "spare" : "drained";
  }

  /** How many introductions it may have at this moment, whatever it wants. */
  capacity(now: number): number {
    let count = this.#limits.openSessions - this.sessions.size;
    while (count > 0 && !this.#introductions.has(count, now)) count--;
    return Math.max(0, count);
  }
}
