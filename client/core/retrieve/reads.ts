// All open reads of one content at its origin: begun, put off, brought together and ended, and what others are told of them.
// Which reads there should be is the plan's; what a chunk is worth is the retrieval's.

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import type { Clock, Origin, OriginOutcome } from "../ports.ts";
import type { ByteCount, Content, Millis } from "../vocabulary.ts";
import type { Flights } from "./flights.ts";
import { PENDING_AHEAD, pendingOf, Run } from "./run.ts";

export interface ReadsNeeds {
  readonly clock: Clock;
  readonly origin: Origin;
  readonly content: Content;
  /** Chunks that are read are among them. */
  readonly flights: Flights;
  /** What is wanted: chunks from the first to before the second; and until when links to others may still come. */
  wanted(): { readonly position: number; readonly until: number; readonly expectUntil: Millis };
  has(index: number): boolean;
  readonly listener: ReadsListener;
}
type Failure = Exclude<OriginOutcome, { readonly kind: "complete" }>;
export interface ReadsListener {
  pending(indices: readonly number[]): void;
  /** Told of as pending, and not coming after all. */
  gaveUp(indices: readonly number[]): void;
  bytes(run: Run, count: ByteCount): void;
  rate(bytesPerSecond: number): void;
  wasted(bytes: ByteCount): void;
  /** A whole chunk, not verified. */
  received(index: number, bytes: Bytes): void;
  /** The origin has an asset of another size; `at`: where the read of it was. */
  parted(at: number): void;
  failed(outcome: Failure): void;
  changed(): void;
}

export class Reads {
  readonly open: Run[] = [];
  /** Since when there is none. */
  idleSince: Millis;
  /** The origin has sent everything when a part was asked for. */
  unranged = false;
  readonly #needs: ReadsNeeds;

  constructor(needs: ReadsNeeds) {
    this.#needs = needs;
    this.idleSince = needs.clock.now();
  }

  /** Of the chunks that are being read, those that others are told of. */
  get pending(): readonly number[] {
    return this.open.flatMap((run) => pendingOf(run, run.at));
  }

  begin(first: number, last: number, cache: "default" | "reload"): void {
    const { clock, origin, content, flights, listener } = this.#needs;
    flights.beginAll(first, last, { from: "origin", since: clock.now() });
    const stream = this.open.find((one) => one.unranged && one.at <= first);
    if (stream !== undefined) return this.#extend(stream, last);
    const run = new Run(first, last, {
      clock,
      origin,
      asset: content.asset,
      cache,
      listener: {
        answered: (one, total) => this.#answered(one, total),
        progressed: (one, bytes) => listener.bytes(one, bytes),
        skipped: (_one, bytes) => listener.wasted(bytes),
        received: (one, index, bytes) => this.#received(one, index, bytes),
        ended: (one, outcome) => this.#ended(one, outcome),
      },
    });
    this.open.push(run);
    this.#pend(run, first);
  }

  /** The read that is at this chunk ends behind `last`. */
  trim(at: number, last: number): void {
    const run = this.open.find((one) => one.at === at);
    if (run === undefined) return;
    this.#release(run, last + 1);
    run.trim(last);
    if (run.at > run.last) this.#done(run);
  }

  abandon(at: number): void {
    const run = this.open.find((one) => one.at === at);
    run?.cancel();
    if (run !== undefined) this.#ended(run, { kind: "unreachable" });
  }

