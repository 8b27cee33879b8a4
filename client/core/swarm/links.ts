// The links of this peer: made from introductions, kept while they work, ended when they stall or misbehave. Links
// belong to the peer, not to an asset.

import { type Bytes, fromBase64url } from "../../../tracker/protocol/bytes.ts";
import type { PeerId, Proximity, SessionId } from "../../../tracker/protocol/ids.ts";
import type { Signal, TrackerMessage } from "../../../tracker/protocol/messages.ts";
import type { Violation } from "../events.ts";
import type { Clock, Link, Transport } from "../ports.ts";
import type { Cancel, Millis } from "../vocabulary.ts";
import { RemotePeer, type RemotePeerListener, type RemotePeerNeeds } from "./remote-peer.ts";
import { expendable, poorest, Standing } from "./rotation.ts";

/** Enough sources to fill a home downlink and survive churn; each link costs memory, keep-alives and a port. */
export const WANTED_LINKS = 8;
export const MOST_LINKS = 16;
/**
 * Links in the making at once. Each costs tens of milliseconds of a main thread at both ends, so that six pages which
 * all linked at once had no time to read; one by one the first would come late.
 */
const MOST_ATTEMPTS = 3;
/** ICE either succeeds within a few seconds or not at all; TURN over TCP takes longest. */
const CONNECT_PATIENCE: Millis = 12_000;
const TEND_EVERY: Millis = 5000;
/** A link that does not answer a ping, or takes none of what we send, for this long is dead. */
const DEAD_AFTER: Millis = 15_000;
/** Silences in a row before a link is given up; each rest is twice as long. */
const MOST_STRIKES = 4;
const REST: Millis = 2000;
/** Offenders remembered in a visit; peer ids change with every visit, so more would not help. */
const MOST_BANNED = 256;

export interface LinksNeeds {
  readonly clock: Clock;
  readonly transport: Transport;
  /** Our own id; set before the first introduction. */
  self(): Bytes;
  readonly peer: Pick<
    RemotePeerNeeds,
    "allowance" | "slots" | "read" | "holding" | "pending" | "statement"
  >;
  signal(to: PeerId, session: SessionId, signal: Signal): void;
  /** As many links as are wanted do not do: something is wanted, and more peers may have it than are linked. */
  searching(): boolean;
  /** What became of an introduction. */
  ended(session: SessionId, outcome: "linked" | "failed" | "declined"): void;
  readonly listener: LinksListener;
}
export interface LinksListener
  extends Pick<RemotePeerListener, "ready" | "changed" | "received" | "refused" | "wasted"> {
  left(peer: RemotePeer, reason: "remote" | "failed" | "local" | "violation"): void;
  violated(peer: PeerId, kind: Violation): void;
  /** A link was given up so that a better one may be found. */
  rotated(): void;
  /** Introductions under way became more or fewer. */
  attempted(): void;
}

interface Attempt {
  readonly session: SessionId;
  readonly peer: PeerId;
  readonly proximity: Proximity;
  readonly link: Link;
  readonly startedAt: Millis;
  readonly patience: Cancel;
  /** From the channel's opening until the other side's hello. */
  remote: RemotePeer | null;
}

export class Links {
  readonly #needs: LinksNeeds;
  readonly #peers = new Map<PeerId, RemotePeer>();
  readonly #attempts = new Map<SessionId, Attempt>();
  readonly #banned = new Set<PeerId>();
  /** Other tabs of this visitor, which have what we have. */
  readonly #siblings = new Set<PeerId>();
  #choked = false;
  #tending: Cancel | null = null;
  readonly #standings = new Map<PeerId, Standing>();
  #rotatedAt: Millis = Number.NEGATIVE_INFINITY;
  /** Attempts that came to nothing since the last that did. */
  failures = 0;
  /** All that became of attempts, since the beginning. */
  readonly outcomes = { linked: 0, failed: 0 };

  constructor(needs: LinksNeeds) {
    this.#needs = needs;
  }

