// One peer as the tracker knows it, and the connection it speaks through. Owns what a peer still wants and whether
// it takes more introductions; never sends anything.

import { Acquaintances } from "./acquaintances.ts";
import type { Stranger } from "./cluster/cluster.ts";
import type { Household } from "./household.ts";
import { type Limits, TokenBucket } from "./limits.ts";
import type { PeerId } from "./protocol/ids.ts";
import type { Holding } from "./protocol/messages.ts";
import { type Level, levelsOf, type Where } from "./region/where.ts";
import type { Room } from "./roster/roster.ts";
import type { Session } from "./sessions.ts";

/** A connection, from its arrival until it is dropped or left. A peer once it has said hello. */
export class Guest<Connection> {
  readonly connection: Connection;
  readonly household: Household;
  where: Where;
  readonly messages: TokenBucket;
  readonly messageUnits: TokenBucket;
  /** Most connections never need one. */
  #violations: TokenBucket | undefined;
  readonly #limits: Limits;
  heardAt: number;
  peer: Peer<Connection> | undefined;

  constructor(
    connection: Connection,
    from: { readonly where: Where; readonly household: Household },
    { limits, now }: Birth,
  ) {
    this.connection = connection;
    this.where = from.where;
    this.household = from.household;
    this.messages = new TokenBucket(limits.messages, now);
    this.messageUnits = new TokenBucket(limits.messageUnits, now);
    this.#limits = limits;
    this.heardAt = now;
  }

  /** Notes one offence; whether it is one too many. */
  offends(now: number): boolean {
    this.#violations ??= new TokenBucket(this.#limits.violations, now);
    this.#violations.take(1, now);
    return !this.#violations.has(1, now);
  }

  /** Takes one message of `length` units from its own allowance and the household's. */
  mayHear(length: number, now: number): boolean {
    const { household } = this;
    return (
      this.messages.take(1, now) &&
      this.messageUnits.take(length, now) &&
      household.messages.take(1, now) &&
      household.messageUnits.take(length, now)
    );
  }
}

export interface Birth {
  readonly limits: Limits;
  readonly now: number;
}

const NO_SESSIONS: ReadonlyMap<PeerId, never> = new Map<PeerId, never>();

export class Peer<Connection> {
  readonly id: PeerId;
  readonly guest: Guest<Connection>;
  /** What the page says of its place, kept for the day the operator redraws the map. */
  readonly refinement: string | undefined;
  levels: readonly Level[];
  readonly #announces: TokenBucket;
  readonly known: Acquaintances;
  /** Holding by the roster's key of the swarm. */
  readonly swarms = new Map<string, Holding>();
  #sessions: Map<PeerId, Session<Peer<Connection> | Stranger>> | undefined;
  /** Households that say it sent them wrong bytes, or their aliases; no more than it takes to shun it. */
  #accusers: Set<Household | string> | undefined;
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
    this.#announces = new TokenBucket(limits.announces, now);
    this.#introductions = new TokenBucket(limits.introductions, now);
    this.reportedAt = now;
    this.known = new Acquaintances(limits);
  }

  /** Open ones, by the other side: one a pair. */
  get sessions(): ReadonlyMap<PeerId, Session<Peer<Connection> | Stranger>> {
    return this.#sessions ?? NO_SESSIONS;
  }
  begins(session: Session<Peer<Connection> | Stranger>, other: PeerId): void {
    // An idle peer, and most are, does without the map.
    this.#sessions ??= new Map();
    this.#sessions.set(other, session);
  }
  ends(other: PeerId): void {
    this.#sessions?.delete(other);
    if (this.#sessions?.size === 0) this.#sessions = undefined;
  }

  mayAnnounce(now: number): boolean {
    return this.#announces.take(1, now) && this.guest.household.announces.take(1, now);
  }

  /** Whether this is the one that makes it shunned. Neighbours of one accuser have no voice of their own. */
  accused(by: Household | string): boolean {
    if (this.#isShunned) return false;
    this.#accusers ??= new Set();
    this.#accusers.add(by);
    return this.#isShunned;
  }

  get #accused(): number {
    return this.#accusers?.size ?? 0;
  }
  get #isShunned(): boolean {
    return this.#accused >= this.#limits.accusersToShun;
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
    this.guest.household.introductions.take(1, now);
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
    if (this.capacity(now) === 0) return "closed";
    if (this.#accused >= this.#limits.accusersToDoubt) return "drained";
    if (this.#left > 0) return "open";
    return this.#left > -this.#limits.overdraft ? "spare" : "drained";
  }

  /** How many introductions it may have at this moment, whatever it wants. */
  capacity(now: number): number {
    if (this.#isShunned) return 0;
    const allowances = [this.#introductions, this.guest.household.introductions];
    let count = this.#limits.openSessions - this.sessions.size;
    while (count > 0 && !allowances.every((allowance) => allowance.has(count, now))) count--;
    return Math.max(0, count);
  }
}