  /** This chunk is here by another way: whoever is at it is overtaken. */
  overtake(index: number): void {
    for (const run of this.open.filter((one) => one.at === index && !one.leadsTo(this.#needs))) {
      this.#giveUp(run);
      this.#done(run);
    }
  }

  close(): void {
    for (const run of this.open.splice(0)) this.#giveUp(run);
  }

  #extend(stream: Run, last: number): void {
    const before = stream.last;
    stream.extend(last);
    const indices = pendingOf(stream, stream.at).filter((index) => index > before);
    if (indices.length > 0) this.#needs.listener.pending(indices);
  }

  /** Everything comes: it is taken from where it is wanted, and by one read. */
  #stream(run: Run): void {
    this.unranged = true;
    const { clock, flights, has, wanted, listener } = this.#needs;
    const { first, last } = run;
    for (const other of this.open.filter((one) => one !== run && one.unranged)) {
      // Two that were begun before it was known: the one that is further to the front goes on.
      const [kept, spare] = other.at <= first ? [other, run] : [run, other];
      if (spare.partial.length > 0) listener.wasted(spare.partial.length);
      spare.cancel();
      this.#remove(spare);
      this.#extend(kept, spare.last);
      if (spare === run) return;
    }
    const now = clock.now();
    const flight = { from: "origin", since: now } as const;
    const { position, until, expectUntil } = wanted();
    let from = position;
    while (from < first && (has(from) || flights.of(from).length > 0)) from++;
    if (from < first) {
      run.rewind(from);
      flights.beginAll(from, first - 1, flight);
      this.#pend(run, from);
    }
    // Others may turn up who hold it, or read it. Whom we know by then the plan leaves their part.
    if (now < expectUntil) return;
    this.#extend(run, until - 1);
    for (let index = last + 1; index <= run.last; index++) {
      if (!has(index) && flights.of(index).length === 0) flights.begin(index, flight);
    }
  }

  #answered(run: Run, total: number | null): void {
    if (total === null || total === this.#needs.content.asset.size) {
      if (run.unranged && run.bytes === 0) this.#stream(run);
      return;
    }
    run.cancel();
    this.#remove(run);
    this.#needs.listener.parted(run.at);
  }

  #received(run: Run, index: number, bytes: Bytes): void {
    const { flights, has, listener } = this.#needs;
    flights.end(index, "origin");
    this.#pend(run, index + 1);
    listener.received(index, bytes);
    // The next one may have come from elsewhere meanwhile: stop in front of it.
    if (run.at > run.last) this.#done(run);
    else if (has(run.at) && !run.leadsTo(this.#needs)) this.trim(run.at, run.at - 1);
  }

  #ended(run: Run, outcome: OriginOutcome): void {
    if (outcome.kind === "complete") return this.#done(run);
    this.#giveUp(run);
    this.#remove(run);
    this.#needs.listener.failed(outcome);
  }

  #done(run: Run): void {
    if (!this.#remove(run)) return;
    const { clock, content, listener } = this.#needs;
    const took = clock.now() - (run.answeredAt ?? run.startedAt);
    // Less than a chunk in no time says nothing about the origin.
    if (run.bytes >= content.asset.chunkBytes) {
      listener.rate((run.bytes * 1000) / Math.max(1, took));
    }
    listener.changed();
  }

  #remove(run: Run): boolean {
    const at = this.open.indexOf(run);
    if (at < 0) return false;
    this.open.splice(at, 1);
    if (this.open.length === 0) this.idleSince = this.#needs.clock.now();
    return true;
  }

  /** Whatever of this read has not come is missing again. */
  #giveUp(run: Run): void {
    run.cancel();
    if (run.partial.length > 0) this.#needs.listener.wasted(run.partial.length);
    this.#release(run, run.at);
  }

  /** From this chunk on the read brings nothing. Others hear of what they were told to wait for, and is not here. */
  #release(run: Run, from: number): void {
    const { flights, has, listener } = this.#needs;
    const lost: number[] = [];
    for (let index = from; index <= run.last; index++) {
      flights.end(index, "origin");
      if (index < run.at + PENDING_AHEAD && !has(index)) lost.push(index);
    }
    if (lost.length > 0) listener.gaveUp(lost);
  }

  #pend(run: Run, from: number): void {
    const all = pendingOf(run, from);
    const indices = from === run.first ? all : all.slice(PENDING_AHEAD - 1);
    if (indices.length > 0) this.#needs.listener.pending(indices);
  }
}
