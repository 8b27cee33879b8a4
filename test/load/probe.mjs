// Loaded into a server under load before anything else (`node --expose-gc --import`): answers its parent's questions
// about memory and the event loop. Adds one interval of a histogram and nothing else.

import { monitorEventLoopDelay } from "node:perf_hooks";

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.on("message", (question) => {
  if (question === "reset") delay.reset();
  if (question !== "measure") return;
  // Before the collection, which is a pause of our own making.
  const loopP99Ms = delay.percentile(99) / 1e6;
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ rss, heap: heapUsed + external, loopP99Ms, cpu: process.cpuUsage() });
});
process.channel?.unref();
