// Who meets whom: swarms joined and left, introductions begun and ended, signals passed between the two they concern,
// be the other one here or at another node. Owns the sessions. Knows peers, not connections' rights: what an offence
// leads to is the tracker's business.

import { type Choice, Choosing, type Pick, type Side } from "./choosing.ts";
import type { Cluster, Letter, NodeId, Stranger } from "./cluster/cluster.ts";
import type { Limits } from "./limits.ts";
import type { Peer } from "./peer.ts";
import type { Bytes } from "./protocol/bytes.ts";
import { type PeerId, SESSION_ID_BYTES, type SwarmId, sessionIdFrom } from "./protocol/ids.ts";
import type { ClientMessage, RefusalCode, TrackerMessage } from "./protocol/messages.ts";
import { levelsOf } from "./region/where.ts";
import { type Session, Sessions } from "./sessions.ts";
import type { Tally } from "./tally.ts";

export interface MeetingsNeeds<Connection> {
  readonly limits: Limits;
  readonly random: { unit(): number; bytes(count: number): Bytes };
  readonly tally: Tally;
  readonly cluster?: Cluster | undefined;
  now(): number;
  peer(id: PeerId): Peer<Connection> | undefined;
  send(to: Peer<Connection>, message: TrackerMessage): void;
  offended(peer: Peer<Connection>, code: RefusalCode, detail: string): void;
}

export type Message<Type extends ClientMessage["type"]> = Extract<ClientMessage, { type: Type }>;
/** Letters about a session. */
export type SessionLetter = Exclude<Letter, { type: "parted" | "accused" | "replaced" }>;
type Introduction = Extract<Letter, { type: "introduce" }>;

export class Meetings<Connection extends object> {
  readonly #needs: MeetingsNeeds<Connection>;
  readonly #choosing: Choosing<Connection>;
  readonly #sessions: Sessions<Side<Connection>>;
  /** Peers that take no introductions for now; time alone may open them again, so `sweep` looks. */
  readonly #closed = new Set<Peer<Connection>>();

  constructor(needs: MeetingsNeeds<Connection>) {
    this.#needs = needs;
    this.#choosing = new Choosing(needs);
    this.#sessions = new Sessions(needs.limits);
  }

