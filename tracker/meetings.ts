// Who meets whom: swarms joined and left, introductions begun and ended, signals passed between the two they concern.
// Owns the roster and the sessions. Knows peers, not connections' rights: what an offence leads to is the tracker's business.

import { type Introduction, introduce } from "./introduce.ts";
import type { Limits } from "./limits.ts";
import type { Peer } from "./peer.ts";
import type { Bytes } from "./protocol/bytes.ts";
import { SESSION_ID_BYTES, type SwarmId, sessionIdFrom } from "./protocol/ids.ts";
import type { ClientMessage, RefusalCode, TrackerMessage } from "./protocol/messages.ts";
import { levelsOf, mayMeet } from "./region/where.ts";
import { MemoryRoster } from "./roster/memory.ts";
import type { Roster } from "./roster/roster.ts";
import { type Session, Sessions } from "./sessions.ts";
import type { Tally } from "./tally.ts";

export interface MeetingsNeeds<Connection> {
  readonly limits: Limits;
  readonly random: { unit(): number; bytes(count: number): Bytes };
  readonly tally: Tally;
  send(to: Peer<Connection>, message: TrackerMessage): void;
  offended(peer: Peer<Connection>, code: RefusalCode, detail: string): void;
}

export type Message<Type extends ClientMessage["type"]> = Extract<ClientMessage, { type: Type }>;

export class Meetings<Connection extends object> {
  readonly #needs: MeetingsNeeds<Connection>;
  readonly #roster: Roster<Peer<Connection>> = new MemoryRoster();
  readonly #sessions: Sessions<Peer<Connection>>;
  /** Peers that take no introductions for now; time alone may open them again, so `sweep` looks. */
  readonly #closed = new Set<Peer<Connection>>();

  constructor(needs: MeetingsNeeds<Connection>) {
    this.#needs = needs;
    this.#sessions = new Sessions(needs.limits);
  }

  get swarms(): number {
    return this.#roster.swarms;
  }

