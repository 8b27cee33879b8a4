// Introductions under way: who may signal to whom, how often and until when. An ended session is remembered as long
// again, because the other side's candidates may still be in the air and are no offence. Knows no sockets.

import type { Limits } from "./limits.ts";
import type { SessionId } from "./protocol/ids.ts";

export interface Session<Side> {
  readonly id: SessionId;
  readonly offerer: Side;
  readonly answerer: Side;
  /** Signals relayed so far, by side. */
  readonly signals: { offerer: number; answerer: number };
  /** When it began, and once ended, when it ended. */
  at: number;
}

/** open: signals pass · ended: over, but not an offence · unknown: never was, or not this peer's */
export type Found<Side> =
  | { readonly state: "open" | "ended"; readonly session: Session<Side>; readonly other: Side }
  | { readonly state: "unknown" };

export class Sessions<Side> {
  readonly #limits: Limits;
  /** Both in order of `at`, because that is the order they are put in. */
  readonly #open = new Map<SessionId, Session<Side>>();
  readonly #ended = new Map<SessionId, Session<Side>>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Remembered, open or ended. */
  get size(): number {
    return this.#open.size + this.#ended.size;
  }
  get open(): Iterable<Session<Side>> {
    return this.#open.values();
  }

  begin(id: SessionId, offerer: Side, answerer: Side, now: number): Session<Side> {
    const session = { id, offerer, answerer, signals: { offerer: 0, answerer: 0 }, at: now };
    this.#open.set(id, session);
    return session;
  }

  /** As the side sees it that `isMe` knows. */
  find(id: SessionId, isMe: (side: Side) => boolean): Found<Side> {
    const open = this.#open.get(id);
    const session = open ?? this.#ended.get(id);
    if (session === undefined) return { state: "unknown" };
    const { offerer, answerer } = session;
    if (!isMe(offerer) && !isMe(answerer)) return { state: "unknown" };
    const other = isMe(offerer) ? answerer : offerer;
    return { state: open === undefined ? "ended" : "open", session, other };
  }

  /** Counts one signal to `other`; `false` when the side that sends has had its share. */
  countSignal(session: Session<Side>, other: Side): boolean {
    const side = other === session.answerer ? "offerer" : "answerer";
    if (session.signals[side] >= this.#limits.signalsPerSide) return false;
    session.signals[side]++;
    return true;
  }

  end(session: Session<Side>, now: number): void {
    if (!this.#open.delete(session.id)) return;
    session.at = now;
    this.#ended.set(session.id, session);
  }

  /** The open sessions whose time is up, and ends them; forgets those long ended. */
  expire(now: number): Session<Side>[] {
    const before = now - this.#limits.sessionMs;
    for (const session of this.#ended.values()) {
      if (session.at > before) break;
      this.#ended.delete(session.id);
    }
    const expired: Session<Side>[] = [];
    for (const session of this.#open.values()) {
      if (session.at > before) break;
      expired.push(session);
    }
    for (const session of expired) this.end(session, now);
    return expired;
  }
}
