// The swarms this visitor is in: what of each it holds, and how long it is worth waiting for links to the others.

import type { SwarmId } from "../../../tracker/protocol/ids.ts";
import type { TrackerMessage } from "../../../tracker/protocol/messages.ts";
import type { ChunkCache } from "../cache/chunk-cache.ts";
import { LARGE_BYTES } from "../catalogue/content.ts";
import type { Clock } from "../ports.ts";
import type { Circumstances } from "../stats.ts";
import type { Cancel, Content, Millis } from "../vocabulary.ts";
import type { Discovery } from "./discovery.ts";
import type { Links } from "./links.ts";

/** For the tracker's first answer: a TLS connection and a hello are four round trips. */
const TRACKER_PATIENCE: Millis = 400;
/** Requests that begin later in a visit do not wait for a tracker that has not answered yet. */
const FIRST_REQUESTS: Millis = 1500;
/** For its answer to an announce: one round trip, and room for a busy page. */
const ANNOUNCE_PATIENCE: Millis = 300;
/** For an introduced link: half a second as a rule, over a second between busy pages of one small machine. */
const LINK_PATIENCE: Millis = 2000;
/** With the origin failing, links are worth this much more waiting. */
const OUTAGE_PATIENCE: Millis = 20_000;
/** The tracker remembers an unmet wish, and most who come later are introduced without being asked for. */
const WIDEN_EVERY: Millis = 5000;
/** After so many links that came to nothing, the next is not waited for. */
const HOPELESS_FAILURES = 3;
/** What earlier visits left is offered in so many swarms, most recent first. */
const OFFERED_SWARMS = 16;

export interface MembershipNeeds {
  readonly clock: Clock;
  readonly cache: ChunkCache;
  readonly discovery: Discovery;
  readonly links: Links;
  /** How many more links this peer would like now. */
  wanted(): number;
}

/** Why links are worth waiting for: the page misses it, or does not yet, or the origin fails. */
export type WaitReason = "missed" | "early" | "outage";

interface Joined {
  readonly joinedAt: Millis;
  holds: boolean;
  /** The tracker's last word: how many others there are. `null` until it has answered. */
  peers: number | null;
  /** How many of them hold anything. */
  holders: number;
  /** How many were there before us. */
  arrival: number | null;
  /** When it last introduced somebody because of this swarm. */
  introducedAt: Millis;
}

export class Membership {
  readonly #needs: MembershipNeeds;
  readonly #swarms = new Map<SwarmId, Joined>();
  #widenedAt: Millis = Number.NEGATIVE_INFINITY;
  #widening: Cancel | null = null;

  constructor(needs: MembershipNeeds) {
    this.#needs = needs;
  }

  /** Looks for peers of a content that is wanted now. */
  seek(content: Content): void {
    const known = this.#needs.discovery.joined(content.swarm);
    this.join(content);
    if (known) this.widen();
  }

