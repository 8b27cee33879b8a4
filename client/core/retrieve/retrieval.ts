// One content on its way home: what is there, what is under way, who reads along. Holds state and performs steps; what
// to do next is `plan`'s answer. Shared by all requests for the same content.

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import type { PeerId } from "../../../tracker/protocol/ids.ts";
import { knownChunksOf } from "../../../tracker/protocol/manifest.ts";
import type { ChunkCache } from "../cache/chunk-cache.ts";
import { ShoalError } from "../errors.ts";
import type { ChunkSource } from "../events.ts";
import type { Clock, Hasher, Origin } from "../ports.ts";
import type { ByteCount, ByteRange, Content, Millis, Urgency } from "../vocabulary.ts";
import { Demand } from "./demand.ts";
import { seedOf } from "./election.ts";
import { Flights } from "./flights.ts";
import { headStartOf } from "./origin-share.ts";
import { OriginTrouble } from "./origin-trouble.ts";
import { Reading } from "./reading.ts";
import { Reads } from "./reads.ts";
import type { Run } from "./run.ts";
import { isRight } from "./verify.ts";
import type { Flight, WantKind, WantView } from "./view.ts";

export interface RetrievalNeeds {
  readonly clock: Clock;
  readonly hasher: Hasher;
  readonly origin: Origin;
  readonly cache: ChunkCache;
  /** Until when links to holders of this may still come. */
  expectUntil(retrieval: Retrieval): Millis;
  /** Whether others are after this content. */
  crowded(): boolean;
  /** Where to begin among them: a chunk's index. */
  start(): number;
  readonly listener: RetrievalListener;
}
export interface RetrievalListener {
  changed(): void;
  verified(retrieval: Retrieval, index: number, source: ChunkSource, bytes: ByteCount): void;
  /** The page got a chunk that was held before. */
  cached(retrieval: Retrieval, index: number, bytes: ByteCount): void;
  /** A reading is over. */
  read(retrieval: Retrieval, reading: Reading): void;
  /** A chunk from this peer had a wrong digest. */
  poisoned(peer: PeerId): void;
  pending(retrieval: Retrieval, indices: readonly number[]): void;
  /** Chunks announced as pending that are not coming after all. */
  gaveUp(retrieval: Retrieval, indices: readonly number[]): void;
  originBytes(bytes: ByteCount): void;
  originRate(bytesPerSecond: number): void;
  wasted(bytes: ByteCount): void;
  /** The chunk was asked of somebody else, who need not send it any more. */
  superseded(retrieval: Retrieval, index: number, peer: PeerId): void;
  /** Origin and manifest disagree. */
  mismatch(error: ShoalError): void;
  finished(retrieval: Retrieval): void;
}

export class Retrieval implements WantView {
  readonly content: Content;
  readonly contentSeed: number;
  readonly startedAt: Millis;
  peersSince: Millis | null = null;
  broughtAt: Millis;
  headStart: number;
  readonly #needs: RetrievalNeeds;
  readonly #flights = new Flights();
  readonly #reads: Reads;
  /** Chunks that are here whole; their bytes, where our own read brought them: the page's until their digest is known. */
  readonly #verifying = new Map<number, Bytes | null>();
  /** Where each chunk came from in this retrieval. */
  readonly #sources = new Map<number, ChunkSource>();
  readonly #demand: Demand;
  readonly #trouble = new OriginTrouble();
  /** Chunks whose bytes from the browser's own cache were wrong are read past it, once. */
  readonly #reloaded = new Set<number>();

