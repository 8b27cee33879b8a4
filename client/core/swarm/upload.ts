// Serving chunks to one peer, within what the visitor allows. Answers requests in the order they came, keeps at most
// five chunks in memory, and stops at the link's high-water mark until it drains. Sends nothing that was not asked for.

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import { type Clock, type Link, LOW_WATER } from "../ports.ts";
import type { ByteCount, Cancel, ContentId, Millis } from "../vocabulary.ts";
import { dataFrame, encodeData } from "../wire/codec.ts";
import { DATA_BYTES, MAX_REQUESTS, type RejectReason } from "../wire/messages.ts";
import { Average } from "./estimate.ts";
import type { UploadSlots } from "./slots.ts";

/** The next chunk is read while the one before it is sent, so that a store's latency costs no throughput. */
const READ_AHEAD = 2;
/** Chunks read at once: one transaction of the store costs as much time as reading a chunk or two. */
const READ_BATCH = 4;

/** Every frame of every link is made here: links copy what they send. Memory comes with the first one. */
const ROOM = dataFrame();

/** What all uploads of this visitor together may give: bytes in the session, bytes a second. Invariant I5. */
export class UploadAllowance {
  readonly #clock: Clock;
  readonly #perSecond: ByteCount;
  #left: ByteCount;
  /** What went out during the last second, oldest first. */
  readonly #recent: { readonly at: Millis; readonly bytes: ByteCount }[] = [];
  #inWindow = 0;
  #given = 0;

  /** `Infinity` for no limit. */
  constructor(clock: Clock, limits: { session: ByteCount; perSecond: ByteCount }) {
    this.#clock = clock;
    this.#left = limits.session;
    this.#perSecond = limits.perSecond;
  }

  get given(): ByteCount {
    return this.#given;
  }
  /** What is left may not be enough for another frame. */
  get exhausted(): boolean {
    return this.#left < DATA_BYTES;
  }

  /** Takes `bytes` now (0), or says how long to wait first. */
  take(bytes: ByteCount): Millis {
    const now = this.#clock.now();
    if (this.#perSecond !== Number.POSITIVE_INFINITY) {
      let oldest = this.#recent[0];
      while (oldest !== undefined && oldest.at <= now - 1000) {
        this.#inWindow -= oldest.bytes;
        this.#recent.shift();
        oldest = this.#recent[0];
      }
      if (oldest !== undefined && this.#inWindow + bytes > this.#perSecond) {
        // Never 0, which would mean "taken": a sum of fractions may round to it.
        return Math.max(1, oldest.at + 1000 - now);
      }
      this.#recent.push({ at: now, bytes });
      this.#inWindow += bytes;
    }
    this.#left -= bytes;
    this.#given += bytes;
    return 0;
  }
}

interface Wanted {
  readonly request: number;
  readonly content: ContentId;
  readonly index: number;
  chunk: Bytes | "unread" | "reading";
  part: number;
}

export interface ServingNeeds {
  readonly clock: Clock;
  readonly link: Pick<Link, "send">;
  readonly allowance: UploadAllowance;
  readonly slots: UploadSlots;
  /** A held, verified chunk, or `undefined` when it is not (any more). */
  read(content: ContentId, index: number): Promise<Bytes | undefined>;
  reject(request: number, reason: RejectReason): void;
}

export class Serving {
  readonly #needs: ServingNeeds;
  readonly #queue: Wanted[] = [];
  #congested = false;
  #waiting: Cancel | null = null;
  #closed = false;
  #uploaded = 0;
  /** Since when the link has been over its mark. */
  stuckSince: Millis | null = null;
  /** How long a full frame takes from then until `LOW_WATER` of it are left. */
  readonly #drainMs = new Average();

  constructor(needs: ServingNeeds) {
    this.#needs = needs;
  }

  get drainRate(): number | null {
    const took = this.#drainMs.value;
    return took === null ? null : ((DATA_BYTES - LOW_WATER) * 1000) / took;
  }

  get uploaded(): ByteCount {
    return this.#uploaded;
  }
  get busy(): boolean {
    return this.#queue.length > 0;
  }

  /** `flood`: more open requests than we said we take, or one number twice. `busy`: no slot for this peer now. */
  accept(request: number, content: ContentId, index: number): "accepted" | "flood" | "busy" {
    if (this.#queue.length >= MAX_REQUESTS || this.#queue.some((one) => one.request === request)) {
      return "flood";
    }
    if (!this.#needs.slots.take(this)) return "busy";
    this.#queue.push({ request, content, index, chunk: "unread", part: 0 });
    this.#pump();
    return "accepted";
  }

  cancel(request: number): void {
    const at = this.#queue.findIndex((one) => one.request === request);
    if (at >= 0) this.#queue.splice(at, 1);
    this.#pump();
  }

  drain(): void {
    if (this.stuckSince !== null) {
      this.#drainMs.add(Math.max(1, this.#needs.clock.now() - this.stuckSince));
    }
    this.#congested = false;
    this.stuckSince = null;
    this.#pump();
  }

  /** Refuses everything that is queued. */
  stop(reason: RejectReason): void {
    for (const one of this.#queue.splice(0)) this.#needs.reject(one.request, reason);
    this.#needs.slots.release(this);
  }

  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
    this.#waiting?.();
    this.#needs.slots.release(this);
  }

  #pump(): void {
    if (this.#closed) return;
    if (this.#queue.length === 0) this.#needs.slots.release(this);
    this.#readAhead();
    while (!this.#congested && this.#waiting === null) {
      const next = this.#queue[0];
      if (next === undefined || !(next.chunk instanceof Uint8Array)) return;
      if (this.#needs.allowance.exhausted) return this.stop("choked");
      if (!this.#sendPart(next, next.chunk)) return;
    }
  }

  #readAhead(): void {
    if (!this.#queue.slice(0, READ_AHEAD).some(({ chunk }) => chunk === "unread")) return;
    const unread = this.#queue.filter(({ chunk }) => chunk === "unread");
    for (const one of unread.slice(0, READ_BATCH)) this.#read(one);
  }

  #read(one: Wanted): void {
    one.chunk = "reading";
    void this.#needs.read(one.content, one.index).then((bytes) => {
      const at = this.#queue.indexOf(one);
      if (this.#closed || at < 0) return;
      if (bytes === undefined) {
        this.#queue.splice(at, 1);
        this.#needs.reject(one.request, "missing");
      } else {
        one.chunk = bytes;
      }
      this.#pump();
    });
  }

  /** Whether another part may follow at once. */
  #sendPart(one: Wanted, chunk: Bytes): boolean {
    const from = one.part * DATA_BYTES;
    const bytes = chunk.subarray(from, Math.min(from + DATA_BYTES, chunk.length));
    const wait = this.#needs.allowance.take(bytes.length);
    if (wait > 0) {
      this.#waiting = this.#needs.clock.after(wait, () => {
        this.#waiting = null;
        this.#pump();
      });
      return false;
    }
    const sent = this.#needs.link.send(encodeData(one.request, one.part, bytes, ROOM));
    if (sent === "closed") return false;
    this.#uploaded += bytes.length;
    one.part++;
    if (from + bytes.length >= chunk.length) {
      this.#queue.shift();
      if (this.#queue.length === 0) this.#needs.slots.release(this);
      this.#readAhead();
    }
    if (sent === "congested") {
      this.#congested = true;
      this.stuckSince = this.#needs.clock.now();
    }
    return sent === "sent";
  }
}
