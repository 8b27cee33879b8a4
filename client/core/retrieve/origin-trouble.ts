// How the origin failed for one content, how long to leave it alone, and whether asking again is worth while.

import { ShoalError } from "../errors.ts";
import type { OriginOutcome } from "../ports.ts";
import type { Millis } from "../vocabulary.ts";

/** After a failure the origin is left alone for this, doubled with each failure. */
const REST: Millis = 500;
const LONGEST_REST: Millis = 8000;
/** Failures in a row before a request that the page has seen part of is given up. */
const MOST_FAILURES = 4;

export class OriginTrouble {
  #failures = 0;
  #refused = false;
  /** Another origin may have it, now. */
  #elsewhere = false;
  /** Why it gave nothing last time; `null` while it gives. */
  error: ShoalError | null = null;
  restUntil: Millis = 0;

  failed(url: string, outcome: Exclude<OriginOutcome, { kind: "complete" }>, now: Millis): void {
    if (outcome.kind === "status") {
      const { status } = outcome;
      this.error = new ShoalError("origin/status", { url, status });
      this.#refused = status < 500;
    } else {
      this.error = new ShoalError("origin/unreachable", { url });
      this.#refused = false;
    }
    const { retryAt } = outcome;
    this.#elsewhere = retryAt !== undefined && retryAt <= now;
    this.restUntil = retryAt ?? now + Math.min(LONGEST_REST, REST * 2 ** this.#failures);
    this.#failures++;
  }

  /** It gives again. */
  ended(): void {
    this.#failures = 0;
    this.error = null;
  }

  /**
   * Not when it says no, and not before the page has seen anything, unless there is another origin: then the request goes
   * to the network untouched, and fails or not as it would without us.
   */
  mayRecover(begun: boolean): boolean {
    if (this.error === null) return true;
    return (begun || this.#elsewhere) && !this.#refused && this.#failures < MOST_FAILURES;
  }
}
