// Another browser at the other end of a link: what it holds, what it wants, what is asked of it and what it is asked.
// Speaks the wire protocol and judges the other side's use of it; decides nothing about whom to ask for what.
//
// 1. Nothing counts before its hello, which must carry the id that the tracker introduced.
// 2. What it sends must have been asked for; a chunk is handed on whole and unverified.
// 3. The first breach of the protocol ends the link, and is reported once.

import { type Bytes, sameBytes } from "../../../tracker/protocol/bytes.ts";
import type { PeerId, Proximity } from "../../../tracker/protocol/ids.ts";
import type { Violation } from "../events.ts";
import { seedOf } from "../retrieve/election.ts";
import type { ByteCount, Content, ContentId, Millis } from "../vocabulary.ts";
import { decode, encodeControl } from "../wire/codec.ts";
import {
  type ByeReason,
  type ControlMessage,
  type DeltaKind,
  MAX_REQUESTS,
  type RejectReason,
  WIRE_VERSION,
} from "../wire/messages.ts";
import { ControlOrder } from "../wire/order.ts";
import { Availability } from "./availability.ts";
import { Descriptions, type DescriptionsNeeds } from "./descriptions.ts";
import { Throughput } from "./estimate.ts";
import { Giving, type GivingNeeds } from "./giving.ts";
import { Requests } from "./requests.ts";
import { RoundTrip } from "./round-trip.ts";

export interface RemotePeerNeeds extends Omit<GivingNeeds, "say" | "theyHave"> {
  readonly self: Bytes;
  readonly peer: PeerId;
  readonly peerBytes: Bytes;
  readonly proximity: Proximity;
  readonly statement: DescriptionsNeeds["statement"];
  readonly listener: RemotePeerListener;
}

export interface RemotePeerListener {
  /** The link may be used. */
  ready(peer: RemotePeer): void;
  /** It holds, wants or allows something else than before: plan again. */
  changed(peer: RemotePeer): void;
  /** A whole chunk, not verified. */
  received(peer: RemotePeer, content: ContentId, index: number, bytes: Bytes): void;
  /** It will not send this chunk. */
  refused(peer: RemotePeer, content: ContentId, index: number): void;
  /** Bytes came that nobody waits for any more. */
  wasted(bytes: ByteCount): void;
  ended(peer: RemotePeer, how: "remote" | "failed" | { readonly violation: Violation }): void;
}

/** A peer that is busy is asked again after this; it says when it chokes, so this only bridges a moment. */
const REST_MS = 1000;
/** Beyond a second's round trip a link is slow, not far. */
const MOST_WAY: Millis = 1000;

export class RemotePeer {
  readonly id: PeerId;
  readonly proximity: Proximity;
  readonly seed: number;
  readonly #needs: RemotePeerNeeds;
  readonly #order = new ControlOrder();
  readonly #giving: Giving;
  /** For asking what a URL is. */
  readonly descriptions: Descriptions;
  #sequence = 0;
  #ready = false;
  #closed = false;
  #theirRequests = 1;
  /** It serves nobody just now. */
  choking = false;

  readonly #availability = new Availability();
  readonly #requests: Requests;
  #down = 0;

  readonly throughput = new Throughput();
  readonly #roundTrip = new RoundTrip();
  /** Not asked before then: it was silent or refused. */
  restUntil: Millis = 0;
  strikes = 0;

