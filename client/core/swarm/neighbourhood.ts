// Everybody else, as the local peer sees them: the tracker, the swarms joined there, and the links that came of it.
// Wires discovery, membership and links to each other, so that the local peer deals with one neighbour at a time.

import { type Bytes, fromBase64url } from "../../../tracker/protocol/bytes.ts";
import type { PeerId } from "../../../tracker/protocol/ids.ts";
import type { ChunkCache } from "../cache/chunk-cache.ts";
import { LARGE_BYTES } from "../catalogue/content.ts";
import type { Purges } from "../catalogue/purges.ts";
import type { ChunkSource } from "../events.ts";
import type { Ports, Transport } from "../ports.ts";
import { placeOf, seedOf, startOf } from "../retrieve/election.ts";
import type { Circumstances } from "../stats.ts";
import type { Cancel, Content, ContentId, Millis } from "../vocabulary.ts";
import type { DeltaKind } from "../wire/messages.ts";
import { Discovery, type TrackerState } from "./discovery.ts";
import { Average } from "./estimate.ts";
import { Links, type LinksListener, MOST_LINKS, WANTED_LINKS } from "./links.ts";
import { Membership, type WaitReason } from "./membership.ts";
import type { RemotePeer, RemotePeerNeeds } from "./remote-peer.ts";
import { UploadSlots } from "./slots.ts";
import type { UploadAllowance } from "./upload.ts";

/** Often enough for an operator to watch, a hundredth of what the transfers themselves cost the tracker. */
const REPORT_EVERY: Millis = 10_000;

/**
 * From such a share on, of the last few assets, neighbours are too few: two in a row, or the very first. Whoever reads a
 * stream for others misses now and then.
 */
const MANY_MISSES = 0.5;
/** How long a miss is a reason to look for more: a page or two. */
const MISSING_FOR: Millis = 30_000;

export interface NeighbourhoodNeeds {
  readonly ports: Pick<Ports, "clock" | "random" | "tracker">;
  readonly transport: Transport;
  readonly trackerUrl: string;
  readonly region: string | null;
  readonly token: string | null;
  readonly cache: ChunkCache;
  readonly purges: Purges;
  readonly statement: RemotePeerNeeds["statement"];
  readonly allowance: UploadAllowance;
  /** Chunks of a content that are being read from the origin here. */
  pending(content: ContentId): readonly number[];
  readonly listener: NeighbourhoodListener;
}
export interface NeighbourhoodListener
  extends Pick<LinksListener, "ready" | "received" | "refused" | "wasted" | "violated" | "left"> {
  /** Somebody holds, wants or allows something else, or more links are to come or not to come: plan again. */
  changed(): void;
  trackerChanged(state: TrackerState): void;
  /** The tracker knows us by this id now. */
  named(self: PeerId): void;
  trackerRefused(code: string, detail: string): void;
  /** It is time to tell the tracker what was moved. */
  reportDue(): void;
}

