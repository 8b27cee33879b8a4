// How long players go on without a fragment, by their buffers: never longer than they can.

import { expect, test } from "vitest";
import { type Player, secondsBefore, secondsBehind } from "../../../../client/players/in-hand.ts";

/** One that shows this second and has these, as pairs of start and end. */
function player(
  currentTime: number,
  ranges: readonly [number, number][],
  playbackRate = 1,
): Player {
  const at = (n: number): [number, number] => ranges[n] ?? [Number.NaN, Number.NaN];
  const buffered = {
    length: ranges.length,
    start: (n: number) => at(n)[0],
    end: (n: number) => at(n)[1],
  };
  return { currentTime, playbackRate, buffered };
}

test("it is what lies between what is shown and the fragment without a gap", () => {
  expect(secondsBefore(10, [player(4, [[0, 10]])])).toBe(6);
  expect(secondsBefore(12, [player(4, [[0, 10]])])).toBe(6);
  expect(secondsBefore(8, [player(4, [[0, 10]])])).toBe(4);
  const gap: [number, number][] = [
    [0, 6],
    [8, 10],
  ];
  expect(secondsBefore(10, [player(4, gap)])).toBe(2);
});

test("what is behind it, or where there is nothing, is due now", () => {
  expect(secondsBefore(2, [player(4, [[0, 10]])])).toBe(0);
  expect(secondsBefore(60, [player(60, [[0, 10]])])).toBe(0);
  expect(secondsBefore(0, [player(0, [])])).toBe(0);
  expect(secondsBefore(10, [])).toBe(0);
});

test("a player begins a little before what is there: it jumps over such a hole", () => {
  expect(secondsBefore(10, [player(0, [[0.1, 10]])])).toBe(10);
});

test("a quick player has less, a slow one not more, and of several the least counts", () => {
  expect(secondsBefore(10, [player(4, [[0, 10]], 2)])).toBe(3);
  expect(secondsBefore(10, [player(4, [[0, 10]], 0.5)])).toBe(6);
  expect(secondsBefore(10, [player(4, [[0, 10]]), player(9, [[0, 10]])])).toBe(1);
});

test("with a fragment that was just handed over it is more by that, if that follows what is there", () => {
  const fragment = { start: 10, duration: 2 };
  expect(secondsBehind(fragment, [player(4, [[0, 10]])])).toBe(8);
  expect(secondsBehind(fragment, [player(4, [[0, 12]])])).toBe(8);
  expect(secondsBehind(fragment, [player(4, [[0, 6]])])).toBe(2);
  expect(secondsBehind({ start: 0, duration: 2 }, [player(0, [])])).toBe(2);
  expect(secondsBehind({ start: 8, duration: 2 }, [player(0, [])])).toBe(0);
  expect(secondsBehind(fragment, [])).toBe(0);
});
