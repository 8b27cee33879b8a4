// The roster of one process: maps and arrays, every change a few steps per level. A member's place in each array is
// kept beside it, so leaving is a swap with the last one, never a search.

import type { Placed, Roster, Shelf, Standing } from "./roster.ts";

interface Entry<Member> {
  readonly member: Member;
  at: number;
}
/** A member in one swarm: which shelf of its groups it is on, and one entry per level. */
interface Seat<Member> {
  shelf: number;
  holds: boolean;
  readonly entries: readonly Entry<Member>[];
}
interface Swarm<Member> {
  readonly seats: Map<Member, Seat<Member>>;
  holders: number;
  readonly groups: Map<string, Map<number, Entry<Member>[]>>;
}

const ROOMS = { open: 0, spare: 1, drained: 2 } as const;
const NO_SHELF = -1;
const shelfOf = ({ seed, room }: Omit<Standing, "holds">): number =>
  room === "closed" ? NO_SHELF : ROOMS[room] * 2 + (seed ? 1 : 0);

const EMPTY: Shelf<never> = [];

export class MemoryRoster<Member extends Placed> implements Roster<Member> {
  readonly #swarms = new Map<string, Swarm<Member>>();

  get swarms(): number {
    return this.#swarms.size;
  }

  count(swarm: string): number {
    return this.#swarms.get(swarm)?.seats.size ?? 0;
  }

  holders(swarm: string): number {
    return this.#swarms.get(swarm)?.holders ?? 0;
  }

  shelf(swarm: string, group: string, standing: Omit<Standing, "holds">): Shelf<Member> {
    return this.#swarms.get(swarm)?.groups.get(group)?.get(shelfOf(standing)) ?? EMPTY;
  }

  seat(name: string, member: Member, standing: Standing): boolean {
    const swarm: Swarm<Member> = this.#swarms.get(name) ?? {
      seats: new Map(),
      holders: 0,
      groups: new Map(),
    };
    this.#swarms.set(name, swarm);
    const known = swarm.seats.get(member);
    const seat = known ?? {
      shelf: NO_SHELF,
      holds: false,
      entries: member.levels.map(() => ({ member, at: 0 })),
    };
    if (known === undefined) swarm.seats.set(member, seat);
    const changed = known === undefined || seat.holds !== standing.holds;
    swarm.holders += Number(standing.holds) - Number(seat.holds);
    seat.holds = standing.holds;
    const shelf = shelfOf(standing);
    if (shelf === seat.shelf) return changed;
    takeOff(swarm, member, seat);
    seat.shelf = shelf;
    if (shelf === NO_SHELF) return true;
    for (const [index, { key }] of member.levels.entries()) {
      const entry = seat.entries[index];
      if (entry === undefined) continue;
      const group = swarm.groups.get(key) ?? new Map<number, Entry<Member>[]>();
      swarm.groups.set(key, group);
      const entries = group.get(shelf) ?? [];
      group.set(shelf, entries);
      entry.at = entries.push(entry) - 1;
    }
    return true;
  }

  leave(name: string, member: Member): void {
    const swarm = this.#swarms.get(name);
    const seat = swarm?.seats.get(member);
    if (swarm === undefined || seat === undefined) return;
    takeOff(swarm, member, seat);
    swarm.seats.delete(member);
    swarm.holders -= Number(seat.holds);
    if (swarm.seats.size === 0) this.#swarms.delete(name);
  }
}

/** Empties are removed with their last member: memory follows those present, not those who ever came. */
function takeOff<Member extends Placed>(
  swarm: Swarm<Member>,
  member: Member,
  seat: Seat<Member>,
): void {
  if (seat.shelf === NO_SHELF) return;
  for (const [index, { key }] of member.levels.entries()) {
    const group = swarm.groups.get(key);
    const entries = group?.get(seat.shelf);
    const entry = seat.entries[index];
    const last = entries?.pop();
    if (group === undefined || entries === undefined || entry === undefined) continue;
    if (last !== undefined && last !== entry) {
      entries[entry.at] = last;
      last.at = entry.at;
    }
    if (entries.length === 0) group.delete(seat.shelf);
    if (group.size === 0) swarm.groups.delete(key);
  }
}