export class Neighbourhood {
  readonly links: Links;
  readonly discovery: Discovery;
  readonly #membership: Membership;
  readonly #clock: Ports["clock"];
  readonly #listener: NeighbourhoodListener;
  readonly #wanted = new Map<Content, { hasBegun: boolean }>();
  #id: PeerId | null = null;
  #region: string | null = null;
  #reporting: Cancel | null = null;
  /** Of the small assets that came of late, the share that nobody we are linked to had: 0 to 1. */
  readonly #missed = new Average();
  #missedAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(needs: NeighbourhoodNeeds) {
    const { ports, cache, purges, listener } = needs;
    const { clock } = ports;
    this.#clock = clock;
    this.#listener = listener;
    this.links = new Links({
      clock,
      transport: needs.transport,
      self: () => fromBase64url(this.#id ?? "") ?? new Uint8Array(0),
      peer: {
        allowance: needs.allowance,
        slots: new UploadSlots(clock),
        read: (content, index): Promise<Bytes | undefined> => cache.read(content, index),
        holding: (content) => cache.holding(content),
        pending: needs.pending,
        statement: needs.statement,
      },
      searching: () =>
        this.links.size >= this.#goal &&
        [...this.#wanted.keys()].some((content) =>
          this.#membership.hasMoreThan(this.links.size, content),
        ),
      signal: (to, session, signal) => this.discovery.signal(to, session, signal),
      ended: (session, outcome) => this.discovery.ended(session, outcome),
      listener: {
        ...listener,
        changed: () => {
          listener.changed();
          if (this.#goal > WANTED_LINKS) this.#membership.widen();
        },
        left: (link, reason) => {
          listener.left(link, reason);
          if (reason !== "local") this.discovery.widen();
        },
        ready: (link) => {
          listener.ready(link);
          if (this.#wanting > 0) this.discovery.widen();
        },
        rotated: () => this.discovery.widen(),
        attempted: listener.changed,
      },
    });
    this.discovery = new Discovery({
      clock,
      random: ports.random,
      connector: ports.tracker,
      url: needs.trackerUrl,
      region: needs.region,
      token: needs.token,
      wanted: () => this.#wanting,
      purges: () => purges.known,
      listener: {
        changed: (state) => {
          if (state === "unreachable" || state === "off") purges.unreachable();
          listener.trackerChanged(state);
        },
        welcomed: ({ peer, region, purges: theirs }, servers) => {
          needs.transport.use(servers);
          this.#id = peer;
          this.#region = region;
          if (theirs === undefined) purges.unreachable();
          else purges.welcomed(theirs);
          listener.named(peer);
        },
        purged: (records) => purges.heard(records),
        announced: (message) => {
          this.#membership.announced(message);
          if (this.#goal > WANTED_LINKS) this.#membership.widen();
          listener.changed();
        },
        introduced: (message) => this.links.introduced(message),
        signalled: (message) => this.links.signalled(message),
        gone: (session) => this.links.gone(session),
        refused: listener.trackerRefused,
      },
    });
    const { discovery, links } = this;
    this.#membership = new Membership({
      clock,
      cache,
      discovery,
      links,
      wanted: () => this.#wanting,
    });
  }

  get id(): PeerId | null {
    return this.#id;
  }
  get region(): string | null {
    return this.#region;
  }
  /** Our own place in elections. Before the tracker has named us the secret does as well. */
  get seed(): number {
    return seedOf(this.#id ?? this.discovery.secret);
  }

  get circumstances(): Circumstances {
    const { outcomes, underWay } = this.links;
    return { swarms: this.#membership.counts, introductions: { ...outcomes, underWay } };
  }

  enter(): void {
    this.discovery.start();
    this.#reporting ??= this.#clock.after(REPORT_EVERY, () => this.#report());
  }

  leave(): void {
    this.#listener.reportDue();
    this.#reporting?.();
    this.#reporting = null;
    this.links.closeAll();
    this.#membership.leave();
    this.discovery.stop();
  }

  get #wanting(): number {
    return this.links.wanted(this.#goal);
  }
  /**
   * More links than usual where none of those there are holds what is wanted, or was of late, and others do, or may; and
   * to all others of a crowd that is small enough: two who do not know of each other elect each a reader of their own for
   * the same chunks.
   */
  get #goal(): number {
    const links = this.links.all;
    const isMissing = this.#clock.now() - this.#missedAt < MISSING_FOR;
    let goal = isMissing ? MOST_LINKS : WANTED_LINKS;
    for (const content of this.#wanted.keys()) {
      const others = this.#membership.othersOf(content);
      if (others <= MOST_LINKS) goal = Math.max(goal, others);
      if (links.some((link) => link.mayHold(content.id))) continue;
      if (this.#membership.holdersOf(content) > 0) return MOST_LINKS + 1;
      if (this.#membership.hasMoreThan(links.length, content)) goal = MOST_LINKS;
    }
    return goal;
  }

  /** This content is wanted here now: look for its holders. */
  want(content: Content): void {
    this.#wanted.set(content, { hasBegun: false });
    for (const link of this.links.all) link.ask(content);
    this.#membership.seek(content);
  }

  /** It is wanted no more; what is held of it stays on offer. */
  release(content: Content): void {
    this.#wanted.delete(content);
    for (const link of this.links.all) link.drop(content.id);
    this.#membership.join(content);
  }

  /** What earlier visits left here is on offer. */
  offer(): void {
    this.#membership.offer();
  }

  /**
   * Some of it has come. Where the neighbours we would have anyway have too little of what this page reads, more of them
   * are looked for: a small asset is read from the origin before anybody new could be asked for it, the next one is not.
   */
  came(content: Content, source: ChunkSource): void {
    const links = this.links.all;
    const wanted = this.#wanted.get(content);
    if (wanted === undefined || wanted.hasBegun) return;
    wanted.hasBegun = true;
    if (content.asset.size >= LARGE_BYTES || links.length < WANTED_LINKS) return;
    // Who has yet to say may hold it: nobody knows.
    const answers = links.filter((link) => link.awaitedSince(content.id) === "answered");
    const isHeld = answers.some((link) => link.mayHold(content.id));
    const isMiss = source === "origin" && answers.length > 0 && !isHeld;
    this.#missed.add(isMiss ? 1 : 0);
    const isHabit = (this.#missed.value ?? 0) >= MANY_MISSES;
    if (!isMiss || !isHabit || !this.#membership.hasMoreThan(links.length, content)) return;
    this.#missedAt = this.#clock.now();
    this.#membership.widen();
  }

  tell(content: ContentId, kind: DeltaKind, indices: readonly number[]): void {
    for (const link of this.links.all) link.tell(content, kind, indices);
  }

  /** It is here: whoever was asked for it need not send it. */
  spare(content: ContentId, index: number): void {
    for (const link of this.links.all) link.cancel(content, index);
  }

  expectUntil(content: Content, since: Millis, reason: WaitReason): Millis {
    return this.#membership.expectUntil(content, since, reason);
  }

  crowded(content: Content): boolean {
    return this.#membership.crowded(content);
  }

  /** Where to begin with it, so that a crowd begins everywhere: a chunk's index. */
  start({ id, swarm, chunkCount }: Content): number {
    const arrival = this.#membership.arrival(swarm);
    return arrival === null
      ? startOf(this.seed, seedOf(id), chunkCount)
      : Math.floor(placeOf(arrival) * chunkCount);
  }

  /** Whether somebody holds this chunk and would give it, or has yet to say. */
  promises(content: ContentId, index: number): boolean {
    return this.links.all.some(
      (link: RemotePeer) =>
        !link.choking &&
        (link.has(content, index) || typeof link.awaitedSince(content) === "number"),
    );
  }

  #report(): void {
    this.#listener.reportDue();
    this.#reporting = this.#clock.after(REPORT_EVERY, () => this.#report());
  }
}
