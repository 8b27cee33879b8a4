// An origin whose answers the test gives itself: every read waits here until it is told what comes.

import type { Origin, OriginListener, OriginRequest } from "../../../../client/core/ports.ts";
import type { CachingFields, Cancel } from "../../../../client/core/vocabulary.ts";
import type { Bytes } from "../../../../tracker/protocol/bytes.ts";

export class ScriptedRead {
  readonly request: OriginRequest;
  readonly #listener: OriginListener;
  /** Nothing may be said to it any more. */
  over = false;
  cancelled = false;

  constructor(request: OriginRequest, listener: OriginListener) {
    this.request = request;
    this.#listener = listener;
  }
  start(offset: number, total: number | null, headers: CachingFields = {}): void {
    if (!this.over) this.#listener.start({ offset, total, headers });
  }
  /** Everything will come, whatever was asked for. */
  startUnranged(total: number | null): void {
    if (!this.over) this.#listener.start({ offset: 0, total, unranged: true });
  }
  bytes(bytes: Bytes): void {
    if (!this.over) this.#listener.bytes(bytes);
  }
  end(outcome: Parameters<OriginListener["end"]>[0] = { kind: "complete" }): void {
    if (this.over) return;
    this.over = true;
    this.#listener.end(outcome);
  }
  /** The whole answer, as a sound origin gives it. */
  answer(body: Bytes, pieces = 1, headers: CachingFields = {}): void {
    const { range } = this.request;
    const { first, last } = range === "whole" ? { first: 0, last: body.length - 1 } : range;
    const part = body.slice(first, last + 1);
    this.start(first, body.length, headers);
    const step = Math.max(1, Math.ceil(part.length / pieces));
    for (let at = 0; at < part.length; at += step) this.bytes(part.slice(at, at + step));
    this.end();
  }
}

export class ScriptedOrigin implements Origin {
  readonly reads: ScriptedRead[] = [];

  read(request: OriginRequest, listener: OriginListener): Cancel {
    const read = new ScriptedRead(request, listener);
    this.reads.push(read);
    return () => {
      if (!read.over) read.cancelled = true;
      read.over = true;
    };
  }
  /** Reads that wait for an answer. */
  get open(): readonly ScriptedRead[] {
    return this.reads.filter(({ over }) => !over);
  }
  /** The one open read. */
  get only(): ScriptedRead {
    const [read, ...others] = this.open;
    if (read === undefined || others.length > 0) {
      throw new Error(`${this.open.length} reads are open instead of one`);
    }
    return read;
  }
}
