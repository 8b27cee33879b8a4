// What the connections of one household (an IPv4 address, an IPv6 /64) may do together, and what they did that they
// should not have. Part of the core, which knows households as objects and never as addresses.

import { type HouseholdLimits, TokenBucket } from "./limits.ts";

export class Household {
  readonly messages: TokenBucket;
  readonly messageUnits: TokenBucket;
  readonly announces: TokenBucket;
  readonly introductions: TokenBucket;
  readonly #strikes: TokenBucket;
  readonly #blockedForMs: number;
  #blockedUntil = Number.NEGATIVE_INFINITY;

  constructor(limits: HouseholdLimits, now: number) {
    this.messages = new TokenBucket(limits.messages, now);
    this.messageUnits = new TokenBucket(limits.messageUnits, now);
    this.announces = new TokenBucket(limits.announces, now);
    this.introductions = new TokenBucket(limits.introductions, now);
    this.#strikes = new TokenBucket(limits.strikes, now);
    this.#blockedForMs = limits.blockedForMs;
  }

  /** A connection was ended for what it sent, or one of its peers was found to poison others. */
  strike(now: number): void {
    this.#strikes.take(1, now);
    if (!this.#strikes.has(1, now)) this.#blockedUntil = now + this.#blockedForMs;
  }

  /** Takes no new connections. Those that are open have their own limits. */
  isBlocked(now: number): boolean {
    return now < this.#blockedUntil;
  }

  /** Forgetting it would change nothing. */
  isQuiet(now: number): boolean {
    const { messages, messageUnits, announces, introductions } = this;
    return (
      !this.isBlocked(now) &&
      [messages, messageUnits, announces, introductions, this.#strikes].every((bucket) =>
        bucket.isFull(now),
      )
    );
  }
}