  /**
   * Asks for introductions if more links are wanted: soon, but not for every segment of a stream, which wants something
   * new every few seconds and is one swarm.
   */
  widen(): void {
    const { clock, discovery, wanted } = this.#needs;
    if (this.#widening !== null || wanted() === 0) return;
    const now = clock.now();
    const wait = this.#widenedAt + WIDEN_EVERY - now;
    if (wait > 0) {
      this.#widening = clock.after(wait, () => {
        this.#widening = null;
        this.widen();
      });
      return;
    }
    this.#widenedAt = now;
    discovery.widen();
  }

  leave(): void {
    this.#widening?.();
    this.#widening = null;
  }

  /** Whether its swarm has more members than that; a directory's says nothing of one asset, but who knows. */
  hasMoreThan(links: number, { swarm }: Content): boolean {
    return (this.#swarms.get(swarm)?.peers ?? 0) > links;
  }

  /** How many others are after this or hold it, as far as its swarm says: a directory's says nothing of one asset. */
  othersOf({ swarm, asset }: Content): number {
    return asset.size < LARGE_BYTES ? 0 : (this.#swarms.get(swarm)?.peers ?? 0);
  }

  /** How many of them hold any of it. */
  holdersOf({ swarm, asset }: Content): number {
    return asset.size < LARGE_BYTES ? 0 : (this.#swarms.get(swarm)?.holders ?? 0);
  }

  /** Joins the swarm of a content, or says that more or less of it is held now. */
  join({ id, swarm, asset }: Content): void {
    const { clock, cache, discovery } = this.#needs;
    const chunks = cache.holding(id);
    const isAlone = asset.size >= LARGE_BYTES;
    const joined = this.#swarms.get(swarm) ?? {
      joinedAt: clock.now(),
      holds: false,
      peers: null,
      holders: 0,
      arrival: null,
      introducedAt: Number.NEGATIVE_INFINITY,
    };
    this.#swarms.set(swarm, joined);
    // One new asset of a directory does not make us hold nothing of it: each would cost the tracker an announce.
    joined.holds = (chunks?.held ?? 0) > 0 || (joined.holds && !isAlone);
    // A directory's swarm has no end: nobody is known to hold all of it.
    const whole = chunks?.complete === true && isAlone;
    discovery.join(swarm, whole ? "all" : joined.holds ? "some" : "none");
  }

  /** Joins the swarms of what earlier visits left here. */
  offer(): void {
    for (const content of this.#needs.cache.contents.slice(-OFFERED_SWARMS)) this.join(content);
  }

  announced({ swarms, introductions }: TrackerMessage & { type: "announced" }): void {
    const now = this.#needs.clock.now();
    for (const { swarm, peers, holders } of swarms) {
      const joined = this.#swarms.get(swarm);
      if (joined === undefined) continue;
      joined.peers = peers;
      joined.holders = holders;
      joined.arrival ??= peers;
      if (introductions > 0 && peers > 0) joined.introducedAt = now;
    }
  }

  get counts(): Circumstances["swarms"] {
    const all = [...this.#swarms.values()];
    return {
      joined: all.length,
      others: Math.max(0, ...all.map(({ peers }) => peers ?? 0)),
      holders: Math.max(0, ...all.map(({ holders }) => holders)),
    };
  }

  /** How many were in the swarm when we came; `null` until the tracker has said so. */
  arrival(swarm: SwarmId): number | null {
    return this.#swarms.get(swarm)?.arrival ?? null;
  }

  /** Others are after this very content, and links to them are not known to be impossible. */
  crowded(content: Content): boolean {
    return this.othersOf(content) > 0 && this.#needs.links.failures < HOPELESS_FAILURES;
  }

  /**
   * Until when links to others who hold this content, or could read it in our place, may still come, for somebody who began to
   * want it at `since`. In the past when there is nothing to wait for.
   */
  expectUntil({ swarm, asset }: Content, since: Millis, reason: WaitReason): Millis {
    const { discovery, links } = this.#needs;
    // Who is in a directory's swarm need not hold this very asset, and it is small: not worth waiting for strangers.
    if (asset.size < LARGE_BYTES && reason === "missed") return since;
    if (reason === "early" && links.size > 0 && links.attemptingSince === null) return since;
    // A tracker that does not answer is waited for by the first requests of a visit, not by each.
    if (discovery.state === "connecting") {
      return Math.min(since + TRACKER_PATIENCE, discovery.startedAt + FIRST_REQUESTS);
    }
    const joined = this.#swarms.get(swarm);
    if (discovery.state !== "connected" || joined === undefined) return since;
    if (joined.peers === null) return Math.max(joined.joinedAt, since) + ANNOUNCE_PATIENCE;
    if (joined.peers === 0) return since;
    // A crowd that has nothing yet: whoever waits for it waits for the origin in the end.
    if (joined.holders === 0 && reason === "missed") return since;
    // An introduction counts from the tracker's word on, until the link is there or has failed.
    const waiting = links.attemptingSince ?? (links.size === 0 ? joined.introducedAt : since);
    if (reason === "outage") return waiting + OUTAGE_PATIENCE;
    return links.failures >= HOPELESS_FAILURES ? since : waiting + LINK_PATIENCE;
  }
}
