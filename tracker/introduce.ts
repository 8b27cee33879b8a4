// Whom to introduce to whom: pure. Draws from the roster's shelves by dice, so its cost depends on how many are
// wanted and how many are already known, never on how many there are. Changes nothing and sends nothing.

import type { Proximity } from "./protocol/ids.ts";
import { distanceOf, proximityOf } from "./region/where.ts";
import type { Placed, Room, Roster, Shelf } from "./roster/roster.ts";

export interface View<Member extends Placed> {
  readonly self: Member;
  /** The swarms to draw from, and whether `self` holds all of each. */
  readonly swarms: readonly { readonly key: string; readonly seed: boolean }[];
  readonly want: number;
  /** How many of them may be peers that have all they wanted. */
  readonly spare: number;
  /** Has no links, and nobody is on the way. */
  readonly alone: boolean;
  readonly roster: Pick<Roster<Member>, "shelf">;
  /** Not linked, not being introduced, not failed lately. Never asked about `self`. */
  suits(other: Member): boolean;
}

export interface Introduction<Member> {
  readonly member: Member;
  readonly proximity: Proximity;
}

/** One in five comes from further away, at most two: enough to keep near groups joined to the rest, too few to cost. */
const FAR_SHARE = 0.2;
const MOST_FAR = 2;
/** In a swarm that is almost all near, someone far is not worth searching for long; they will find us. */
const FAR_LOOKS = 32;
/** Who finds nobody with room still gets two: one may fail, and together they hold a newcomer in the swarm. */
const LIFELINES = 2;
/** The ceiling on the work of one announce: many swarms full of already known peers end here, about a millisecond. */
const MOST_LOOKS = 8192;

/**
 * Rules, in this order:
 * 1. never oneself, never the same peer twice, never who does not suit, never a seed to a seed;
 * 2. swarms take turns, so that one with many near members does not starve another;
 * 3. within a swarm the nearest group first, and in it those who want more before those who merely have room, of
 *    whom it takes no more than `spare`;
 * 4. one or two from further away than the nearest, if there are such;
 * 5. who is alone is never sent away empty while anyone is there at all.
 */
export function introduce<Member extends Placed>(
  view: View<Member>,
  random: { unit(): number },
): Introduction<Member>[] {
  return new Choice(view, random).made();
}

interface Candidate<Member> {
  readonly member: Member;
  readonly room: Room;
}

/** In this order within a group. */
const WITH_ROOM: readonly Room[] = ["open", "spare"];

class Choice<Member extends Placed> {
  readonly #view: View<Member>;
  readonly #random: { unit(): number };
  readonly #picks = new Map<Member, Introduction<Member>>();
  #spare: number;
  #looks = MOST_LOOKS;

  constructor(view: View<Member>, random: { unit(): number }) {
    this.#view = view;
    this.#random = random;
    this.#spare = view.spare;
  }

  made(): Introduction<Member>[] {
    const { want, alone, swarms } = this.#view;
    const far = Math.min(MOST_FAR, Math.floor(want * FAR_SHARE + this.#random.unit()));
    const first = Math.floor(this.#random.unit() * swarms.length);
    const turns = [...swarms.slice(first), ...swarms.slice(0, first)];
    const nearest = turns.map((swarm) => this.#nearest(swarm, WITH_ROOM));
    this.#takeTurns(nearest, want - far);
    this.#addFurther(far, want);
    this.#takeTurns(nearest, want);
    if (alone) {
      const drained = turns.map((swarm) => this.#nearest(swarm, ["drained"]));
      this.#takeTurns(drained, Math.min(want, LIFELINES));
    }
    return [...this.#picks.values()];
  }

  /** Draws from each in turn until there are `goal` picks or nobody is left. */
  #takeTurns(draws: readonly Iterator<Candidate<Member>>[], goal: number): void {
    let left = draws;
    while (left.length > 0 && this.#picks.size < goal) {
      left = left.filter((draw) => {
        if (this.#picks.size >= goal) return true;
        const next = draw.next();
        if (next.done === true) return false;
        this.#pick(next.value);
        return true;
      });
    }
  }

  #addFurther(far: number, want: number): void {
    let near = Number.POSITIVE_INFINITY;
    for (const { proximity } of this.#picks.values()) near = Math.min(near, distanceOf(proximity));
    let missing = far;
    for (const { proximity } of this.#picks.values()) if (distanceOf(proximity) > near) missing--;
    const swarm = this.#view.swarms[Math.floor(this.#random.unit() * this.#view.swarms.length)];
    if (missing <= 0 || near === Number.POSITIVE_INFINITY || swarm === undefined) return;
    let looks = FAR_LOOKS;
    for (const room of WITH_ROOM) {
      for (const candidate of this.#drawn(swarm, "world", room)) {
        if (missing <= 0 || looks-- <= 0 || this.#picks.size >= want) return;
        if (distanceOf(this.#proximityOf(candidate.member)) <= near) continue;
        this.#pick(candidate);
        missing--;
      }
    }
  }

  *#nearest(
    swarm: { readonly key: string; readonly seed: boolean },
    rooms: readonly Room[],
  ): Generator<Candidate<Member>, undefined> {
    for (const { key } of this.#view.self.levels) {
      for (const room of rooms) yield* this.#drawn(swarm, key, room);
    }
  }

  #shelves(
    swarm: { readonly key: string; readonly seed: boolean },
    group: string,
    room: Room,
  ): readonly Shelf<Member>[] {
    const needy = this.#view.roster.shelf(swarm.key, group, { seed: false, room });
    if (swarm.seed) return [needy];
    return [needy, this.#view.roster.shelf(swarm.key, group, { seed: true, room })];
  }

  /** Everyone suitable of a group, from a place of dice on, in steps that spread over all of it. */
  *#drawn(
    swarm: { readonly key: string; readonly seed: boolean },
    group: string,
    room: Room,
  ): Generator<Candidate<Member>, undefined> {
    const shelves = this.#shelves(swarm, group, room);
    const size = shelves.reduce((sum, shelf) => sum + shelf.length, 0);
    if (size === 0) return;
    let at = Math.floor(this.#random.unit() * size);
    const step = strideOver(size, this.#random.unit());
    for (let seen = 0; seen < size && this.#looks > 0; seen++) {
      if (room === "spare" && this.#spare === 0) return;
      this.#looks--;
      const member = memberAt(shelves, at);
      at = (at + step) % size;
      if (member === undefined || member === this.#view.self || this.#picks.has(member)) continue;
      if (this.#view.suits(member)) yield { member, room };
    }
  }

  #pick({ member, room }: Candidate<Member>): void {
    this.#picks.set(member, { member, proximity: this.#proximityOf(member) });
    if (room === "spare") this.#spare--;
  }

  #proximityOf(member: Member): Proximity {
    return proximityOf(this.#view.self.levels, member.levels);
  }
}

function memberAt<Member>(shelves: readonly Shelf<Member>[], at: number): Member | undefined {
  let index = at;
  for (const shelf of shelves) {
    if (index < shelf.length) return shelf[index]?.member;
    index -= shelf.length;
  }
  return undefined;
}

/**
 * A step that visits all of `size` places once. Near the golden ratio, so that any few steps in a row are spread
 * evenly: members who arrived together stand together, and a small step would see only them.
 */
function strideOver(size: number, dice: number): number {
  let step = Math.max(1, Math.floor(size * (0.58 + 0.08 * dice)));
  while (commonDivisor(step, size) !== 1) step = (step % size) + 1;
  return step;
}
function commonDivisor(one: number, other: number): number {
  let [a, b] = [one, other];
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
