// One read at the origin over neighbouring chunks: cuts the stream into chunks, and shows the page what has come of the
// chunk under way before it is whole (bytes this browser read from the origin itself are the page's at once).

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import { type AssetStatement, chunkLengthAt } from "../../../tracker/protocol/manifest.ts";
import type { Clock, Origin, OriginOutcome } from "../ports.ts";
import type { ByteCount, Cancel, Millis } from "../vocabulary.ts";
import type { RunView } from "./view.ts";

/** Chunks announced as pending ahead of a read: one group, so that others do not wait for a whole file. */
export const PENDING_AHEAD = 4;

export interface RunNeeds {
  readonly clock: Clock;
  readonly origin: Origin;
  readonly asset: AssetStatement;
  readonly cache: "default" | "reload";
  readonly listener: RunListener;
}
export interface RunListener {
  /** The origin answered; its size of the asset, if it says one. The run may still be rewound. */
  answered(run: Run, total: number | null): void;
  /** More of the chunk under way is there. */
  progressed(run: Run, bytes: ByteCount): void;
  /** So many bytes came that nobody had asked for. */
  skipped(run: Run, bytes: ByteCount): void;
  /** A whole chunk, not verified. */
  received(run: Run, index: number, bytes: Bytes): void;
  /** Over: as asked for, or because of `outcome`. Chunks from `run.at` on were not read. */
  ended(run: Run, outcome: OriginOutcome): void;
}

export class Run implements RunView {
  first: number;
  last: number;
  /** Asked for a part, the origin sends everything: what comes behind costs it no other read, what came before is lost. */
  unranged = false;
  at: number;
  progressAt: Millis;
  readonly startedAt: Millis;
  /** When the first byte came. */
  answeredAt: Millis | null = null;
  bytes: ByteCount = 0;
  readonly #needs: RunNeeds;
  readonly #cancel: Cancel;
  #chunk: Bytes;
  #filled = 0;
  /** Bytes to leave out first, when the origin ignored the range and sends everything. */
  #skip = 0;
  /** The answer has everything that the origin has, asked for or not. */
  #isWhole: boolean;
  /** From another origin than the asset's own: whose bytes those are shows only when they are verified. */
  #foreign = false;
  #over = false;

  constructor(first: number, last: number, needs: RunNeeds) {
    this.first = first;
    this.last = last;
    this.at = first;
    this.#needs = needs;
    this.startedAt = needs.clock.now();
    this.progressAt = this.startedAt;
    this.#chunk = new Uint8Array(chunkLengthAt(needs.asset, first));
    const { asset, cache } = needs;
    const from = first * asset.chunkBytes;
    const to = Math.min(asset.size, (last + 1) * asset.chunkBytes) - 1;
    const whole = from === 0 && to === asset.size - 1;
    this.#isWhole = whole;
    this.#cancel = needs.origin.read(
      { url: asset.url, range: whole ? "whole" : { first: from, last: to }, cache },
      {
        start: ({ offset, total, foreign = false, unranged = false }) => {
          this.#foreign = foreign;
          this.unranged = unranged || from > offset;
          this.#answered(from - offset, total);
        },
        bytes: (bytes) => this.#received(bytes),
        end: (outcome) => this.#answerEnded(outcome),
      },
    );
  }

  /** What has come of the chunk under way, from its beginning; a view of the chunk as it will be handed on. */
  get partial(): Bytes {
    return this.#chunk.subarray(0, this.#foreign ? 0 : this.#filled);
  }

  remaining(now: Millis): Millis {
    const took = now - this.startedAt;
    // Nothing yet: as long again as it has taken so far.
    if (this.bytes === 0) return took;
    return ((this.#chunk.length - this.#filled) * took) / this.bytes;
  }

  /** Ends after this chunk, or at once if it is past. */
  trim(last: number): void {
    if (last < this.last) this.last = last;
    if (this.at > this.last) this.cancel();
  }

  /** Goes on to this chunk, where everything comes anyway. */
  extend(last: number): void {
    this.last = Math.max(this.last, last);
  }

  /** Begins with an earlier chunk, where everything comes anyway. Only before the first byte. */
  rewind(first: number): void {
    const { asset } = this.#needs;
    this.#skip -= (this.first - first) * asset.chunkBytes;
    this.first = first;
    this.at = first;
    this.#chunk = new Uint8Array(chunkLengthAt(asset, first));
  }

  /** Behind this chunk, in the one stream there is, comes something that is missing. */
  leadsTo(here: { has(index: number): boolean }): boolean {
    if (!this.unranged) return false;
    for (let index = this.at + 1; index <= this.last; index++) if (!here.has(index)) return true;
    return false;
  }

  /** Stops. No `ended` follows. */
  cancel(): void {
    this.#over = true;
    this.#cancel();
  }

  #answered(skip: number, total: number | null): void {
    if (this.#over) return;
    // A range that begins too late cannot be used.
    if (skip < 0) return this.#end({ kind: "unreachable" });
    this.#skip = skip;
    if (this.unranged) this.#isWhole = true;
    this.answeredAt = this.#needs.clock.now();
    this.progressAt = this.answeredAt;
    this.#needs.listener.answered(this, total);
  }

  #received(bytes: Bytes): void {
    if (this.#over) return;
    const { clock, asset, listener } = this.#needs;
    this.progressAt = clock.now();
    this.bytes += bytes.length;
    let from = Math.min(this.#skip, bytes.length);
    this.#skip -= from;
    if (from > 0) listener.skipped(this, from);
    while (from < bytes.length && !this.#over) {
      const room = this.#chunk.length - this.#filled;
      const part = bytes.subarray(from, from + room);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      from += part.length;
      if (this.#filled < this.#chunk.length) break;
      const chunk = this.#chunk;
      const index = this.at++;
      const more = this.at <= this.last;
      this.#chunk = new Uint8Array(more ? chunkLengthAt(asset, this.at) : 0);
      this.#filled = 0;
      listener.received(this, index, chunk);
      if (!more) this.#end({ kind: "complete" });
    }
    listener.progressed(this, bytes.length);
  }

  #answerEnded(outcome: OriginOutcome): void {
    if (this.#over) return;
    const { asset, listener } = this.#needs;
    // It said no size before (compressed answers do not), and now we know it.
    const isShort = outcome.kind === "complete" && this.#isWhole && this.bytes !== asset.size;
    if (isShort) listener.answered(this, this.bytes);
    this.#end(outcome.kind === "complete" ? { kind: "unreachable" } : outcome);
  }

  #end(outcome: OriginOutcome): void {
    if (this.#over) return;
    this.cancel();
    this.#needs.listener.ended(this, outcome);
  }
}

/** The chunks of a read, from one on, that others are told of. */
export function pendingOf(run: Run, from: number): number[] {
  const last = Math.min(run.last, from + PENDING_AHEAD - 1);
  return Array.from({ length: Math.max(0, last - from + 1) }, (_, at) => from + at);
}