  announce(peer: Peer<Connection>, message: Message<"announce">, now: number): void {
    if (!peer.mayAnnounce(now)) {
      this.#needs.offended(peer, "rate", "too many announces");
      return;
    }
    const { limits, random } = this.#needs;
    const joined = new Map<SwarmId, string>();
    for (const { swarm, holding } of message.swarms) {
      const key = keyOf(peer, swarm);
      if (!peer.swarms.has(key) && peer.swarms.size >= limits.swarmsPerPeer) continue;
      peer.swarms.set(key, holding);
      joined.set(swarm, key);
    }
    if (message.swarms.some(({ swarm }) => !joined.has(swarm))) {
      // Not an offence: a large page means well, it only may not cost more than its share.
      const detail = `a peer may be in ${limits.swarmsPerPeer} swarms`;
      this.#needs.send(peer, { type: "refused", code: "swarms", detail });
    }
    peer.wish(message.want);
    this.seat(peer, now);
    const picks = this.#choose(peer, joined.values(), now);
    const swarms = [...joined].map(([swarm, key]) => ({
      swarm,
      peers: this.#roster.count(key) - 1,
      holders: this.#roster.holders(key) - (peer.swarms.get(key) === "none" ? 0 : 1),
    }));
    const met = peer.sessions.size + peer.known.linked(now).length + picks.length;
    const more = picks.length < message.want && swarms.some(({ peers }) => peers > met);
    const againMs = (more ? limits.againSoonMs : limits.againMs) * (0.8 + 0.4 * random.unit());
    this.#needs.send(peer, {
      type: "announced",
      swarms,
      introductions: picks.length,
      againMs: Math.round(againMs),
    });
    for (const pick of picks) this.#begin(peer, pick, now);
  }

  leave(peer: Peer<Connection>, message: Message<"leave">, now: number): void {
    for (const swarm of message.swarms) {
      const key = keyOf(peer, swarm);
      if (peer.swarms.delete(key)) this.#roster.leave(key, peer);
    }
    for (const session of [...peer.sessions.values()]) {
      const other = otherSide(session, peer);
      if ([...peer.swarms.keys()].some((key) => other.swarms.has(key))) continue;
      this.#close(session, now);
      this.#gone(session, other, now);
    }
    this.seat(peer, now);
  }

  signal(peer: Peer<Connection>, message: Message<"signal">): void {
    const found = this.#sessions.find(message.session, peer);
    // Late candidates of a session that has just ended are nobody's fault and nobody's business.
    if (found.state === "ended") return;
    if (
      found.state === "unknown" ||
      found.other.id !== message.to ||
      !this.#sessions.countSignal(found.session, peer)
    ) {
      this.#needs.offended(peer, "unknown-session", "no such session, or too many signals");
      return;
    }
    const { session, signal } = message;
    this.#needs.send(found.other, { type: "signal", from: peer.id, session, signal });
  }

  ended(peer: Peer<Connection>, message: Message<"ended">, now: number): void {
    const found = this.#sessions.find(message.session, peer);
    if (found.state === "unknown") {
      this.#needs.offended(peer, "unknown-session", "no such session");
      return;
    }
    const { session, other } = found;
    const { outcome } = message;
    if (found.state === "ended") {
      // Both sides say how it ended. Whoever says it failed is right: a link needs two.
      if (outcome !== "linked") this.#note(session, outcome, now);
      return;
    }
    if (outcome === "linked") {
      this.#close(session, now);
      this.#note(session, outcome, now);
      this.#needs.tally.links.linked++;
    } else {
      this.#fail(session, outcome, now);
      if (outcome === "declined") peer.full();
      this.#needs.send(other, { type: "gone", session: session.id });
    }
    this.seat(peer, now);
    this.seat(other, now);
    if (outcome === "declined") this.#replace(other, now);
  }

  /** The peer is gone for good; whoever was about to meet it is told. */
  departed(peer: Peer<Connection>, now: number): void {
    peer.present = false;
    this.#closed.delete(peer);
    for (const key of peer.swarms.keys()) this.#roster.leave(key, peer);
    for (const session of [...peer.sessions.values()]) {
      this.#close(session, now);
      this.#gone(session, otherSide(session, peer), now);
    }
  }

  /** The peer's place has changed: it leaves its groups for those of the new one. */
  moved(peer: Peer<Connection>, now: number): void {
    for (const key of peer.swarms.keys()) this.#roster.leave(key, peer);
    peer.levels = levelsOf(peer.guest.where, peer.refinement);
    this.seat(peer, now);
  }

  sweep(now: number): void {
    for (const session of this.#sessions.expire(now)) this.#fail(session, "failed", now);
    for (const peer of this.#closed) this.seat(peer, now);
  }

  #choose(
    peer: Peer<Connection>,
    keys: Iterable<string>,
    now: number,
  ): Introduction<Peer<Connection>>[] {
    const swarms = [...keys].map((key) => ({ key, seed: peer.swarms.get(key) === "all" }));
    const want = Math.min(peer.wanting, peer.capacity(now));
    if (want === 0 || swarms.length === 0) return [];
    const links = peer.sessions.size + peer.known.linked(now).length;
    const { newcomerLinks } = this.#needs.limits;
    return introduce(
      {
        self: peer,
        swarms,
        want,
        // Never none, or the last to arrive in a settled swarm would stay a little poorer than the rest for good.
        spare: Math.max(1, newcomerLinks - links),
        alone: links === 0,
        roster: this.#roster,
        suits: (other) =>
          mayMeet(peer.guest.where, other.guest.where) &&
          !peer.sessions.has(other.id) &&
          !peer.known.has(other.id, now) &&
          !other.known.has(peer.id, now),
      },
      this.#needs.random,
    );
  }

  /** Whoever asked makes the offer: it is awake, and the other side may be a tab in the background. */
  #begin(offerer: Peer<Connection>, pick: Introduction<Peer<Connection>>, now: number): void {
    const { member: answerer, proximity } = pick;
    const id = sessionIdFrom(this.#needs.random.bytes(SESSION_ID_BYTES));
    const session = this.#sessions.open(id, offerer, answerer, now);
    offerer.sessions.set(answerer.id, session);
    answerer.sessions.set(offerer.id, session);
    this.#needs.tally.introductions++;
    for (const [peer, other] of [
      [offerer, answerer],
      [answerer, offerer],
    ] as const) {
      peer.introduced(now);
      this.seat(peer, now);
      const role = peer === offerer ? "offerer" : "answerer";
      this.#needs.send(peer, { type: "introduce", peer: other.id, session: id, role, proximity });
    }
  }

  /** One other, for one that was full. */
  #replace(peer: Peer<Connection>, now: number): void {
    const [pick] = this.#choose(peer, peer.swarms.keys(), now);
    if (pick !== undefined) this.#begin(peer, pick, now);
  }

  #close(session: Session<Peer<Connection>>, now: number): void {
    this.#sessions.end(session, now);
    session.offerer.sessions.delete(session.answerer.id);
    session.answerer.sessions.delete(session.offerer.id);
  }

  #fail(session: Session<Peer<Connection>>, ending: "failed" | "declined", now: number): void {
    this.#close(session, now);
    this.#note(session, ending, now);
    this.#needs.tally.links[ending]++;
    for (const peer of [session.offerer, session.answerer]) {
      peer.disappointed();
      this.seat(peer, now);
    }
  }

  #gone(session: Session<Peer<Connection>>, left: Peer<Connection>, now: number): void {
    left.disappointed();
    this.seat(left, now);
    this.#needs.send(left, { type: "gone", session: session.id });
  }

  #note(
    { offerer, answerer }: Session<Peer<Connection>>,
    ending: "linked" | "failed" | "declined",
    now: number,
  ): void {
    offerer.known.note(answerer.id, ending, now);
    answerer.known.note(offerer.id, ending, now);
  }

  /** Brings the roster in line with what the peer holds and takes. */
  seat(peer: Peer<Connection>, now: number): void {
    if (!peer.present) return;
    const room = peer.room(now);
    if (room === "closed") this.#closed.add(peer);
    else this.#closed.delete(peer);
    for (const [key, holding] of peer.swarms) {
      this.#roster.seat(key, peer, { seed: holding === "all", holds: holding !== "none", room });
    }
  }
}

/** Swarms are a site's own: the same id on two sites is two swarms. */
const keyOf = <Connection>(peer: Peer<Connection>, swarm: SwarmId): string =>
  `${peer.guest.where.site}\n${swarm}`;

const otherSide = <Connection>(
  session: Session<Peer<Connection>>,
  peer: Peer<Connection>,
): Peer<Connection> => (session.offerer === peer ? session.answerer : session.offerer);
