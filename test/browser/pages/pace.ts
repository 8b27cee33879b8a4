// How a battery waits in a page, where everything runs in real time and looking is cheap.

import type { Pace } from "../../contract/battery.ts";

const PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 4;
/** Loopback signalling and closing take a few milliseconds; what has not happened by then is taken as not happening. */
const SETTLE_MS = 120;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const pagePace: Pace = {
  async until(what, condition) {
    const from = performance.now();
    while (!condition()) {
      if (performance.now() - from > PATIENCE_MS) throw new Error(`waited in vain for ${what}`);
      await pause(LOOK_EVERY_MS);
    }
  },
  settle: () => pause(SETTLE_MS),
};
