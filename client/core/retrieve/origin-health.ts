// How one origin has done lately: how soon it answers, and whether it is left alone for a while because it fails.

import type { Random } from "../ports.ts";
import type { Millis } from "../vocabulary.ts";

/** Failures in a row before an origin is left alone; one may be the line's. */
const MOST_FAILURES = 2;
const FIRST_REST: Millis = 1000;
const LONGEST_REST: Millis = 30_000;
/** First-byte times remembered. */
const SAMPLES = 32;
/** With fewer than this nothing is known of the slowest of twenty. */
const LEAST_SAMPLES = 8;
const UNKNOWN_SLOWEST: Millis = 1000;

export class OriginHealth {
  #failures = 0;
  #restUntil: Millis = 0;
  readonly #times: Millis[] = [];
  /** A read is finding out whether it works again; others wait for what comes of it. */
  probing = false;

  get failing(): boolean {
    return this.#failures > 0;
  }
  get restUntil(): Millis {
    return this.#restUntil;
  }
  usable(now: Millis): boolean {
    return this.#failures < MOST_FAILURES || (now >= this.#restUntil && !this.probing);
  }

  /** Median first-byte time; `null` while unknown. */
  get usual(): Millis | null {
    return this.#times.length === 0 ? null : this.#quantile(0.5);
  }
  /** What nineteen of twenty first bytes take at most. */
  get slowest(): Millis {
    return this.#times.length < LEAST_SAMPLES ? UNKNOWN_SLOWEST : this.#quantile(0.95);
  }

  began(): void {
    this.probing = this.#failures >= MOST_FAILURES;
  }
  answered(took: Millis): void {
    this.#times.push(took);
    if (this.#times.length > SAMPLES) this.#times.shift();
  }
  /** It gave what it was asked for, or said in order that it has not got it. */
  worked(): void {
    this.#failures = 0;
    this.#restUntil = 0;
    this.probing = false;
  }
  /** `patience`: how many times longer than the first ones this visitor waits. No two wait equally long. */
  failed(now: Millis, random: Random, patience: number): void {
    this.probing = false;
    this.#failures++;
    if (this.#failures < MOST_FAILURES) return;
    const rest = Math.min(LONGEST_REST, FIRST_REST * 2 ** (this.#failures - MOST_FAILURES));
    this.#restUntil = now + rest * patience * (0.5 + random.unit());
  }

  #quantile(share: number): Millis {
    const sorted = [...this.#times].sort((one, other) => one - other);
    return sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  }
}
