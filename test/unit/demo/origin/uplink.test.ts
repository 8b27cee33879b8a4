// The uplink's arithmetic, on a clock the test moves; only the waking up is left to a real timer.

import { expect, test } from "vitest";
import { Uplink } from "../../../../demo/origin/uplink.ts";

/** Moves time and lets the uplink notice, by asking it for its present rate again. */
function world(bytesPerSecond: number) {
  let now = 0;
  const uplink = new Uplink(bytesPerSecond, () => now);
  const gone: string[] = [];
  return {
    uplink,
    gone,
    ask: (name: string, bytes: number) =>
      void uplink.take(bytes).then(() => {
        gone.push(name);
      }),
    pass: async (milliseconds: number, rate = uplink.bytesPerSecond) => {
      now += milliseconds;
      uplink.change(rate);
      await Promise.resolve();
    },
  };
}

test("bytes go at the rate of the uplink, in the order they were asked for", async () => {
  const { ask, pass, gone, uplink } = world(1000);
  ask("a", 1000);
  ask("b", 1000);
  ask("c", 1000);
  await pass(0);
  expect(gone).toEqual(["a"]);
  await pass(999);
  expect(gone).toEqual(["a"]);
  await pass(1);
  expect(gone).toEqual(["a", "b"]);
  await pass(1000);
  expect(gone).toEqual(["a", "b", "c"]);
  expect(uplink.bytesPerSecond).toBe(1000);
});

test("an idle uplink saves up next to nothing", async () => {
  const { ask, pass, gone } = world(1000);
  await pass(3_600_000);
  ask("a", 51);
  ask("b", 1);
  await pass(0);
  expect(gone).toEqual(["a"]);
  await pass(1);
  expect(gone).toEqual(["a", "b"]);
});

test("a change of rate holds for those already waiting", async () => {
  const { ask, pass, gone } = world(1000);
  ask("a", 1000);
  ask("b", 1);
  await pass(0, 10);
  await pass(1000);
  expect(gone).toEqual(["a"]);
  await pass(0, 1_000_000);
  await pass(1);
  expect(gone).toEqual(["a", "b"]);
});
