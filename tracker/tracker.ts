// The tracker core: who is here, who meets whom, and whose signals pass. It receives texts and an outbox and has never
// met a socket, a clock or a database, so the simulator runs this very file. It never trusts what it is told beyond
// the bounds in `limits`, never sees content, and its work per message does not grow with the swarm.

import type { Card, Cluster, ClusterListener, Letter, NodeId } from "./cluster/cluster.ts";
import { Household } from "./household.ts";
import type { Limits } from "./limits.ts";
import { Meetings, type Message } from "./meetings.ts";
import { type Birth, Guest, Peer } from "./peer.ts";
import type { Bytes } from "./protocol/bytes.ts";
import type { PeerId } from "./protocol/ids.ts";
import {
  type ClientMessage,
  PROTOCOL_VERSION,
  parseClientMessage,
  type RefusalCode,
  type Servers,
  type TrackerMessage,
} from "./protocol/messages.ts";
import { MAX_PURGES_PER_MESSAGE, type PurgeRecord, type PurgesKnown } from "./protocol/purge.ts";
import type { Where } from "./region/where.ts";
import { type Operation, Tally, type Totals } from "./tally.ts";

/** Milliseconds that only go forward. */
export interface Clock {
  now(): number;
}
export interface Random {
  /** Uniform in [0, 1). */
  unit(): number;
  /** Unpredictable to others: session ids are made of it. */
  bytes(count: number): Bytes;
}
/** `silent`: nothing was heard for too long, so there is nobody to tell. */
export type DropReason = RefusalCode | "silent";
export interface Outbox<Connection> {
  send(to: Connection, message: TrackerMessage): void;
  /** The core is done with the connection and has told it why. `left` may follow or not. */
  drop(connection: Connection, reason: DropReason, detail: string): void;
}
export interface Purges {
  readonly known: PurgesKnown;
  /** What is new to somebody who knows this much, a message's worth each. */
  since(known: PurgesKnown | undefined): Iterable<readonly PurgeRecord[]>;
}
export interface TrackerNeeds<Connection> {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: Random;
  readonly outbox: Outbox<Connection>;
  /** What the secret of a `hello` proves; the text is already known to be one. */
  peerIdOf(secret: string): PeerId;
  /** What a page is told of servers for its links; asked for each. */
  servers?(): Servers;
  /** What the operator has purged. Left out: nothing is ever purged. */
  readonly purges?: Purges;
  /** What is wrong with a join token, or `undefined` when it admits to the site. Left out: none is needed. */
  lacks?(token: string | undefined, site: string): string | undefined;
  /** The other trackers of the same swarms. Left out: there are none. */
  readonly cluster?: Cluster | undefined;
}

/** `Connection` is whatever the host says it is: a socket in production, an object in a test. */
export class Tracker<Connection extends object> implements ClusterListener {
  readonly #needs: TrackerNeeds<Connection>;
  readonly #guests = new Map<Connection, Guest<Connection>>();
  readonly #peers = new Map<PeerId, Peer<Connection>>();
  readonly #tally = new Tally();
  readonly #meetings: Meetings<Connection>;

