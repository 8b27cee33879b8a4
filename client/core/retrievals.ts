// Everything on its way home, and the loop that brings it: an event arrives, `plan` is asked once per turn, its
// actions are performed. Owns the one planning timer; decides nothing that the plan decides.

import type { Account } from "./account.ts";
import type { ChunkCache } from "./cache/chunk-cache.ts";
import { type ShoalError, unreachable } from "./errors.ts";
import type { ChunkSource, Listeners } from "./events.ts";
import type { Clock, Hasher, Origin } from "./ports.ts";
import { plan } from "./retrieve/plan.ts";
import type { Reading } from "./retrieve/reading.ts";
import { Retrieval } from "./retrieve/retrieval.ts";
import type { Action } from "./retrieve/view.ts";
import type { Siblings } from "./siblings.ts";
import { Average } from "./swarm/estimate.ts";
import type { Neighbourhood } from "./swarm/neighbourhood.ts";
import type {
  ByteCount,
  ByteRange,
  Cancel,
  Content,
  ContentId,
  Millis,
  Urgency,
} from "./vocabulary.ts";

/** Reads at the origin at once, over all contents; a browser's own limit on HTTP/1.1 is six a host. */
const ORIGIN_READS = 12;
/**
 * In a crowd each chunk is told to ten neighbours: twelve pages after 24 MiB sent 5,500 such messages. Twice as long, and
 * players in the simulated live stream got a segment too late.
 */
const NEWS_EVERY: Millis = 50;
/** A busy page stands still for so long at most; a hidden tab's timers come later than that, with nothing in line. */
const MOST_LATE: Millis = 1000;

export interface RetrievalsNeeds {
  readonly clock: Clock;
  readonly hasher: Hasher;
  readonly origin: Origin;
  readonly cache: ChunkCache;
  readonly account: Account;
  readonly listeners: Listeners;
  /** Everybody else; `null` while, or where, nothing is shared. */
  others(): Neighbourhood | null;
  /** This visitor's other tabs; `null` where there can be none. */
  siblings(): Siblings | null;
  /** Manifest and origin disagree about this content. */
  mismatch(content: Content, error: ShoalError): void;
}

export class Retrievals {
  readonly #needs: RetrievalsNeeds;
  readonly #open = new Map<ContentId, Retrieval>();
  /** What to tell linked peers at the end of this turn. */
  readonly #news = new Map<ContentId, number[]>();
  #toldAt: Millis = Number.NEGATIVE_INFINITY;
  readonly #originRate = new Average();
  #turning = false;
  #closed = false;
  #timer: Cancel | null = null;
  /** When the plan wants to be asked again. */
  #wakeAt: Millis = Number.POSITIVE_INFINITY;

  constructor(needs: RetrievalsNeeds) {
    this.#needs = needs;
  }

  get all(): Iterable<Retrieval> {
    return this.#open.values();
  }
  get(content: ContentId): Retrieval | undefined {
    return this.#open.get(content);
  }

  read(content: Content, range: ByteRange, urgency: Urgency): Reading {
    const known = this.#open.get(content.id);
    if (known !== undefined) return known.read(range, urgency);
    const retrieval = this.#begin(content);
    this.#open.set(content.id, retrieval);
    this.#needs.siblings()?.claim(content.id);
    this.#needs.others()?.want(content);
    return retrieval.read(range, urgency);
  }

