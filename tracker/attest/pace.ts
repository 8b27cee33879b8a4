// A ceiling on bytes a second over everything that shares it: whoever has spent too much waits until it is earned.

import { setTimeout as wait } from "node:timers/promises";

export class Pace {
  readonly #perMs: number;
  readonly #burstMs: number;
  /** Up to when all that was spent is earned; in the past, what is saved up. */
  #earnedAt = 0;

  constructor(bytesPerSecond: number, burstBytes: number) {
    this.#perMs = bytesPerSecond / 1000;
    this.#burstMs = burstBytes / this.#perMs;
  }

  /** Resolves when the next bytes may be taken. Rejects with the signal's reason. */
  async spend(bytes: number, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    this.#earnedAt = Math.max(this.#earnedAt, now - this.#burstMs) + bytes / this.#perMs;
    if (this.#earnedAt > now) await wait(this.#earnedAt - now, undefined, { signal });
  }
}
