// Whom one peer has met, and how that ended, for as long as it matters: they are not introduced to each other again.
// Bounded: the longest known is forgotten first, which costs one needless introduction at worst.

import type { NodeId } from "./cluster/cluster.ts";
import type { Limits } from "./limits.ts";
import type { PeerId } from "./protocol/ids.ts";

export type Ending = "linked" | "failed" | "declined" | "poisoned";

interface Acquaintance {
  readonly ending: Ending;
  readonly until: number;
  /** Where it is, if not at this node. */
  readonly node: NodeId | undefined;
}

interface Moment {
  readonly now: number;
  readonly node?: NodeId | undefined;
}

export class Acquaintances {
  readonly #limits: Limits;
  /** Made for the first: many peers meet nobody, and an empty map weighs as much as all the rest of this. */
  #known: Map<PeerId, Acquaintance> | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  note(peer: PeerId, ending: Ending, { now, node }: Moment): void {
    this.#known ??= new Map();
    const known = this.#known;
    // Deleted first, so that the map's order is the order of the latest meetings.
    known.delete(peer);
    known.set(peer, { ending, until: now + this.#rememberedFor(ending), node });
    if (known.size <= this.#limits.knownPeers) return;
    for (const oldest of known.keys()) {
      known.delete(oldest);
      return;
    }
  }

  has(peer: PeerId, now: number): boolean {
    const known = this.#known?.get(peer);
    if (known === undefined) return false;
    if (now < known.until) return true;
    this.#known?.delete(peer);
    return false;
  }

  /** The peer left: a link with it is no more, but that linking failed stays true should it return. */
  part(peer: PeerId): void {
    if (this.#known?.get(peer)?.ending === "linked") this.#known.delete(peer);
  }

  /** Those it is linked with, each with its node unless that is this one. */
  linked(now: number): readonly (readonly [peer: PeerId, node: NodeId | undefined])[] {
    const linked: [PeerId, NodeId | undefined][] = [];
    for (const [peer, { ending, until, node }] of this.#known ?? []) {
      if (ending === "linked" && now < until) linked.push([peer, node]);
    }
    return linked;
  }

  /** Where a peer was that it has met lately, if not at this node. */
  nodeOf(peer: PeerId): NodeId | undefined {
    return this.#known?.get(peer)?.node;
  }

  #rememberedFor(ending: Ending): number {
    switch (ending) {
      case "linked":
        return this.#limits.linkedForMs;
      case "failed":
        return this.#limits.failedForMs;
      case "declined":
        return this.#limits.declinedForMs;
      case "poisoned":
        return this.#limits.poisonedForMs;
    }
  }
}