  /** Something is different: plan in this turn. */
  turnSoon(): void {
    if (this.#turning || this.#closed) return;
    this.#turning = true;
    void Promise.resolve().then(() => {
      this.#turning = false;
      this.#turn();
    });
  }

  close(error: ShoalError): void {
    this.#closed = true;
    this.#timer?.();
    for (const retrieval of [...this.#open.values()]) retrieval.fail(error);
  }

  #begin(content: Content): Retrieval {
    const { clock, hasher, origin, cache, account, others, mismatch } = this.#needs;
    const { id } = content;
    let progressAt = clock.now();
    return new Retrieval(content, {
      clock,
      hasher,
      origin,
      cache,
      expectUntil: ({ startedAt, originError, dueAt }) => {
        const isEarly = dueAt === "never" || clock.now() < dueAt;
        const reason = originError !== null ? "outage" : isEarly ? "early" : "missed";
        // Without an origin, peers that still bring something are worth waiting for.
        const since = originError === null ? startedAt : progressAt;
        return others()?.expectUntil(content, since, reason) ?? startedAt;
      },
      crowded: () => others()?.crowded(content) ?? false,
      start: () => others()?.start(content) ?? 0,
      listener: {
        changed: () => this.turnSoon(),
        verified: (_retrieval, index, source, bytes) => {
          account.verified++;
          progressAt = clock.now();
          if (source === "peers") account.peers += bytes;
          others()?.spare(id, index);
          others()?.came(content, source);
          const news = this.#news.get(id) ?? [];
          news.push(index);
          this.#news.set(id, news);
          this.#tellPage(content, index, source, bytes);
        },
        cached: (_retrieval, index, bytes) => {
          account.cache += bytes;
          this.#tellPage(content, index, "cache", bytes);
        },
        read: (_retrieval, reading) => this.#read(reading),
        poisoned: (peer) => {
          account.poisoned(peer);
          others()?.links.ban(peer, "poisoned");
        },
        pending: (_retrieval, indices) => others()?.tell(id, "pending", indices),
        gaveUp: (_retrieval, indices) => others()?.tell(id, "gone", indices),
        originBytes: (bytes) => {
          account.origin += bytes;
        },
        originRate: (rate) => this.#originRate.add(rate),
        wasted: (bytes) => {
          account.wasted += bytes;
        },
        superseded: (_retrieval, index, peer) => others()?.links.get(peer)?.cancel(id, index),
        mismatch: (error) => {
          account.rejected++;
          mismatch(content, error);
        },
        finished: () => {
          this.#open.delete(id);
          this.#giveBack(id);
          others()?.release(content);
          this.turnSoon();
        },
      },
    });
  }

  /** Once all of it is where the other tabs can read it. */
  #giveBack(id: ContentId): void {
    const { cache } = this.#needs;
    const siblings = this.#needs.siblings();
    if (siblings?.claims(id) !== true) return;
    void cache.settle().then(() => {
      if (!this.#open.has(id)) siblings.giveBack(id);
    });
  }

  #tellPage(
    { asset, chunkCount }: Content,
    index: number,
    source: ChunkSource,
    bytes: ByteCount,
  ): void {
    this.#needs.listeners.emit("chunk", {
      url: asset.url,
      index,
      count: chunkCount,
      source,
      bytes,
    });
  }

  #read(reading: Reading): void {
    if (!reading.done) return;
    const { clock, listeners } = this.#needs;
    const elapsedMs = clock.now() - reading.startedAt;
    listeners.emit("retrieved", { url: reading.content.asset.url, elapsedMs, ...reading.bytes });
  }

  #turn(): void {
    if (this.#closed) return;
    this.#timer?.();
    this.#timer = null;
    const { clock, others: everybody } = this.#needs;
    const others = everybody();
    const now = clock.now();
    const newsAt = this.#tellNews(others, now);
    const siblings = this.#needs.siblings();
    const wants = [...this.#open.values()]
      // What another tab transfers is on its way.
      .filter(({ content: { id } }) => siblings?.follows(id) !== true)
      .sort((one, other) => moment(one) - moment(other));
    const reads = wants.reduce((sum, want) => sum + want.runs.length, 0);
    const { actions, wakeAt } = plan({
      now,
      late: Math.min(MOST_LATE, Math.max(0, now - this.#wakeAt)),
      selfSeed: others?.seed ?? 0,
      wants,
      links: others?.links.all ?? [],
      origin: { freeReads: ORIGIN_READS - reads, bytesPerSecond: this.#originRate.value },
    });
    for (const action of actions) this.#perform(action, others);
    for (const want of wants) this.#failIfHopeless(want, others, now);
    this.#wakeAt = wakeAt === "never" ? Number.POSITIVE_INFINITY : wakeAt;
    const next = Math.min(this.#wakeAt, newsAt);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = clock.after(next - now, () => {
      this.#timer = null;
      this.#turn();
    });
  }

  /** What was not told before, at most ten times a second; says when the rest is due. */
  #tellNews(others: Neighbourhood | null, now: Millis): Millis {
    if (this.#news.size === 0) return Number.POSITIVE_INFINITY;
    if (now < this.#toldAt + NEWS_EVERY) return this.#toldAt + NEWS_EVERY;
    for (const [content, indices] of this.#news) others?.tell(content, "have", indices);
    this.#news.clear();
    this.#toldAt = now;
    return Number.POSITIVE_INFINITY;
  }

  #perform(action: Action, others: Neighbourhood | null): void {
    switch (action.do) {
      case "request": {
        const link = others?.links.get(action.peer);
        const retrieval = this.#open.get(action.content);
        if (link === undefined || retrieval === undefined) return;
        retrieval.asked(action.peer, action.index);
        link.request(retrieval.content, action.index);
        return;
      }
      case "rest": {
        const link = others?.links.get(action.peer);
        if (link === undefined) return;
        // Not cancelled: as a rule it comes after all, and is taken if nobody else was quicker.
        for (const retrieval of this.#open.values()) retrieval.lost(action.peer);
        others?.links.rest(link);
        this.turnSoon();
        return;
      }
      case "read":
        return this.#open.get(action.content)?.readOrigin(action.first, action.last);
      case "trim":
        return this.#open.get(action.content)?.trim(action.at, action.last);
      case "abandon":
        return this.#open.get(action.content)?.abandon(action.at);
      default:
        return unreachable(action);
    }
  }

  /** The origin failed, and no peer has or is about to have what is missing. */
  #failIfHopeless(retrieval: Retrieval, others: Neighbourhood | null, now: Millis): void {
    const error = retrieval.originError;
    if (error === null || retrieval.underWay || now < retrieval.expectUntil) return;
    if (retrieval.originMayRecover) return;
    const { id } = retrieval.content;
    for (let index = retrieval.position; index < retrieval.until; index++) {
      if (retrieval.has(index) || others?.promises(id, index)) continue;
      return retrieval.fail(error);
    }
  }
}

const moment = ({ dueAt }: Retrieval): Millis =>
  dueAt === "never" ? Number.MAX_SAFE_INTEGER : dueAt;
