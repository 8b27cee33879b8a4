// How many peers are served at once. An uplink shared by too many gives each of them so little that it looks dead, so
// slots are few and follow what the uplink gives; whoever finds none is told so at once and asks elsewhere.

import type { Clock } from "../ports.ts";
import type { Millis } from "../vocabulary.ts";

/**
 * What a served peer should get, in bytes a second: a frame every tenth of one, so that it never seems silent. Half of it
 * makes twice as many wait twice as long for the chunk that they would pass on.
 */
const LEAST_RATE = 512 * 1024;
const LEAST_SLOTS = 2;
const MOST_SLOTS = 8;
/** While others wait, a slot is given up after this. Long enough for some dozen chunks on a fast link. */
const TENURE: Millis = 4000;
/** Somebody who was refused this recently still waits. */
const WAITING: Millis = 1500;

/** What a slot needs to know of who holds it. */
export interface Served {
  /** Bytes a second it takes from us, as far as known. */
  readonly drainRate: number | null;
}

export class UploadSlots {
  readonly #clock: Clock;
  readonly #holders = new Map<Served, Millis>();
  #refusedAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether this one may be served (on). Counts as holding a slot from then until `release`. */
  take(served: Served): boolean {
    const now = this.#clock.now();
    const since = this.#holders.get(served);
    if (since !== undefined) {
      const mustLeave = now - since > TENURE && now - this.#refusedAt < WAITING;
      return !mustLeave || this.#holders.size < this.#count();
    }
    if (this.#holders.size >= this.#count()) {
      this.#refusedAt = now;
      return false;
    }
    this.#holders.set(served, now);
    return true;
  }

  release(served: Served): void {
    this.#holders.delete(served);
  }

  #count(): number {
    let rate = 0;
    // Nothing known of a holder: taken to be worth two, so that the first few never hinder each other.
    for (const { drainRate } of this.#holders.keys()) rate += drainRate ?? 2 * LEAST_RATE;
    return Math.min(MOST_SLOTS, Math.max(LEAST_SLOTS, Math.floor(rate / LEAST_RATE)));
  }
}
