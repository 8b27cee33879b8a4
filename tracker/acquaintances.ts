// Whom one peer has met, and how that ended, for as long as it matters: they are not introduced to each other again.
// Bounded: the longest known is forgotten first, which costs one needless introduction at worst.

import type { Limits } from "./limits.ts";
import type { PeerId } from "./protocol/ids.ts";

export type Ending = "linked" | "failed" | "declined" | "poisoned";

interface Acquaintance {
  readonly ending: Ending;
  readonly until: number;
}

export class Acquaintances {
  readonly #limits: Limits;
  readonly #known = new Map<PeerId, Acquaintance>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  note(peer: PeerId, ending: Ending, now: number): void {
    // Deleted first, so that the map's order is the order of the latest meetings.
    this.#known.delete(peer);
    this.#known.set(peer, { ending, until: now + this.#rememberedFor(ending) });
    if (this.#known.size <= this.#limits.knownPeers) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  has(peer: PeerId, now: number): boolean {
    const known = this.#known.get(peer);
    if (known === undefined) return false;
    if (now < known.until) return true;
    this.#known.delete(peer);
    return false;
  }

  /** The peer left: a link with it is no more, but that linking failed stays true should it return. */
  part(peer: PeerId): void {
    if (this.#known.get(peer)?.ending === "linked") this.#known.delete(peer);
  }

  linked(now: number): PeerId[] {
    const linked: PeerId[] = [];
    for (const [peer, { ending, until }] of this.#known) {
      if (ending === "linked" && now < until) linked.push(peer);
    }
    return linked;
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
