// Who is in which swarm: the port. A roster keeps the members of a swarm in groups by nearness and, within a group,
// on shelves by what they hold and whether they take introductions, so that choosing a few of a hundred thousand
// never means looking at them all. It decides nothing.

import type { Level } from "../region/where.ts";

/**
 * Whether a member takes introductions it did not ask for.
 * open: it wants more · spare: it has what it wants, and takes newcomers · drained: only those who find nobody
 * else · closed: nobody for now
 */
export type Room = "open" | "spare" | "drained" | "closed";

export interface Standing {
  /** Holds everything the swarm is about. */
  readonly seed: boolean;
  /** Holds anything of it. */
  readonly holds: boolean;
  readonly room: Room;
}

export interface Placed {
  /** Nearest first; never changes while the member is in a swarm. */
  readonly levels: readonly Level[];
}

/** Members of one swarm, one group and one standing, in no order. Valid until the roster next changes. */
export type Shelf<Member> = readonly { readonly member: Member }[];

export interface Roster<Member extends Placed> {
  /**
   * Puts a member into a swarm, or changes its standing there; whether that changed anything. Costs a few steps per
   * level, whatever the size.
   */
  seat(swarm: string, member: Member, standing: Standing): boolean;
  leave(swarm: string, member: Member): void;
  /** `closed` members are on no shelf. */
  shelf(swarm: string, group: string, standing: Omit<Standing, "holds">): Shelf<Member>;
  /** All members, closed ones too. */
  count(swarm: string): number;
  /** Members that hold anything, closed ones too. */
  holders(swarm: string): number;
  /** Swarms with at least one member. */
  readonly swarms: number;
}
