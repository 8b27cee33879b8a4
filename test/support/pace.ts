// How a battery waits in Node for adapters that run in real time: turn by turn of the event loop, so that it goes on
// as soon as it may. Gives up after a generous while instead of hanging.

import type { Pace } from "../contract/battery.ts";

/** Far above anything a battery waits for, far below the runner's own patience. */
const PATIENCE_MS = 10_000;
/** Loopback answers within a few; what has not happened by then is taken as not happening. */
const SETTLE_MS = 40;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const realTime: Pace = {
  async until(what, condition) {
    const from = performance.now();
    while (!condition()) {
      if (performance.now() - from > PATIENCE_MS) throw new Error(`waited in vain for ${what}`);
      await turn();
    }
  },
  async settle() {
    const from = performance.now();
    while (performance.now() - from < SETTLE_MS) await turn();
  },
};