  get swarms(): number {
    return this.#choosing.swarms;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  announce(peer: Peer<Connection>, message: Message<"announce">, now: number): void {
    if (!peer.mayAnnounce(now)) {
      this.#needs.offended(peer, "rate", "too many announces");
      return;
    }
    const { limits } = this.#needs;
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
    this.#choosing.choose(peer, [...joined.values()], (choice) => {
      this.#announced(peer, joined, { choice, want: message.want });
    });
  }

  #announced(
    peer: Peer<Connection>,
    joined: ReadonlyMap<SwarmId, string>,
    { choice, want }: { readonly choice: Choice<Connection>; readonly want: number },
  ): void {
    const { limits, random } = this.#needs;
    const now = this.#needs.now();
    const { picks, counts } = choice;
    const none = { peers: 0, holders: 0 };
    const swarms = [...joined].map(([swarm, key]) => ({ swarm, ...(counts.get(key) ?? none) }));
    const met = peer.sessions.size + peer.known.linked(now).length + picks.length;
    const more = picks.length < want && swarms.some(({ peers }) => peers > met);
    const againMs = (more ? limits.againSoonMs : limits.againMs) * (0.8 + 0.4 * random.unit());
    this.#needs.send(peer, {
      type: "announced",
      swarms,
      introductions: picks.length,
      againMs: Math.round(againMs),
    });
    for (const pick of picks) this.#begin(peer, pick, choice.alone);
  }

  leave(peer: Peer<Connection>, message: Message<"leave">, now: number): void {
    for (const swarm of message.swarms) {
      const key = keyOf(peer, swarm);
      if (peer.swarms.delete(key)) this.#choosing.leave(peer, [key]);
    }
    for (const session of [...peer.sessions.values()]) {
      const other = otherSide(session, peer);
      // Of a stranger's swarms nothing is known; at worst one link is made that is not needed.
      const keys = [...peer.swarms.keys()];
      if (isHere(other) ? keys.some((key) => other.swarms.has(key)) : keys.length > 0) continue;
      this.#close(session, now);
      this.#tellGone(session, other, now);
    }
    this.seat(peer, now);
  }

  signal(peer: Peer<Connection>, message: Message<"signal">): void {
    const found = this.#sessions.find(message.session, (side) => side === peer);
    // Late candidates of a session that has just ended are nobody's fault and nobody's business.
    if (found.state === "ended") return;
    if (
      found.state === "unknown" ||
      found.other.id !== message.to ||
      !this.#sessions.countSignal(found.session, found.other)
    ) {
      this.#needs.offended(peer, "unknown-session", "no such session, or too many signals");
      return;
    }
    const { session, signal } = message;
    const { other } = found;
    if (isHere(other)) this.#needs.send(other, { type: "signal", from: peer.id, session, signal });
    else this.#write(other, { type: "signal", session, signal });
  }

  ended(peer: Peer<Connection>, message: Message<"ended">, now: number): void {
    const found = this.#sessions.find(message.session, (side) => side === peer);
    if (found.state === "unknown") {
      this.#needs.offended(peer, "unknown-session", "no such session");
      return;
    }
    const { session, other } = found;
    const { outcome } = message;
    if (!isHere(other)) this.#write(other, { type: "ended", session: session.id, outcome });
    if (found.state === "ended") {
      // Both sides say how it ended. Whoever says it failed is right: a link needs two.
      if (outcome !== "linked") this.#note(session, outcome, now);
      return;
    }
    if (outcome === "linked") {
      this.#link(session, now);
      return;
    }
    this.#fail(session, outcome, now);
    if (outcome === "declined") peer.full();
    this.seat(peer, now);
    if (isHere(other)) this.#bereave(session, other, outcome);
  }

  /** What another node says of a session that it shares with this one. */
  heard(from: NodeId, letter: SessionLetter): void {
    if (letter.type === "introduce") {
      this.#offered(from, letter);
      return;
    }
    const isTheirs = (side: Side<Connection>) => !isHere(side) && side.node === from;
    const found = this.#sessions.find(letter.session, isTheirs);
    if (found.state === "unknown" || !isHere(found.other)) return;
    const now = this.#needs.now();
    const { session, other: own } = found;
    const isOpen = found.state === "open";
    switch (letter.type) {
      case "signal": {
        if (!isOpen || !this.#sessions.countSignal(session, own)) return;
        const { id } = otherSide(session, own);
        const { signal } = letter;
        this.#needs.send(own, { type: "signal", from: id, session: session.id, signal });
        return;
      }
      case "gone":
        if (!isOpen) return;
        this.#close(session, now);
        this.#gone(session, own, now);
        return;
      case "ended": {
        const outcome = letter.outcome === "refused" ? "declined" : letter.outcome;
        if (!isOpen) {
          if (outcome !== "linked") this.#note(session, outcome, now);
          return;
        }
        if (outcome === "linked") {
          this.#link(session, now);
          return;
        }
        this.#fail(session, outcome, now);
        this.#bereave(session, own, outcome);
      }
    }
  }

  /** Another node would introduce a peer of this one. */
  #offered(node: NodeId, { session: id, to, from, proximity, alone }: Introduction): void {
    const now = this.#needs.now();
    const peer = this.#needs.peer(to);
    const room = peer?.room(now) ?? "closed";
    const isWelcome =
      peer !== undefined &&
      (room === "drained" ? alone : room !== "closed") &&
      !peer.sessions.has(from) &&
      !peer.known.has(from, now);
    if (!isWelcome) {
      this.#needs.cluster?.send(node, { type: "ended", session: id, outcome: "refused" });
      return;
    }
    const stranger = { id: from, node };
    const session = this.#sessions.begin(id, stranger, peer, now);
    this.#introduced(session, peer, proximity);
  }

  /** Nothing will come of introductions to peers of that node. */
  lost(node: NodeId): void {
    const now = this.#needs.now();
    for (const session of [...this.#sessions.open]) {
      const stranger = [session.offerer, session.answerer].find((side) => !isHere(side));
      if (stranger === undefined || isHere(stranger) || stranger.node !== node) continue;
      this.#close(session, now);
      for (const peer of ownSides(session)) this.#gone(session, peer, now);
    }
  }

  /** The peer is gone for good; whoever was about to meet it is told. */
  departed(peer: Peer<Connection>, now: number): void {
    peer.present = false;
    this.#closed.delete(peer);
    this.#choosing.leave(peer);
    for (const session of [...peer.sessions.values()]) {
      const other = otherSide(session, peer);
      this.#close(session, now);
      this.#tellGone(session, other, now);
    }
  }

  /** The peer's place has changed: it leaves its groups for those of the new one. */
  moved(peer: Peer<Connection>, now: number): void {
    this.#choosing.leave(peer);
    peer.levels = levelsOf(peer.guest.where, peer.refinement);
    this.seat(peer, now);
  }

  sweep(now: number): void {
    for (const session of this.#sessions.expire(now)) {
      if (isHere(session.offerer)) this.#needs.tally.silences.unanswered++;
      this.#fail(session, "failed", now);
    }
    for (const peer of this.#closed) this.seat(peer, now);
  }

  /** Brings the roster in line with what the peer holds and takes. */
  seat(peer: Peer<Connection>, now: number): void {
    if (!peer.present) return;
    if (peer.room(now) === "closed") this.#closed.add(peer);
    else this.#closed.delete(peer);
    this.#choosing.seat(peer, now);
  }

  /** Whoever asked makes the offer: it is awake, and the other side may be a tab in the background. */
  #begin(offerer: Peer<Connection>, pick: Pick<Connection>, alone: boolean): void {
    const { side: answerer, proximity } = pick;
    const now = this.#needs.now();
    const id = sessionIdFrom(this.#needs.random.bytes(SESSION_ID_BYTES));
    const session = this.#sessions.begin(id, offerer, answerer, now);
    this.#needs.tally.introductions++;
    this.#introduced(session, offerer, proximity);
    if (isHere(answerer)) this.#introduced(session, answerer, proximity);
    else {
      const { id: to } = answerer;
      this.#write(answerer, {
        type: "introduce",
        session: id,
        to,
        from: offerer.id,
        proximity,
        alone,
      });
    }
  }

  #introduced(
    session: Session<Side<Connection>>,
    peer: Peer<Connection>,
    proximity: Pick<Connection>["proximity"],
  ): void {
    const now = this.#needs.now();
    const other = otherSide(session, peer);
    peer.begins(session, other.id);
    peer.introduced(now);
    this.seat(peer, now);
    const role = peer === session.offerer ? "offerer" : "answerer";
    const { id } = session;
    this.#needs.send(peer, { type: "introduce", peer: other.id, session: id, role, proximity });
  }

  /** The other side of a failed introduction is told; and gets another for one that was full. */
  #bereave(
    session: Session<Side<Connection>>,
    peer: Peer<Connection>,
    outcome: "failed" | "declined",
  ): void {
    this.#needs.send(peer, { type: "gone", session: session.id });
    if (outcome !== "declined") return;
    this.#choosing.choose(peer, [...peer.swarms.keys()], ({ picks: [pick], alone }) => {
      if (pick !== undefined) this.#begin(peer, pick, alone);
    });
  }

  #close(session: Session<Side<Connection>>, now: number): void {
    this.#sessions.end(session, now);
    for (const peer of ownSides(session)) peer.ends(otherSide(session, peer).id);
  }

  #link(session: Session<Side<Connection>>, now: number): void {
    if (isHere(session.offerer)) this.#needs.tally.linkedAfter(now - session.at);
    this.#close(session, now);
    this.#note(session, "linked", now);
    for (const peer of ownSides(session)) this.seat(peer, now);
  }

  #fail(session: Session<Side<Connection>>, ending: "failed" | "declined", now: number): void {
    this.#close(session, now);
    this.#note(session, ending, now);
    // A session that two nodes share is counted by the offerer's.
    if (isHere(session.offerer)) this.#needs.tally.links[ending]++;
    for (const peer of ownSides(session)) {
      peer.disappointed();
      this.seat(peer, now);
    }
  }

  /** Tells the other side of a session that its peer is gone. */
  #tellGone(session: Session<Side<Connection>>, other: Side<Connection>, now: number): void {
    if (isHere(other)) this.#gone(session, other, now);
    else this.#write(other, { type: "gone", session: session.id });
  }

  #gone(session: Session<Side<Connection>>, left: Peer<Connection>, now: number): void {
    this.#needs.tally.silences.left++;
    left.disappointed();
    this.seat(left, now);
    this.#needs.send(left, { type: "gone", session: session.id });
  }

  #note(
    session: Session<Side<Connection>>,
    ending: "linked" | "failed" | "declined",
    now: number,
  ): void {
    for (const peer of ownSides(session)) {
      const other = otherSide(session, peer);
      const node = isHere(other) ? undefined : other.node;
      peer.known.note(other.id, ending, { now, node });
    }
  }

  #write({ node }: Stranger, letter: SessionLetter): void {
    this.#needs.cluster?.send(node, letter);
  }
}

/** Swarms are a site's own: the same id on two sites is two swarms. */
const keyOf = <Connection>(peer: Peer<Connection>, swarm: SwarmId): string =>
  `${peer.guest.where.site}\n${swarm}`;

const isHere = <Connection>(side: Side<Connection>): side is Peer<Connection> => !("node" in side);

function otherSide<Connection>(
  session: Session<Side<Connection>>,
  peer: Peer<Connection>,
): Side<Connection> {
  return session.offerer === peer ? session.answerer : session.offerer;
}

const ownSides = <Connection>({
  offerer,
  answerer,
}: Session<Side<Connection>>): Peer<Connection>[] => [offerer, answerer].filter(isHere<Connection>);
