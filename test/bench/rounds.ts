// Runs a work round by round, its variants in turns, each in a hall of its own and within a limit. A run that fails is
// an outcome like any other; the rest goes on.

import { performance } from "node:perf_hooks";
import type { Hall } from "./hall.ts";
import type { Outcome, Role, Round, Variant, Work } from "./work.ts";

export interface RoundsNeeds {
  open(): Promise<Hall>;
  /** Progress, a line at a time. */
  say(line: string): void;
  /** Stops before the next run, and ends the one under way. */
  readonly signal: AbortSignal;
}

/** Rejects with the signal's reason, and with nothing else. */
export async function runRounds(
  work: Work,
  count: number,
  needs: RoundsNeeds,
): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let number = 1; number <= count; number++) {
    const round: { [role in Role]?: Outcome } = {};
    for (const [role, variant] of Object.entries(work.variants) as [Role, Variant][]) {
      needs.signal.throwIfAborted();
      const from = performance.now();
      const outcome = await runOnce(variant, work.limitSeconds, needs);
      needs.signal.throwIfAborted();
      round[role] = outcome;
      const took = ((performance.now() - from) / 1000).toFixed(1);
      needs.say(
        `${work.name} ${number}/${count}, ${variant.name}: ${textOf(outcome)} [${took} s in all]`,
      );
    }
    rounds.push(round);
  }
  return rounds;
}

async function runOnce(
  variant: Variant,
  limitSeconds: number,
  { open, signal }: RoundsNeeds,
): Promise<Outcome> {
  let hall: Hall | undefined;
  const limit = limited(limitSeconds, signal);
  try {
    hall = await open();
    // What is left of a run that lost the race fails with its browser, and nobody waits for it.
    const running = variant.run(hall);
    running.catch(() => {});
    return { figures: await Promise.race([running, limit.over]) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { failed: hall === undefined ? message : `${message} (${hall.seen()})` };
  } finally {
    limit.cancel();
    await hall?.close();
  }
}

function limited(seconds: number, signal: AbortSignal): { over: Promise<never>; cancel(): void } {
  let cancel = (): void => {};
  const over = new Promise<never>((_resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    const timer = setTimeout(
      () => reject(new Error(`not at its end after ${seconds} s`)),
      seconds * 1000,
    );
    signal.addEventListener("abort", stop);
    cancel = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    };
  });
  over.catch(() => {});
  return { over, cancel };
}

function textOf(outcome: Outcome): string {
  if ("failed" in outcome) return `FAILED: ${outcome.failed}`;
  return Object.entries(outcome.figures)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    .join(", ");
}
