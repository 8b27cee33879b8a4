// Dice from a pool: no number twice, none out of range, and the pool's end is nobody's business.

import { expect, test } from "vitest";
import { systemDice } from "../../../tracker/dice.ts";

test("numbers are even over [0, 1), well beyond one pool", () => {
  const { unit } = systemDice();
  const numbers = Array.from({ length: 20_000 }, unit);
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...numbers)).toBeLessThan(1);
  // The mean of 20,000 has a deviation of 0.002: five of them.
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
  expect(new Set(numbers).size).toBeGreaterThan(19_900);
});

test("bytes are as many as asked for, never the same, and nobody's but the caller's", () => {
  const { bytes } = systemDice();
  const first = bytes(12);
  const kept = String(first);
  const ids = Array.from({ length: 2000 }, () => String(bytes(12)));
  expect(new Set(ids).size).toBe(2000);
  expect(ids.every((id) => id.split(",").length === 12)).toBe(true);
  expect(String(first)).toBe(kept);
  expect(bytes(10_000)).toHaveLength(10_000);
});
