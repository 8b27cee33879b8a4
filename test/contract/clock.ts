// The battery of the `Clock` port. Real clocks spend a few dozen milliseconds in it, simulated ones none.

import type { Clock } from "../../client/core/ports.ts";
import { type Cases, check, type Pace, type Rig, runCases, same } from "./battery.ts";

export interface ClockRig extends Rig {
  readonly clock: Clock;
  readonly pace: Pace;
}

const CASES: Cases<ClockRig> = {
  "time never goes back": async ({ clock, pace }) => {
    const moments: number[] = [];
    for (let n = 0; n < 100; n++) moments.push(clock.now());
    await pace.settle();
    moments.push(clock.now());
    check(
      moments.every((moment, at) => moment >= (moments[at - 1] ?? moment)),
      `went back: ${moments.slice(-5)}`,
    );
  },
  "a task runs once, and not before its delay has passed": async ({ clock, pace }) => {
    for (const delay of [0, 0.4, 1, 7.3, 20]) {
      const from = clock.now();
      const ran: number[] = [];
      clock.after(delay, () => ran.push(clock.now() - from));
      same(ran, [], "runs within the call");
      await pace.until(`the task of ${delay} ms`, () => ran.length > 0);
      await pace.settle();
      same(ran.length, 1, "runs");
      check((ran[0] ?? -1) >= delay, `ran after ${ran[0]} instead of ${delay}`);
    }
  },
  "tasks run in the order of their moments": async ({ clock, pace }) => {
    const ran: string[] = [];
    clock.after(30, () => ran.push("late"));
    clock.after(5, () => ran.push("early"));
    await pace.until("both tasks", () => ran.length === 2);
    same(ran, ["early", "late"], "order");
  },
  "a cancelled task never runs, and cancelling late or twice is nothing": async ({
    clock,
    pace,
  }) => {
    const ran: string[] = [];
    const cancel = clock.after(5, () => ran.push("cancelled"));
    cancel();
    cancel();
    const late = clock.after(5, () => ran.push("kept"));
    clock.after(15, () => ran.push("last"));
    await pace.until("the last task", () => ran.includes("last"));
    late();
    same(ran, ["kept", "last"], "tasks that ran");
  },
  "a delay longer than any timer takes does not run at once": async ({ clock, pace }) => {
    const ran: string[] = [];
    const cancels = [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY].map((delay) =>
      clock.after(delay, () => ran.push(`${delay}`)),
    );
    clock.after(10, () => ran.push("soon"));
    await pace.until("the short task", () => ran.includes("soon"));
    for (const cancel of cancels) cancel();
    same(ran, ["soon"], "tasks that ran");
  },
  "a delay below zero is none": async ({ clock, pace }) => {
    let ran = 0;
    clock.after(-5, () => ran++);
    same(ran, 0, "runs within the call");
    await pace.until("the task", () => ran > 0);
  },
};

/** Throws at the first case `make`'s clocks fail. */
export function clockBattery(make: () => ClockRig | Promise<ClockRig>): Promise<void> {
  return runCases("Clock", CASES, make);
}
