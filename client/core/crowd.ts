// Whether this visitor is one of a crowd that is losing the same thing at the same moment, and would turn to the origin together.

import type { Clock } from "./ports.ts";
import type { Millis } from "./vocabulary.ts";

/** With so many links a visitor is one of a crowd. */
const CROWD = 3;
const TOGETHER: Millis = 1000;

export class Crowd {
  readonly #clock: Clock;
  readonly #surge: () => void;
  /** When links failed lately. */
  #losses: readonly Millis[] = [];

  constructor(clock: Clock, surge: () => void) {
    this.#clock = clock;
    this.#surge = surge;
  }

  /** A link failed. One is somebody who left; several in one moment are lost to the others as well. */
  lostLink(): void {
    const now = this.#clock.now();
    this.#losses = [...this.#losses, now].filter((at) => at > now - TOGETHER);
    if (this.#losses.length >= CROWD) this.#surge();
  }
  lostTracker(links: number): void {
    if (links >= CROWD) this.#surge();
  }
}
