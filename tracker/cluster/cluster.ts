// The other trackers of the same swarms: the port. A node knows its own peers; of all others it sees cards, a few at
// a time, and writes letters to the nodes they are at. No node ever holds the whole roster, and each goes on alone
// when the rest cannot be reached. Part of the core: what carries it (Redis) is an adapter's business.

import type { Household } from "../household.ts";
import type { PeerId, Proximity, SessionId } from "../protocol/ids.ts";
import type { Holding, Signal } from "../protocol/messages.ts";
import type { Level, Region } from "../region/where.ts";
import type { Room } from "../roster/roster.ts";

/** One tracker process, from its start to its end. */
export type NodeId = string;

/** A peer at another node. */
export interface Stranger {
  readonly id: PeerId;
  readonly node: NodeId;
}

/** What a node tells the others of one of its peers: enough to choose it, not enough to know it. */
export interface Card {
  readonly levels: readonly Level[];
  readonly region: Region | undefined;
  readonly room: Room;
  /** By the roster's key of the swarm. */
  readonly swarms: ReadonlyMap<string, Holding>;
}

/** What is asked for before a choice. */
export interface Wish {
  readonly peer: PeerId;
  readonly levels: readonly Level[];
  readonly swarms: readonly { readonly key: string; readonly seed: boolean }[];
  /** None: only the counts. */
  readonly want: number;
  /** Those who take only peers that find nobody else are looked at, too. */
  readonly alone: boolean;
}

/** Members drawn by dice, nearest groups first, more than are wanted: some will not suit. */
export interface Sample {
  /** Of each swarm of the wish, in its order; whoever wishes is counted. */
  readonly counts: readonly { readonly peers: number; readonly holders: number }[];
  /** The wisher's own levels, comparable with those on the cards. */
  readonly levels: readonly Level[];
  readonly members: readonly (Stranger & { readonly card: Card })[];
}

/** From node to node, about one session or one peer. */
export type Letter =
  /** `from` is offered to `to`, who is at the node that reads this. */
  | {
      readonly type: "introduce";
      readonly session: SessionId;
      readonly to: PeerId;
      readonly from: PeerId;
      readonly proximity: Proximity;
      /** `from` finds nobody else. */
      readonly alone: boolean;
    }
  | { readonly type: "signal"; readonly session: SessionId; readonly signal: Signal }
  /** `refused`: the introduction never took place, and `session` is unknown to whoever writes this. */
  | {
      readonly type: "ended";
      readonly session: SessionId;
      readonly outcome: "linked" | "failed" | "declined" | "refused";
    }
  | { readonly type: "gone"; readonly session: SessionId }
  /** `peer` has left those it was linked with. */
  | { readonly type: "parted"; readonly peer: PeerId; readonly from: readonly PeerId[] }
  /** `household` is an alias. */
  | { readonly type: "accused"; readonly peer: PeerId; readonly household: string }
  /** `peer` has connected elsewhere. */
  | { readonly type: "replaced"; readonly peer: PeerId };

export interface Cluster {
  /** This node. */
  readonly node: NodeId;
  /** The peer's card is another one now, or there is none any more. What is drawn afterwards knows. */
  changed(peer: PeerId): void;
  /** Answers once, at once or later; `undefined`: nobody but this node's own peers can be reached. */
  draw(wish: Wish, then: (sample: Sample | undefined) => void): void;
  /** In order. An introduction that cannot be delivered comes back as `refused`; other letters are lost in silence. */
  send(to: NodeId, letter: Letter): void;
  /** The same name at every node for the same address, and of no use to learn the address. */
  alias(household: Household): string;
}

/** What the adapter asks and tells the core. */
export interface ClusterListener {
  /** `undefined`: not, or no longer, at this node. */
  card(peer: PeerId): Card | undefined;
  peers(): Iterable<PeerId>;
  heard(from: NodeId, letter: Letter): void;
  /** The node has died, or cannot be reached: no letter will come from it. */
  lost(node: NodeId): void;
}
