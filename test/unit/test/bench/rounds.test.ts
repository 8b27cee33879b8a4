// How works are run: in turns, each run in a hall of its own, and an end to every run.

import { expect, test } from "vitest";
import type { Hall } from "../../../bench/hall.ts";
import { runRounds } from "../../../bench/rounds.ts";
import type { Figures, Work } from "../../../bench/work.ts";

/** Halls without a browser, that write down what happens to them. */
function stage(signal = new AbortController().signal) {
  const happened: string[] = [];
  const open = async (): Promise<Hall> => {
    happened.push("open");
    const close = async () => void happened.push("close");
    return { seen: () => "2 pages", close } as Hall;
  };
  return { happened, needs: { open, say: (line: string) => void happened.push(line), signal } };
}

function workOf(runs: Record<"plain" | "shoal", () => Promise<Figures>>, limitSeconds = 30): Work {
  const plain = { name: "fetch", run: runs.plain };
  const shoal = { name: "Shoal", run: runs.shoal };
  return { name: "w", about: "", variants: { plain, shoal }, measures: [], limitSeconds };
}

test("variants take turns, each in a hall that is closed before the next opens", async () => {
  const { happened, needs } = stage();
  let runs = 0;
  const count = async () => ({ run: ++runs });
  const rounds = await runRounds(workOf({ plain: count, shoal: count }), 2, needs);
  expect(rounds).toEqual([
    { plain: { figures: { run: 1 } }, shoal: { figures: { run: 2 } } },
    { plain: { figures: { run: 3 } }, shoal: { figures: { run: 4 } } },
  ]);
  expect(happened.filter((what) => !what.startsWith("w "))).toEqual(
    Array.from({ length: 4 }, () => ["open", "close"]).flat(),
  );
});

test("a run that fails is told with what was seen, and the others go on", async () => {
  const { happened, needs } = stage();
  const work = workOf({
    plain: () => Promise.reject(new Error("the page crashed")),
    shoal: async () => ({ copies: 1 }),
  });
  const [round] = await runRounds(work, 1, needs);
  expect(round).toEqual({
    plain: { failed: "the page crashed (2 pages)" },
    shoal: { figures: { copies: 1 } },
  });
  expect(happened.join()).toContain("w 1/1, fetch: FAILED: the page crashed (2 pages)");
});

test("a run that hangs ends at its limit, and its hall is closed", async () => {
  const { happened, needs } = stage();
  const hangs = () => new Promise<never>(() => {});
  const work = workOf({ plain: hangs, shoal: async () => ({}) }, 0.01);
  const [round] = await runRounds(work, 1, needs);
  expect(round?.plain).toEqual({ failed: "not at its end after 0.01 s (2 pages)" });
  expect(happened.filter((what) => what === "close")).toHaveLength(2);
});

test("an interruption ends the run under way, closes its hall and starts nothing more", async () => {
  const interruption = new AbortController();
  const { happened, needs } = stage(interruption.signal);
  const interrupts = () => {
    interruption.abort(new Error("interrupted"));
    return new Promise<never>(() => {});
  };
  const work = workOf({ plain: interrupts, shoal: async () => ({}) });
  await expect(runRounds(work, 3, needs)).rejects.toThrow("interrupted");
  expect(happened).toEqual(["open", "close"]);
});
