// What giving and taking cost the main thread of a page, as Chromium itself counts it, beside the bare channel.

import type { Page } from "@playwright/test";
import type { Hall } from "../hall.ts";
import { barePair, type Pair, shoalPair, TRANSFER_MIB } from "../transfer.ts";
import type { Figures, Work } from "../work.ts";

export const cpu: Work = {
  name: "cpu",
  about: `main thread of both pages while ${TRANSFER_MIB} MiB go from one to the other; rival as in pair`,
  variants: {
    rival: { name: "bare channel", run: (hall) => spent(hall, barePair) },
    shoal: { name: "Shoal", run: (hall) => spent(hall, shoalPair) },
  },
  measures: [
    { figure: "taking", unit: "ms/MiB" },
    { figure: "giving", unit: "ms/MiB" },
    { figure: "taking, script alone", unit: "ms/MiB" },
    { figure: "giving, script alone", unit: "ms/MiB" },
  ],
  limitSeconds: 120,
};

interface Spent {
  readonly task: number;
  readonly script: number;
}

async function spent(hall: Hall, open: (hall: Hall) => Promise<Pair>): Promise<Figures> {
  const { giver, taker, transfer } = await open(hall);
  const [giving, taking] = await Promise.all([meter(giver), meter(taker)]);
  await transfer();
  const [gave, took] = await Promise.all([giving(), taking()]);
  return {
    taking: took.task,
    giving: gave.task,
    "taking, script alone": took.script,
    "giving, script alone": gave.script,
  };
}

/** Counts from now until it is called; milliseconds a MiB. */
async function meter(page: Page): Promise<() => Promise<Spent>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const seconds = async (): Promise<Spent> => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (name: string): number =>
      metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
    return { task: of("TaskDuration"), script: of("ScriptDuration") };
  };
  const before = await seconds();
  return async () => {
    const after = await seconds();
    const perMiB = (from: number, to: number): number => ((to - from) * 1000) / TRANSFER_MIB;
    return {
      task: perMiB(before.task, after.task),
      script: perMiB(before.script, after.script),
    };
  };
}