  get all(): readonly RemotePeer[] {
    return [...this.#peers.values()];
  }
  get size(): number {
    return this.#peers.size;
  }
  get(peer: PeerId): RemotePeer | undefined {
    return this.#peers.get(peer);
  }
  /** Since when the youngest attempt is under way; `null` when there is none. */
  get attemptingSince(): Millis | null {
    let latest: Millis | null = null;
    for (const { startedAt } of this.#attempts.values())
      latest = Math.max(latest ?? startedAt, startedAt);
    return latest;
  }
  get underWay(): number {
    return this.#attempts.size;
  }
  /** How many more are wanted now to be so many; one beyond the most is for a place that another gives up. */
  wanted(goal: number): number {
    const attempts = this.#attempts.size;
    return Math.max(0, Math.min(MOST_ATTEMPTS - attempts, goal - this.#peers.size - attempts));
  }

  introduced({ session, peer, role, proximity }: TrackerMessage & { type: "introduce" }): void {
    const known = this.#peers.has(peer) || this.#attempting(peer) || this.#siblings.has(peer);
    if (known || this.#banned.has(peer) || this.#attempts.has(session) || !this.#hasRoom()) {
      return this.#needs.ended(session, "declined");
    }
    const { clock, transport } = this.#needs;
    const link = transport.open(role, {
      signal: (signal) => this.#needs.signal(peer, session, signal),
      open: () => this.#opened(session),
      frame: (bytes) => this.#remote(session, peer)?.frame(bytes),
      drain: () => this.#remote(session, peer)?.drain(),
      closed: (reason) => {
        const remote = this.#remote(session, peer);
        if (remote === undefined) this.#failed(session);
        else remote.lost(reason);
      },
    });
    const patience = clock.after(CONNECT_PATIENCE, () => this.#failed(session));
    const startedAt = clock.now();
    this.#attempts.set(session, {
      session,
      peer,
      proximity,
      link,
      startedAt,
      patience,
      remote: null,
    });
    this.#needs.listener.attempted();
  }

  signalled({ session, from, signal }: TrackerMessage & { type: "signal" }): void {
    const attempt = this.#attempts.get(session);
    if (attempt?.peer === from) attempt.link.accept(signal);
  }

  gone(session: SessionId): void {
    this.#failed(session);
  }

  /** Silent: not asked for a while; given up when it happens again and again. */
  rest(peer: RemotePeer): void {
    peer.strikes++;
    peer.restUntil = this.#needs.clock.now() + REST * 2 ** (peer.strikes - 1);
    if (peer.strikes >= MOST_STRIKES) this.#end(peer, "failed");
  }

  /** Closes a peer for what it did, and never speaks to it again in this visit. */
  ban(peer: PeerId, kind: Violation): void {
    this.#banned.add(peer);
    for (const oldest of this.#banned) {
      if (this.#banned.size <= MOST_BANNED) break;
      this.#banned.delete(oldest);
    }
    this.#needs.listener.violated(peer, kind);
    const remote = this.#peers.get(peer);
    if (remote !== undefined) this.#end(remote, "violation");
  }

  /** Another tab of this visitor: no link to it is made, and one that was made is closed. */
  avoid(peer: PeerId): void {
    this.#siblings.add(peer);
    for (const attempt of [...this.#attempts.values()]) {
      if (attempt.peer !== peer) continue;
      this.#needs.ended(attempt.session, "declined");
      this.#abandon(attempt.session);
    }
    const remote = this.#peers.get(peer);
    remote?.close("useless");
    if (remote !== undefined) this.#forget(remote, "local");
  }

  choke(on: boolean): void {
    this.#choked = on;
    for (const peer of this.#peers.values()) peer.choke(on);
  }

  closeAll(): void {
    for (const session of [...this.#attempts.keys()]) this.#abandon(session);
    for (const peer of this.all) {
      peer.close("closing");
      this.#forget(peer, "local");
    }
    this.#tending?.();
    this.#tending = null;
  }

  /** For one attempt more: a free place, or one whose link may end once the attempt has succeeded. */
  #hasRoom(): boolean {
    const taken = this.#peers.size + this.#attempts.size;
    if (taken < MOST_LINKS) return true;
    const now = this.#needs.clock.now();
    const spare = expendable(this.#standings.values(), { now, rotatedAt: this.#rotatedAt });
    if (taken >= MOST_LINKS + Math.min(spare.length, MOST_ATTEMPTS)) return false;
    if (spare[0]?.idle === false) this.#rotatedAt = now;
    return true;
  }

  /** A newcomer's link stands: the one it was let in for goes. */
  #makeRoom(): void {
    if (this.#peers.size <= MOST_LINKS) return;
    const rotating = { now: this.#needs.clock.now(), rotatedAt: Number.NEGATIVE_INFINITY };
    const [first] = expendable(this.#standings.values(), rotating);
    if (first !== undefined) this.#giveUp(first);
  }

  #giveUp({ peer }: Standing): void {
    const remote = this.#peers.get(peer);
    if (remote === undefined) return;
    remote.close("useless");
    this.#forget(remote, "local");
  }

  #attempting(peer: PeerId): boolean {
    for (const attempt of this.#attempts.values()) if (attempt.peer === peer) return true;
    return false;
  }

  #remote(session: SessionId, peer: PeerId): RemotePeer | undefined {
    return this.#attempts.get(session)?.remote ?? this.#peers.get(peer);
  }

  #opened(session: SessionId): void {
    const attempt = this.#attempts.get(session);
    if (attempt === undefined) return;
    const { clock, listener, peer } = this.#needs;
    attempt.remote = new RemotePeer({
      ...peer,
      clock,
      link: attempt.link,
      self: this.#needs.self(),
      peer: attempt.peer,
      peerBytes: fromBase64url(attempt.peer) ?? new Uint8Array(0),
      proximity: attempt.proximity,
      listener: {
        ready: (remote) => this.#ready(session, remote),
        changed: listener.changed,
        received: listener.received,
        refused: listener.refused,
        wasted: listener.wasted,
        ended: (remote, how) => {
          this.#failed(session);
          if (typeof how === "object") {
            this.ban(remote.id, how.violation);
            // Its link is closed already: only the books are left to close.
            this.#forget(remote, "violation");
          } else this.#forget(remote, how);
        },
      },
    });
  }

  #ready(session: SessionId, remote: RemotePeer): void {
    const attempt = this.#attempts.get(session);
    if (attempt === undefined) return;
    attempt.patience();
    this.#attempts.delete(session);
    this.failures = 0;
    this.outcomes.linked++;
    this.#peers.set(remote.id, remote);
    const { id, proximity } = remote;
    this.#standings.set(id, new Standing(id, proximity, this.#needs.clock.now()));
    this.#makeRoom();
    remote.choke(this.#choked);
    this.#needs.ended(session, "linked");
    this.#needs.listener.ready(remote);
    this.#tending ??= this.#needs.clock.after(TEND_EVERY, () => this.#tend());
  }

  #failed(session: SessionId): void {
    if (!this.#attempts.has(session)) return;
    this.failures++;
    this.outcomes.failed++;
    this.#needs.ended(session, "failed");
    this.#abandon(session);
    this.#needs.listener.attempted();
  }

  #abandon(session: SessionId): void {
    const attempt = this.#attempts.get(session);
    if (attempt === undefined) return;
    this.#attempts.delete(session);
    attempt.patience();
    attempt.remote?.close();
    attempt.link.close();
  }

  #end(remote: RemotePeer, reason: "failed" | "violation"): void {
    remote.close(reason === "failed" ? "useless" : undefined);
    this.#forget(remote, reason);
  }

  #forget(remote: RemotePeer, reason: "remote" | "failed" | "local" | "violation"): void {
    if (this.#peers.get(remote.id) !== remote) return;
    this.#peers.delete(remote.id);
    this.#standings.delete(remote.id);
    this.#needs.listener.left(remote, reason);
  }

  #tend(): void {
    const now = this.#needs.clock.now();
    for (const peer of this.all) {
      const stuck = peer.stuckSince !== null && now - peer.stuckSince > DEAD_AFTER;
      const mute = peer.pingedAt !== null && now - peer.pingedAt > DEAD_AFTER;
      this.#standings.get(peer.id)?.look(peer.bytesDown + peer.bytesUp);
      if (stuck || mute) this.#end(peer, "failed");
      else peer.ping();
    }
    this.#rotate(now);
    this.#tending =
      this.#peers.size === 0 ? null : this.#needs.clock.after(TEND_EVERY, () => this.#tend());
  }

  #rotate(now: Millis): void {
    if (!this.#needs.searching()) return;
    const poor = poorest(this.#standings.values(), { now, rotatedAt: this.#rotatedAt });
    if (poor === undefined) return;
    this.#rotatedAt = now;
    this.#giveUp(poor);
    this.#needs.listener.rotated();
  }
}