  constructor(needs: TrackerNeeds<Connection>) {
    this.#needs = needs;
    this.#meetings = new Meetings({
      limits: needs.limits,
      random: needs.random,
      tally: this.#tally,
      cluster: needs.cluster,
      now: () => needs.clock.now(),
      peer: (id) => this.#peers.get(id),
      send: (peer, message) => this.#send(peer, message),
      offended: (peer, code, detail) => this.#offended(peer.guest, code, detail),
    });
  }

  /** Connections that share an address share a `household`, so that together they have no more than it allows. */
  arrived(connection: Connection, where: Where, household?: Household): void {
    const birth = this.#birth();
    const from = {
      where,
      household: household ?? new Household(birth.limits.household, birth.now),
    };
    this.#guests.set(connection, new Guest(connection, from, birth));
  }

  /** One message. What comes from a connection that never arrived, was dropped or left is ignored. */
  receive(connection: Connection, text: string): void {
    const guest = this.#guests.get(connection);
    if (guest === undefined) return;
    const now = this.#needs.clock.now();
    guest.heardAt = now;
    if (!guest.mayHear(text.length, now)) {
      this.#offended(guest, "rate", "too many messages");
      return;
    }
    const parsed = parseClientMessage(text);
    if (!parsed.ok) this.#offended(guest, parsed.code, parsed.detail);
    else if (guest.peer !== undefined) this.#told(guest.peer, parsed.message, now);
    else if (parsed.message.type === "hello") this.#hello(guest, parsed.message, now);
    else this.#refuseAndDrop(guest, "hello-first", "the first message is hello");
  }

  /** The operator has redrawn the map: the same connection is elsewhere now. Its links and sessions stay. */
  moved(connection: Connection, where: Where): void {
    const guest = this.#guests.get(connection);
    if (guest === undefined) return;
    const before = guest.where.label;
    guest.where = where;
    if (guest.peer === undefined) return;
    this.#tally.went(before);
    this.#tally.came(where.label);
    this.#meetings.moved(guest.peer, this.#needs.clock.now());
  }

  /** What came is no message at all, so that the host ends the connection by itself. `left` may follow or not. */
  broke(connection: Connection, code: "malformed" | "too-large"): void {
    const guest = this.#guests.get(connection);
    if (guest === undefined) return;
    this.#tally.offended(code);
    guest.household.strike(this.#needs.clock.now());
    this.#forget(guest);
  }

  /** The connection is gone. */
  left(connection: Connection): void {
    const guest = this.#guests.get(connection);
    if (guest !== undefined) this.#forget(guest);
  }

  /** Expires what is over. The host decides how often; every few seconds is right. */
  sweep(): void {
    const { limits, clock } = this.#needs;
    const now = clock.now();
    const silence = limits.heartbeatMs * limits.silentHeartbeats;
    for (const guest of this.#guests.values()) {
      const unheard = now - guest.heardAt;
      if (guest.peer === undefined && unheard > limits.helloWithinMs) {
        this.#refuseAndDrop(guest, "hello-first", "no hello came");
      } else if (unheard > silence) {
        this.#forget(guest);
        this.#needs.outbox.drop(guest.connection, "silent", "nothing was heard");
      }
    }
    this.#meetings.sweep(now);
  }

  /** Tells everybody what was purged just now. How many were told. */
  purged(records: readonly PurgeRecord[]): number {
    for (let at = 0; at < records.length; at += MAX_PURGES_PER_MESSAGE) {
      const some = records.slice(at, at + MAX_PURGES_PER_MESSAGE);
      for (const peer of this.#peers.values()) this.#send(peer, { type: "purged", records: some });
    }
    return this.#peers.size;
  }

  /** Says goodbye to everybody, each with its own moment to return, so that they do not come back as one. */
  drain(retryAfterMs: number): void {
    for (const { connection } of this.#guests.values()) {
      const spread = Math.round(retryAfterMs * (0.5 + this.#needs.random.unit()));
      this.#needs.outbox.send(connection, { type: "bye", retryAfterMs: spread });
    }
  }

  card(id: PeerId): Card | undefined {
    const peer = this.#peers.get(id);
    if (peer === undefined) return undefined;
    const room = peer.room(this.#needs.clock.now());
    const { levels, swarms, guest } = peer;
    return { levels, swarms, room, region: guest.where.region };
  }

  peers(): Iterable<PeerId> {
    return this.#peers.keys();
  }

  heard(from: NodeId, letter: Letter): void {
    switch (letter.type) {
      case "parted":
        for (const id of letter.from) this.#peers.get(id)?.known.part(letter.peer);
        break;
      case "accused":
        this.#accused(letter.peer, letter.household);
        break;
      case "replaced": {
        const guest = this.#peers.get(letter.peer)?.guest;
        if (guest !== undefined) this.#refuseAndDrop(guest, "replaced", "connected again");
        break;
      }
      default:
        this.#meetings.heard(from, letter);
    }
  }

  lost(node: NodeId): void {
    this.#meetings.lost(node);
  }

  /** Introductions under way or just over. */
  get sessions(): number {
    return this.#meetings.sessions;
  }

  operation(): Operation {
    return this.#tally.operation();
  }

  totals(): Totals {
    return this.#tally.totals({ peers: this.#peers.size, swarms: this.#meetings.swarms });
  }

  #told(peer: Peer<Connection>, message: ClientMessage, now: number): void {
    switch (message.type) {
      case "hello":
        this.#offended(peer.guest, "malformed", "hello is said once");
        break;
      case "announce":
        this.#meetings.announce(peer, message, now);
        break;
      case "leave":
        this.#meetings.leave(peer, message, now);
        break;
      case "signal":
        this.#meetings.signal(peer, message);
        break;
      case "ended":
        this.#meetings.ended(peer, message, now);
        break;
      case "report":
        this.#report(peer, message, now);
        break;
      case "ping":
        this.#send(peer, { type: "pong" });
        break;
    }
  }

  #hello(guest: Guest<Connection>, message: Message<"hello">, now: number): void {
    const { limits, purges } = this.#needs;
    if (message.version !== PROTOCOL_VERSION) {
      this.#refuseAndDrop(guest, "version", `this tracker speaks ${PROTOCOL_VERSION}`);
      return;
    }
    const lacking = this.#needs.lacks?.(message.token, guest.where.site);
    if (lacking !== undefined) {
      this.#refuseAndDrop(guest, "token", lacking);
      return;
    }
    const id = this.#needs.peerIdOf(message.secret);
    const former = this.#peers.get(id)?.guest;
    if (former !== undefined) this.#refuseAndDrop(former, "replaced", "connected again");
    const refinement = message.region?.trim().toLowerCase();
    guest.peer = new Peer(id, { guest, refinement }, { limits, now });
    this.#peers.set(id, guest.peer);
    this.#needs.cluster?.changed(id);
    this.#tally.came(guest.where.label);
    this.#send(guest.peer, {
      type: "welcome",
      version: PROTOCOL_VERSION,
      peer: id,
      region: guest.where.label,
      heartbeatMs: limits.heartbeatMs,
      ...this.#needs.servers?.(),
      ...(purges === undefined ? {} : { purges: purges.known }),
    });
    for (const records of purges?.since(message.purges) ?? []) {
      this.#send(guest.peer, { type: "purged", records });
    }
  }

  #report(peer: Peer<Connection>, message: Message<"report">, now: number): void {
    const { reportedBytesPerSecond, reportedSlack } = this.#needs.limits;
    const { bytes, poisoned } = message;
    const most = ((now - peer.reportedAt) / 1000) * reportedBytesPerSecond + reportedSlack;
    if (Math.max(bytes.cache, bytes.peers, bytes.origin, bytes.uploaded) > most) {
      this.#offended(peer.guest, "malformed", "report.bytes is more than can have moved");
      return;
    }
    peer.reportedAt = now;
    this.#tally.moved(bytes, peer.guest.where.label);
    const { cluster } = this.#needs;
    const household = cluster?.alias(peer.guest.household) ?? peer.guest.household;
    for (const id of new Set(poisoned)) {
      // Only of whom it has met: nobody can speak ill of strangers.
      if (!peer.known.has(id, now)) continue;
      this.#tally.offended("poisoned");
      const node = peer.known.nodeOf(id);
      peer.known.note(id, "poisoned", { now, node });
      if (this.#peers.has(id)) this.#accused(id, household);
      else if (node !== undefined && typeof household === "string") {
        cluster?.send(node, { type: "accused", peer: id, household });
      }
    }
  }

  #accused(id: PeerId, by: Household | string): void {
    const accused = this.#peers.get(id);
    if (accused === undefined) return;
    const now = this.#needs.clock.now();
    if (accused.accused(by)) accused.guest.household.strike(now);
    this.#meetings.seat(accused, now);
  }

  #forget(guest: Guest<Connection>): void {
    this.#guests.delete(guest.connection);
    const { peer } = guest;
    if (peer === undefined) return;
    const now = this.#needs.clock.now();
    this.#peers.delete(peer.id);
    this.#tally.went(guest.where.label);
    const elsewhere = new Map<NodeId, PeerId[]>();
    for (const [id, node] of peer.known.linked(now)) {
      if (node === undefined) this.#peers.get(id)?.known.part(peer.id);
      else elsewhere.set(node, [...(elsewhere.get(node) ?? []), id]);
    }
    for (const [node, from] of elsewhere) {
      this.#needs.cluster?.send(node, { type: "parted", peer: peer.id, from });
    }
    this.#meetings.departed(peer, now);
  }

  /** Refuses; and after too many refusals in a short time, drops. */
  #offended(guest: Guest<Connection>, code: RefusalCode, detail: string): void {
    const now = this.#needs.clock.now();
    if (!guest.offends(now)) {
      this.#tally.offended(code);
      this.#needs.outbox.send(guest.connection, { type: "refused", code, detail });
    } else {
      guest.household.strike(now);
      this.#refuseAndDrop(guest, code, detail);
    }
  }

  #refuseAndDrop(guest: Guest<Connection>, code: RefusalCode, detail: string): void {
    if (code !== "replaced") this.#tally.offended(code);
    this.#forget(guest);
    this.#needs.outbox.send(guest.connection, { type: "refused", code, detail });
    this.#needs.outbox.drop(guest.connection, code, detail);
  }

  #send(peer: Peer<Connection>, message: TrackerMessage): void {
    this.#needs.outbox.send(peer.guest.connection, message);
  }

  #birth(): Birth {
    return { limits: this.#needs.limits, now: this.#needs.clock.now() };
  }
}