  constructor(content: Content, needs: RetrievalNeeds) {
    this.content = content;
    this.contentSeed = seedOf(content.id);
    this.#needs = needs;
    this.startedAt = needs.clock.now();
    this.broughtAt = this.startedAt;
    this.#demand = new Demand(content);
    this.headStart = headStartOf(content);
    const { clock, origin, listener } = needs;
    this.#reads = new Reads({
      clock,
      origin,
      content,
      flights: this.#flights,
      wanted: () => this,
      has: (index) => this.has(index),
      listener: {
        pending: (indices) => listener.pending(this, indices),
        gaveUp: (indices) => listener.gaveUp(this, indices),
        bytes: (run, count) => this.#originProgressed(run, count),
        rate: listener.originRate,
        wasted: listener.wasted,
        received: (index, bytes) => {
          this.#trouble.ended();
          this.#take(index, bytes, "origin");
        },
        parted: (at) => this.#part(at, () => true),
        failed: (outcome) => {
          this.#trouble.failed(content.asset.url, outcome, clock.now());
          this.#notify();
        },
        changed: listener.changed,
      },
    });
    needs.cache.know(content);
  }

  get expectUntil(): Millis {
    return this.#needs.expectUntil(this);
  }
  get crowded(): boolean {
    return this.#needs.crowded();
  }
  get start(): number {
    return this.#needs.start();
  }
  get kind(): WantKind {
    return this.#demand.kind;
  }
  get dueAt(): Millis | "never" {
    return this.#demand.dueAt;
  }
  get position(): number {
    return this.#demand.position;
  }
  get until(): number {
    return this.#demand.until(this.#needs.clock.now(), this.#needs.cache.budget, this.crowded);
  }
  /** What is being read at the origin, or was and waits for its digest: others need not. */
  get pending(): readonly number[] {
    return [...this.#verifying.keys(), ...this.#reads.pending];
  }
  get runs(): readonly Run[] {
    return this.#reads.open;
  }
  get unranged(): boolean {
    return this.#reads.unranged;
  }
  get originIdleSince(): Millis {
    return this.#reads.idleSince;
  }

  has(index: number): boolean {
    const held = this.#needs.cache.holding(this.content.id);
    return this.#verifying.has(index) || held?.has(index) === true;
  }
  isServedBy(indices: readonly number[]): boolean {
    return this.#demand.isServed((index) => indices.includes(index) || this.has(index));
  }
  flights(index: number): readonly Flight[] {
    return this.#flights.of(index);
  }
  get underWay(): boolean {
    return this.#flights.size > 0 || this.#verifying.size > 0;
  }
  /** Why the origin gave nothing, while it is failing. */
  get originError(): ShoalError | null {
    return this.#trouble.error;
  }
  get originRestUntil(): Millis {
    return this.#trouble.restUntil;
  }
  get originMayRecover(): boolean {
    return this.#trouble.mayRecover(this.#demand.begun);
  }

  read(range: ByteRange, urgency: Urgency): Reading {
    const reading = new Reading(this.content, range, urgency, {
      clock: this.#needs.clock,
      cache: this.#needs.cache,
      sourceOf: (index) => this.#sources.get(index) ?? "cache",
      partial: (index) =>
        (index < knownChunksOf(this.content.asset) ? null : this.#verifying.get(index)) ??
        this.runs.find((run) => run.at === index)?.partial,
      waiting: () => this.#needs.listener.changed(),
      cached: (index, bytes) => this.#needs.listener.cached(this, index, bytes),
      closed: () => {
        this.#demand.readings.delete(reading);
        this.#needs.listener.read(this, reading);
        if (this.#demand.readings.size === 0) this.#finish();
        else this.#needs.listener.changed();
      },
    });
    this.#demand.readings.add(reading);
    this.#needs.listener.changed();
    return reading;
  }

  /** No source is left: every reading fails. */
  fail(error: ShoalError): void {
    for (const reading of [...this.#demand.readings]) reading.fail(error);
  }

  #finish(): void {
    this.#reads.close();
    for (const [index, peer] of this.#flights.clear()) {
      this.#needs.listener.superseded(this, index, peer);
    }
    this.#needs.listener.finished(this);
  }

  /** This chunk is in the cache now, by another way. */
  found(index: number, bytes: Bytes): void {
    this.#settle(index, bytes);
    this.#notify();
  }
  #notify(): void {
    for (const reading of this.#demand.readings) reading.notify();
    this.#needs.listener.changed();
  }

  asked(peer: PeerId, index: number): void {
    this.peersSince ??= this.#needs.clock.now();
    this.#flights.begin(index, { from: peer, since: this.#needs.clock.now() });
  }

  /** This peer will not send it: refused, rested, or its link is gone. */
  unasked(peer: PeerId, index: number): void {
    this.#flights.end(index, peer);
    this.#needs.listener.changed();
  }
  /** The same for everything asked of this peer. */
  lost(peer: PeerId): readonly number[] {
    return this.#flights.lose(peer);
  }

  readOrigin(first: number, last: number): void {
    if (this.#needs.clock.now() < this.expectUntil) this.headStart -= last - first + 1;
    this.#reads.begin(first, last, this.#reloaded.has(first) ? "reload" : "default");
  }
  trim(at: number, last: number): void {
    this.#reads.trim(at, last);
  }
  abandon(at: number): void {
    this.#reads.abandon(at);
  }

  /** A whole chunk from a peer. */
  received(peer: PeerId, index: number, bytes: Bytes): void {
    this.#flights.end(index, peer);
    this.broughtAt = this.#needs.clock.now();
    this.#take(index, bytes, peer);
  }

  #take(index: number, bytes: Bytes, from: PeerId | "origin"): void {
    if (this.has(index)) return this.#needs.listener.wasted(bytes.length);
    this.#verifying.set(index, from === "origin" ? bytes : null);
    void isRight(this.content, index, bytes, this.#needs.hasher).then((right) => {
      this.#verifying.delete(index);
      if (right) this.#verified(index, bytes, from);
      else this.#wrong(index, bytes.length, from);
    });
  }

  #verified(index: number, bytes: Bytes, from: PeerId | "origin"): void {
    const source: ChunkSource = from === "origin" ? "origin" : "peers";
    this.#sources.set(index, source);
    this.#needs.cache.add(this.content, index, bytes);
    this.#flights.endAll(index);
    this.#settle(index, bytes);
    this.#needs.listener.verified(this, index, source, bytes.length);
    this.#notify();
  }

  /**
   * A read that has only some of this chunk is overtaken. Whoever has seen some of it may go on, unless what they saw was of
   * another version: then the rest of this one does not belong behind it.
   */
  #settle(index: number, bytes: Bytes): void {
    this.#reads.overtake(index);
    this.#part(index, (reading) => !reading.settle(index, bytes));
  }

  /**
   * From this chunk on the origin has another version than the manifest, for these readings: or from an earlier one, of which they
   * have seen bytes that may still be on their way through the hasher.
   */
  #part(index: number, isMeant: (reading: Reading) => boolean): void {
    const parted = [...this.#demand.readings].filter(isMeant);
    if (parted.length === 0) return;
    const chunk = Math.min(index, ...parted.map((reading) => reading.exposedFrom));
    const error = new ShoalError("origin/mismatch", { url: this.content.asset.url, chunk });
    this.#needs.listener.mismatch(error);
    for (const reading of parted) reading.fail(error);
  }

  #wrong(index: number, length: ByteCount, from: PeerId | "origin"): void {
    this.#needs.listener.wasted(length);
    const isLeftOpen = index >= knownChunksOf(this.content.asset);
    if (from !== "origin" && !isLeftOpen) {
      this.#needs.listener.poisoned(from);
      this.#notify();
      return;
    }
    if (this.#reloaded.has(index) || isLeftOpen) return this.#part(index, () => true);
    // The browser's HTTP cache may hold an older version than the manifest describes: past it, once. A page that saw
    // bytes of that version must not see others after them: it gets that version from the network, like the whole
    // visit from now on.
    this.#reloaded.add(index);
    this.#part(index, (reading) => reading.exposed(index));
    this.#notify();
  }

  #originProgressed(run: Run, bytes: ByteCount): void {
    this.#needs.listener.originBytes(bytes);
    const at = this.position;
    if (this.#verifying.has(at) || (run.partial.length > 0 && run.at === at)) {
      for (const reading of this.#demand.readings) reading.notify();
    }
  }
}
