// What one peer owes us: chunks asked for and on their way, and cancelled ones of which data may still be under way.
// Data that was never asked for is a breach; data that came too late is only waste.

import { type Bytes, concatenated } from "../../../tracker/protocol/bytes.ts";
import { chunkLengthAt } from "../../../tracker/protocol/manifest.ts";
import type { Violation } from "../events.ts";
import type { Link } from "../ports.ts";
import type { ByteCount, Content, ContentId, Millis } from "../vocabulary.ts";
import { Gaps } from "./estimate.ts";
import { Incoming } from "./incoming.ts";

/** Requests given up and remembered, so that data already under way is told from data nobody asked for. */
const MAX_LATE = 1024;

export class Requests {
  #next = 0;
  readonly #open = new Map<number, Incoming>();
  /** Cancelled or refused, with the bytes that may still come: data may be overtaken by what was said after it. */
  readonly #late = new Map<number, ByteCount>();
  #progressAt: Millis = 0;
  readonly #gaps = new Gaps();
  readonly #link: Pick<Link, "whole">;

  constructor(link: Pick<Link, "whole">) {
    this.#link = link;
  }

  get count(): number {
    return this.#open.size;
  }
  /** Bytes asked for and not yet here. */
  get owed(): ByteCount {
    let bytes = 0;
    for (const { length, received } of this.#open.values()) bytes += length - received;
    return bytes;
  }
  /** How long something has been owed without anything coming. */
  silentFor(now: Millis): Millis {
    return this.#open.size === 0 ? 0 : now - this.#progressAt;
  }

  /** How long it may be silent, by how long it paused before. */
  get patience(): Millis {
    return this.#gaps.patience;
  }

  /** The number to ask with. */
  add(content: Content, index: number, now: Millis): number {
    if (this.#open.size === 0) this.#progressAt = now;
    const request = this.#next++;
    const length = chunkLengthAt(content.asset, index);
    this.#open.set(request, new Incoming(content.id, index, length, now));
    return request;
  }

  /** Open requests for this chunk, no longer awaited; and what had come of them. */
  cancel(
    content: ContentId,
    index: number,
  ): { readonly requests: number[]; readonly received: ByteCount } {
    const requests: number[] = [];
    let received = 0;
    for (const [request, incoming] of this.#open) {
      if (incoming.content !== content || incoming.index !== index) continue;
      this.#giveUp(request, incoming);
      requests.push(request);
      received += incoming.received;
    }
    return { requests, received };
  }

  #giveUp(request: number, incoming: Incoming): void {
    this.#open.delete(request);
    this.#late.set(request, incoming.length - incoming.received);
    for (const oldest of this.#late.keys()) {
      if (this.#late.size <= MAX_LATE) break;
      this.#late.delete(oldest);
    }
  }

  /** Takes a data frame: the whole chunk with its last part, `more` before, `late` when nobody waits for it. */
  data(
    request: number,
    part: number,
    bytes: Bytes,
    now: Millis,
  ): { readonly incoming: Incoming; readonly chunk: Bytes } | "more" | "late" | Violation {
    const incoming = this.#open.get(request);
    if (incoming === undefined) {
      const left = (this.#late.get(request) ?? 0) - bytes.length;
      if (left < 0) return "unasked";
      if (left === 0) this.#late.delete(request);
      else this.#late.set(request, left);
      return "late";
    }
    const outcome = incoming.add(part, bytes);
    if (typeof outcome === "string" && outcome !== "more") return outcome;
    this.#gaps.progressed(now - this.#progressAt);
    this.#progressAt = now;
    if (typeof outcome === "string") return outcome;
    this.#gaps.completed();
    this.#open.delete(request);
    return { incoming, chunk: this.#link.whole?.(outcome) ?? concatenated(outcome) };
  }

  /** It will not send this one. */
  rejected(request: number): Incoming | "late" | "unasked" {
    const incoming = this.#open.get(request);
    if (incoming === undefined) return this.#late.has(request) ? "late" : "unasked";
    this.#giveUp(request, incoming);
    return incoming;
  }

  /** Forgets everything; returns the bytes that had come for nothing. */
  clear(): ByteCount {
    let received = 0;
    for (const incoming of this.#open.values()) received += incoming.received;
    this.#open.clear();
    return received;
  }
}
