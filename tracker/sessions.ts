// Introductions under way: who may signal to whom, how often and until when. An ended session is remembered as long
// again, because the other side's candidates may still be in the air and are no offence. Knows no sockets.

import type { Limits } from "./limits.ts";
import type { SessionId } from "./protocol/ids.ts";

export interface Session<Peer> {
  readonly id: SessionId;
  readonly offerer: Peer;
  readonly answerer: Peer;
  /** Signals relayed so far, by side. */
  readonly signals: { offerer: number; answerer: number };
  /** When it began, and once ended, when it ended. */
  at: number;
}

/** open: signals pass · ended: over, but not an offence · unknown: never was, or not this peer's */
export type Found<Peer> =
  | { readonly state: "open" | "ended"; readonly session: Session<Peer>; readonly other: Peer }
  | { readonly state: "unknown" };

export class Sessions<Peer> {
  readonly #limits: Limits;
  /** Both in order of `at`, because that is the order they are put in. */
  readonly #open = new Map<SessionId, Session<Peer>>();
  readonly #ended = new Map<SessionId, Session<Peer>>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  open(id: SessionId, offerer: Peer, answerer: Peer, now: number): Session<Peer> {
    const session = { id, offerer, answerer, signals: { offerer: 0, answerer: 0 }, at: now };
    this.#open.set(id, session);
    return session;
  }

  find(id: SessionId, peer: Peer): Found<Peer> {
    const open = this.#open.get(id);
    const session = open ?? this.#ended.get(id);
    if (session === undefined) return { state: "unknown" };
    const { offerer, answerer } = session;
    if (peer !== offerer && peer !== answerer) return { state: "unknown" };
    const other = peer === offerer ? answerer : offerer;
    return { state: open === undefined ? "ended" : "open", session, other };
  }

  /** Counts one signal of `peer`; `false` when it has had its share. */
  countSignal(session: Session<Peer>, peer: Peer): boolean {
    const side = peer === session.offerer ? "offerer" : "answerer";
    if (session.signals[side] >= this.#limits.signalsPerSide) return false;
    session.signals[side]++;
    return true;
  }

  end(session: Session<Peer>, now: number): void {
    if (!this.#open.delete(session.id)) return;
    session.at = now;
    this.#ended.set(session.id, session);
  }

  /** The open sessions whose time is up, and ends them; forgets those long ended. */
  expire(now: number): Session<Peer>[] {
    const before = now - this.#limits.sessionMs;
    for (const session of this.#ended.values()) {
      if (session.at > before) break;
      this.#ended.delete(session.id);
    }
    const expired: Session<Peer>[] = [];
    for (const session of this.#open.values()) {
      if (session.at > before) break;
      expired.push(session);
    }
    for (const session of expired) this.end(session, now);
    return expired;
  }
}
