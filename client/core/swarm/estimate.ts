// Running estimates of what a source gives. Exponentially weighted, because links change while we use them.

import type { Millis } from "../vocabulary.ts";

/** Weight of a new sample: after seven samples an old habit counts for less than a tenth. */
const WEIGHT = 0.3;

export class Average {
  #value: number | null = null;
  get value(): number | null {
    return this.#value;
  }
  add(sample: number): void {
    this.#value = this.#value === null ? sample : this.#value + WEIGHT * (sample - this.#value);
  }
}

/** Over which a rate is taken: a few chunks of a slow peer. */
const METERED: Millis = 1000;

/** What came lately, in bytes a second; what is older counts exponentially less. */
class Meter {
  #rate = 0;
  #at: Millis = 0;

  perSecond(now: Millis): number {
    return this.#rate * Math.exp((this.#at - now) / METERED);
  }
  add(bytes: number, now: Millis): void {
    this.#rate = this.perSecond(now) + (bytes * 1000) / METERED;
    this.#at = now;
  }
}

/**
 * Bytes per second of a source that works on several requests at once: a completed chunk counts for the time since
 * it was asked for or since the one before it, whichever is shorter. Waiting for work is not held against it.
 */
export class Throughput {
  readonly #average = new Average();
  readonly #meter = new Meter();
  #lastAt: Millis = Number.NEGATIVE_INFINITY;

  get bytesPerSecond(): number | null {
    return this.#average.value;
  }

  /** What came lately, whatever it could have given. */
  lately(now: Millis): number {
    return this.#meter.perSecond(now);
  }
  arrived(bytes: number, now: Millis): void {
    this.#meter.add(bytes, now);
  }

  completed(bytes: number, askedAt: Millis, now: Millis): void {
    // Two chunks completed by one burst of frames would count as infinitely fast; a millisecond is the clock's grain.
    const took = Math.max(1, now - Math.max(askedAt, this.#lastAt));
    this.#lastAt = now;
    this.#average.add((bytes * 1000) / took);
  }
}

/** A peer that owes data and sends none for this long has stalled; three round trips on a bad link fit into it. */
const LEAST_PATIENCE: Millis = 1000;
const MOST_PATIENCE: Millis = 3000;
/** Of the longest pause, what still counts a chunk later: after twenty chunks a tenth. */
const FADING = 0.9;

/**
 * How long a source may be silent before it counts as stalled: twice the longest pause it made lately. Where a dozen
 * pages share two cores, honest peers pause for a second, and taking their work away would make everything slower.
 */
export class Gaps {
  #longest: Millis = 0;

  get patience(): Millis {
    return Math.min(MOST_PATIENCE, Math.max(LEAST_PATIENCE, 2 * this.#longest));
  }
  /** Data came, so long after what came before it. */
  progressed(gap: Millis): void {
    this.#longest = Math.max(this.#longest, gap);
  }
  completed(): void {
    this.#longest *= FADING;
  }
}
