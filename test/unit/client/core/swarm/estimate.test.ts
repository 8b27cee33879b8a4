// Running estimates: what a link gives, whatever it was given to do.

import { expect, test } from "vitest";
import { Average, Throughput } from "../../../../../client/core/swarm/estimate.ts";

test("an average begins with its first sample and follows the last ones", () => {
  const average = new Average();
  expect(average.value).toBeNull();
  average.add(100);
  expect(average.value).toBe(100);
  for (let n = 0; n < 7; n++) average.add(0);
  expect(average.value).toBeLessThan(10);
  expect(average.value).toBeGreaterThan(5);
});

test("chunks asked for together count from the one before, not each from the asking", () => {
  const throughput = new Throughput();
  for (const at of [100, 200, 300, 400]) throughput.completed(1000, 0, at);
  expect(throughput.bytesPerSecond).toBeCloseTo(10_000);
});

test("a pause without work is not held against a source", () => {
  const throughput = new Throughput();
  throughput.completed(1000, 0, 100);
  throughput.completed(1000, 60_000, 60_100);
  expect(throughput.bytesPerSecond).toBeCloseTo(10_000);
});

test("two chunks in one moment are no infinite rate", () => {
  const throughput = new Throughput();
  throughput.completed(1000, 0, 100);
  throughput.completed(1000, 0, 100);
  expect(throughput.bytesPerSecond).toBeLessThanOrEqual(1_000_000);
});

test("what came lately is a rate that fades", () => {
  const throughput = new Throughput();
  expect(throughput.lately(0)).toBe(0);
  for (let now = 0; now < 10_000; now += 10) throughput.arrived(1000, now);
  expect(throughput.lately(10_000)).toBeGreaterThan(98_000);
  expect(throughput.lately(10_000)).toBeLessThan(102_000);
  expect(throughput.lately(11_000)).toBeLessThan(38_000);
});
