// What the time is where the answers come from: ages are counted by the site's clock, however wrong this device's is.

import type { Clock } from "../ports.ts";
import type { CachingFields, Millis } from "../vocabulary.ts";

/** Clocks that differ by less are the same: a Date has whole seconds, and was on its way. */
export const LEAST_SKEW: Millis = 3000;

export class SiteDate {
  readonly #clock: Clock;
  /** The site's clock minus this device's. */
  #skew: Millis = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Now, in milliseconds since 1970, as the site counts. */
  now(): Millis {
    return this.#clock.date() + this.#skew;
  }

  /** Headers of an answer that the site gave just now. */
  told({ date, age }: CachingFields): void {
    const skew = Date.parse(date ?? "") - this.#clock.date();
    if (Number.isNaN(skew) || age !== undefined) return;
    this.#skew = Math.abs(skew) < LEAST_SKEW ? 0 : skew;
  }
}
