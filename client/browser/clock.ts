// The `Clock` of a page: `performance.now` and `setTimeout`. Owns the timers it starts. Never decides when anything
// should happen, and promises only what the port says: not before, perhaps much later.

import type { Clock } from "../core/ports.ts";
import type { Cancel, Millis } from "../core/vocabulary.ts";

/** Longer delays wrap round to zero (a signed 32-bit count in every browser), so long waits go in legs. */
const LONGEST_LEG: Millis = 2 ** 31 - 1;

export function browserClock(): Clock {
  const now = (): Millis => performance.now();
  return {
    now,
    date: () => Date.now(),
    after(delay: Millis, task: () => void): Cancel {
      const due = now() + delay;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const wait = (): void => {
        // Fractions are cut off by setTimeout, so it is rounded up to keep "not before".
        const left = Math.ceil(due - now());
        timer = setTimeout(
          () => (now() < due ? wait() : task()),
          Math.min(Math.max(left, 0), LONGEST_LEG),
        );
      };
      wait();
      return () => clearTimeout(timer);
    },
  };
}
