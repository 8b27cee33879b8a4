// What hls.js hears of times: the network's, whatever was here already and however much came at once.

import { expect, test } from "vitest";
import { type Loading, NetworkSpeed } from "../../../../client/players/network-speed.ts";

const at = (start: number, first: number, end: number): Loading => ({ start, first, end });
const MEGABYTE = 1_000_000;

test("bytes that trickle in are told as they came", () => {
  const speed = new NetworkSpeed();
  const loading = at(1000, 1100, 2100);
  speed.learn(loading, MEGABYTE, 1000);
  expect(loading.start).toBe(1000);
  expect(loading.first).toBeCloseTo(1099, 0);
  expect(loading.end).toBe(2100);
  expect(speed.bitsPerSecond).toBeCloseTo(8e6, -5);
});

test("the first of four verified chunks took its share of the time", () => {
  const speed = new NetworkSpeed();
  const loading = at(1000, 1300, 1900);
  speed.learn(loading, MEGABYTE, MEGABYTE / 4);
  expect(loading.first).toBe(1100);
  expect(speed.bitsPerSecond).toBe(10e6);
});

test("what came in one piece came in all the time that it took, not in none", () => {
  const speed = new NetworkSpeed();
  const loading = at(1000, 1500, 1500);
  speed.learn(loading, MEGABYTE, MEGABYTE);
  expect(loading).toEqual(at(1000, 1000, 1500));
  expect(speed.bitsPerSecond).toBe(16e6);
});

test("what was here is told at the network's speed, and with its delay", () => {
  const speed = new NetworkSpeed();
  speed.learn(at(1000, 1200, 2200), MEGABYTE, 0);
  const loading = at(5000, 5001, 5002);
  speed.pretend(loading, MEGABYTE, 500_000);
  expect(loading).toEqual(at(5002 - 1200, 4002, 5002));
});

test("before anything came from the network hls.js's own guess has to do", () => {
  const speed = new NetworkSpeed();
  const loading = at(5000, 5001, 5002);
  speed.pretend(loading, MEGABYTE, 8e6);
  expect(loading).toEqual(at(5002 - 1100, 4002, 5002));
  expect(speed.bitsPerSecond).toBeNull();
});
