// The publisher's server in the simulated world: one uplink shared by all readers, and failures as switches. Counts
// what it sent.

import type { Origin, OriginListener, OriginRequest } from "../../client/core/ports.ts";
import type { ByteCount, CachingFields, Cancel, Millis } from "../../client/core/vocabulary.ts";
import { type Bytes, base64url } from "../../tracker/protocol/bytes.ts";
import { httpDate, type Timeline } from "./clock.ts";
import { sha256 } from "./hasher.ts";
import type { Node } from "./network.ts";
import { HOME_PLACE, wayBetween } from "./places.ts";
import type { Trace } from "./trace.ts";

/** Bytes in one network read. */
const SLICE: ByteCount = 32 * 1024;

interface SimFile {
  readonly body: Bytes;
  readonly headers: CachingFields;
  /** What this visitor gets instead. */
  readonly bodyFor?: (visitor: string) => Bytes;
}

export class SimOrigin {
  readonly #timeline: Timeline;
  readonly #trace: Trace;
  readonly #files = new Map<string, SimFile>();
  readonly #sent = new Map<string, ByteCount>();
  readonly #asked = new Map<string, number>();
  readonly #latency: Millis;
  readonly #up: number;
  #freeAt: Millis = 0;
  /** Sends everything whatever part is asked for. */
  ignoresRange = false;
  /** `stall`: accepts and says nothing. */
  behaviour: "well" | "refuse" | "stall" | { readonly status: number } = "well";

  constructor(timeline: Timeline, trace: Trace, wire: { up: number; latency: Millis }) {
    this.#timeline = timeline;
    this.#trace = trace;
    this.#up = wire.up;
    this.#latency = wire.latency;
  }

  /** `headers`: beside its ETag and the Date of the moment. */
  put(url: string, body: Bytes, headers: CachingFields = {}): void {
    const etag = `"${base64url(sha256(body)).slice(0, 22)}"`;
    this.#files.set(url, { body, headers: { etag, ...headers } });
  }
  /** Answers differently to each visitor, as by a cookie. */
  personalise(url: string, bodyFor: (visitor: string) => Bytes, headers: CachingFields = {}): void {
    this.#files.set(url, { body: bodyFor(""), headers, bodyFor });
  }
  body(url: string): Bytes | undefined {
    return this.#files.get(url)?.body;
  }
  sent(url: string): ByteCount {
    return this.#sent.get(url) ?? 0;
  }

  /** How often, be it to hear that nothing has changed. */
  asked(url: string): number {
    return this.#asked.get(url) ?? 0;
  }

  /** The port as one node sees it. */
  for(node: Node): Origin {
    return { read: (request, listener) => this.#read(node, request, listener) };
  }

  #read(node: Node, { url, range, unless }: OriginRequest, listener: OriginListener): Cancel {
    let over = false;
    const later = (delay: Millis, task: () => void): void => {
      this.#timeline.at(this.#timeline.now + delay, () => {
        if (!over && !node.gone) task();
      });
    };
    const trip = node.wire.latency + wayBetween(node.place, HOME_PLACE) + this.#latency;
    const end = (outcome: Parameters<OriginListener["end"]>[0]): void => {
      if (over) return;
      over = true;
      listener.end(outcome);
    };
    this.#trace.add(this.#timeline.now, node.name, "read", `${url} ${JSON.stringify(range)}`);
    this.#asked.set(url, this.asked(url) + 1);
    const { behaviour } = this;
    const file = this.#files.get(url);
    const body = file?.bodyFor?.(node.name) ?? file?.body;
    const headers: CachingFields = { ...file?.headers, date: httpDate(this.#timeline.now) };
    const { first, last } = range === "whole" ? { first: 0, last: (body?.length ?? 0) - 1 } : range;
    if (behaviour !== "well") this.#trace.add(this.#timeline.now, node.name, "origin failed");
    if (behaviour === "refuse") later(trip, () => end({ kind: "unreachable" }));
    else if (typeof behaviour === "object") {
      later(2 * trip, () => end({ kind: "status", status: behaviour.status }));
    } else if (body === undefined) later(2 * trip, () => end({ kind: "status", status: 404 }));
    else if (behaviour === "well" && unless?.etag !== undefined && unless.etag === headers.etag) {
      later(2 * trip, () => end({ kind: "status", status: 304, headers }));
    } else if (range !== "whole" && first >= body.length) {
      later(2 * trip, () => end({ kind: "status", status: 416 }));
    } else if (behaviour === "well") {
      later(2 * trip, () => {
        const unranged = this.ignoresRange && range !== "whole";
        const part = unranged ? body : body.subarray(first, last + 1);
        listener.start({
          offset: unranged ? 0 : first,
          total: body.length,
          headers,
          ...(unranged ? { unranged } : {}),
        });
        this.#send(node, url, part, later, listener, end);
      });
    }
    return () => {
      over = true;
    };
  }

  #send(
    node: Node,
    url: string,
    rest: Bytes,
    later: (delay: Millis, task: () => void) => void,
    listener: OriginListener,
    end: OriginListener["end"],
  ): void {
    if (this.behaviour !== "well") return end({ kind: "unreachable" });
    if (rest.length === 0) return end({ kind: "complete" });
    const slice = rest.slice(0, SLICE);
    const { now } = this.#timeline;
    this.#freeAt = Math.max(now, this.#freeAt) + (slice.length * 1000) / this.#up;
    this.#sent.set(url, this.sent(url) + slice.length);
    const reachesAt = this.#freeAt + (slice.length * 1000) / node.wire.down;
    later(reachesAt - now, () => {
      later(node.pull(slice.length) - this.#timeline.now, () => {
        listener.bytes(slice);
        // What the listener did may have ended the read; `later` then does nothing.
        later(0, () => this.#send(node, url, rest.subarray(slice.length), later, listener, end));
      });
    });
  }
}