  constructor(needs: RemotePeerNeeds) {
    this.#needs = needs;
    this.#requests = new Requests(needs.link);
    this.id = needs.peer;
    this.proximity = needs.proximity;
    this.seed = seedOf(needs.peer);
    const { allowance } = needs;
    this.#giving = new Giving({
      ...needs,
      say: (message) => this.#say(message),
      theyHave: (content, index) => this.has(content, index),
    });
    this.descriptions = new Descriptions({
      say: (message) => this.#say(message),
      statement: needs.statement,
      give: (bytes) => !this.#giving.choked && !allowance.exhausted && allowance.take(bytes) === 0,
    });
    this.#say({ type: "hello", version: WIRE_VERSION, peer: needs.self, requests: MAX_REQUESTS });
  }

  get ready(): boolean {
    return this.#ready && !this.#closed;
  }
  get rttMs(): Millis | null {
    return this.#roundTrip.ms;
  }
  get bytesDown(): ByteCount {
    return this.#down;
  }
  get bytesUp(): ByteCount {
    return this.#giving.uploaded;
  }

  /** Asks about a content, and to be told of changes. Nothing happens when it is asked already. */
  ask(content: Content): void {
    if (!this.ready) return;
    const handle = this.#availability.ask(content, this.#needs.clock.now());
    if (handle !== undefined) this.#say({ type: "ask", handle, content: content.idBytes });
  }

  drop(content: ContentId): void {
    const handle = this.#availability.drop(content);
    if (handle !== undefined) this.#say({ type: "drop", handle });
  }

  awaitedSince(content: ContentId): Millis | "answered" | "unasked" {
    return this.#availability.awaitedSince(content);
  }
  answerBy(content: ContentId): Millis {
    return this.#availability.answerBy(content, this.rttMs);
  }
  mayHold(content: ContentId): boolean {
    return this.#availability.mayHold(content);
  }
  has(content: ContentId, index: number): boolean {
    return this.#availability.has(content, index);
  }
  pendingSince(content: ContentId, index: number): Millis | undefined {
    return this.#availability.pendingSince(content, index);
  }
  wants(content: ContentId): boolean {
    return this.#giving.wants(content);
  }

  /** Tells it what changed here, if it asked about this content. */
  tell(content: ContentId, kind: DeltaKind, indices: readonly number[]): void {
    this.#giving.tell(content, kind, indices);
  }
  choke(on: boolean): void {
    this.#giving.choke(on);
  }

  get openRequests(): number {
    return this.#requests.count;
  }
  get requestLimit(): number {
    return Math.min(MAX_REQUESTS, this.#theirRequests);
  }

  request(content: Content, index: number): void {
    const handle = this.#availability.handleOf(content.id);
    if (handle === undefined || !this.ready) return;
    const request = this.#requests.add(content, index, this.#needs.clock.now());
    this.#say({ type: "request", request, handle, index });
  }

  cancel(content: ContentId, index: number): void {
    const { requests, received } = this.#requests.cancel(content, index);
    for (const request of requests) this.#say({ type: "cancel", request });
    if (received > 0) this.#needs.listener.wasted(received);
  }

  silentFor(now: Millis): Millis {
    return this.#requests.silentFor(now);
  }
  /** A long way adds to it, but never more than a second. */
  get patience(): Millis {
    return this.#requests.patience + Math.min(MOST_WAY, this.rttMs ?? 0);
  }
  get owed(): ByteCount {
    return this.#requests.owed;
  }
  /** Since when our own data has been stuck at its end. */
  get stuckSince(): Millis | null {
    return this.#giving.stuckSince;
  }

  ping(): void {
    if (!this.ready) return;
    const nonce = this.#roundTrip.begin(this.#needs.clock.now());
    if (nonce !== undefined) this.#say({ type: "ping", nonce });
  }
  /** Since when a ping has been out. */
  get pingedAt(): Millis | null {
    return this.#roundTrip.since;
  }

  frame(bytes: Bytes): void {
    if (this.#closed) return;
    const violation = this.#read(bytes);
    if (violation === undefined) return;
    this.close();
    this.#needs.listener.ended(this, { violation });
  }

  drain(): void {
    this.#giving.drain();
  }

  /** The transport says that the link is over. */
  lost(reason: "remote" | "failed"): void {
    if (this.#closed) return;
    this.#free();
    this.#needs.listener.ended(this, reason);
  }

  /** Ends the link from this side, saying goodbye if there is time for it. */
  close(reason?: ByeReason): void {
    if (this.#closed) return;
    if (reason !== undefined) this.#say({ type: "bye", reason });
    this.#free();
    this.#needs.link.close();
  }

  #free(): void {
    this.#closed = true;
    this.#giving.close();
    this.descriptions.close();
    const received = this.#requests.clear();
    if (received > 0) this.#needs.listener.wasted(received);
  }

  #say(message: ControlMessage): void {
    if (!this.#closed) this.#needs.link.send(encodeControl(this.#sequence++, message));
  }

  #read(bytes: Bytes): Violation | undefined {
    const decoded = decode(bytes);
    if (!decoded.ok) return decoded.violation;
    const { frame } = decoded;
    if (frame.type === "data") return this.#data(frame.request, frame.part, frame.bytes);
    const messages = this.#order.accept(frame.sequence, frame.message);
    if (messages === "out-of-order") return messages;
    for (const message of messages) {
      const violation = this.#closed ? undefined : this.#control(message);
      if (violation !== undefined) return violation;
    }
    return undefined;
  }

  #data(request: number, part: number, bytes: Bytes): Violation | undefined {
    const { clock, listener } = this.#needs;
    const now = clock.now();
    const outcome = this.#requests.data(request, part, bytes, now);
    if (outcome === "late") {
      listener.wasted(bytes.length);
      return undefined;
    }
    if (typeof outcome === "string" && outcome !== "more") return outcome;
    this.#down += bytes.length;
    this.throughput.arrived(bytes.length, now);
    if (outcome === "more") return undefined;
    const { incoming, chunk } = outcome;
    this.throughput.completed(chunk.length, incoming.askedAt, now);
    if (this.strikes > 0) this.restUntil = now;
    this.strikes = 0;
    listener.received(this, incoming.content, incoming.index, chunk);
    return undefined;
  }

  #control(message: ControlMessage): Violation | undefined {
    if (message.type === "hello") return this.#hello(message);
    if (!this.#ready) return "out-of-order";
    switch (message.type) {
      case "ask":
        return this.#giving.asked(message.handle, message.content) ?? this.#changed();
      case "drop":
        return this.#giving.dropped(message.handle) ?? this.#changed();
      case "availability":
        return this.#informed(
          this.#availability.answer(message.handle, message.count, message.bits),
        );
      case "delta":
        return this.#informed(this.#availability.delta(message, this.#needs.clock.now()));
      case "request":
        return this.#giving.requested(message.request, message.handle, message.index);
      case "reject":
        return this.#rejected(message.request, message.reason);
      case "cancel":
        this.#giving.cancelled(message.request);
        return undefined;
      case "choke":
        this.choking = message.on;
        return this.#changed();
      case "ping":
        this.#say({ type: "pong", nonce: message.nonce });
        return undefined;
      case "pong":
        return this.#roundTrip.end(message.nonce, this.#needs.clock.now());
      case "describe":
      case "description":
        return this.descriptions.heard(message);
      case "bye":
        this.close();
        return this.#over();
    }
  }

  #hello(message: ControlMessage & { type: "hello" }): Violation | undefined {
    if (this.#ready) return "out-of-order";
    if (!sameBytes(message.peer, this.#needs.peerBytes)) return "impostor";
    if (message.version !== WIRE_VERSION) {
      // A newer Shoal is no offender: part as strangers.
      this.close("useless");
      return this.#over();
    }
    this.#theirRequests = message.requests;
    this.#ready = true;
    this.#needs.listener.ready(this);
    this.ping();
    return undefined;
  }

  #over(): undefined {
    this.#needs.listener.ended(this, "remote");
  }
  #changed(): undefined {
    this.#needs.listener.changed(this);
  }

  #informed(outcome: Violation | "late" | "changed"): Violation | undefined {
    if (outcome === "late") return undefined;
    return outcome === "changed" ? this.#changed() : outcome;
  }

  #rejected(request: number, reason: RejectReason): Violation | undefined {
    const incoming = this.#requests.rejected(request);
    if (incoming === "late") return undefined;
    if (incoming === "unasked") return incoming;
    if (incoming.received > 0) this.#needs.listener.wasted(incoming.received);
    // What it refuses as missing it must not be asked for again at once.
    if (reason === "missing") this.#availability.lacks(incoming.content, incoming.index);
    else this.restUntil = this.#needs.clock.now() + REST_MS;
    this.#needs.listener.refused(this, incoming.content, incoming.index);
    return undefined;
  }
}
