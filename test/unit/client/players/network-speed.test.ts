// What hls.js hears of times: the network's, whatever was here already, however much came at once or was fetched beside it.

import { expect, test } from "vitest";
import {
  type Arrival,
  type Loading,
  NetworkSpeed,
} from "../../../../client/players/network-speed.ts";

const at = (start: number, first: number, end: number): Loading => ({ start, first, end });
const MEGABYTE = 1_000_000;
const GUESS = 500_000;

function arrival(change: Partial<Arrival> = {}): Arrival {
  return {
    bytes: MEGABYTE,
    firstBytes: 1000,
    fromPeers: false,
    network: MEGABYTE,
    isUrgent: true,
    ...change,
  };
}
const bitsPerSecond = ({ first, end }: Loading): number => (MEGABYTE * 8000) / (end - first);

test("bytes that trickle in are told as they came", () => {
  const loading = at(1000, 1100, 2100);
  new NetworkSpeed().told(loading, arrival(), GUESS);
  expect(loading.start).toBeCloseTo(1000);
  expect(loading.first).toBeCloseTo(1099, 0);
  expect(loading.end).toBe(2100);
});

test("the first of four pieces took its share of the time", () => {
  const loading = at(1000, 1300, 1900);
  new NetworkSpeed().told(loading, arrival({ firstBytes: MEGABYTE / 4 }), GUESS);
  expect(loading).toEqual(at(1000, 1100, 1900));
});

test("what came in one piece came in all the time that it took, not in none", () => {
  const loading = at(1000, 1500, 1500);
  new NetworkSpeed().told(loading, arrival({ firstBytes: MEGABYTE }), GUESS);
  expect(loading).toEqual(at(1000, 1000, 1500));
});

test("four chunks from four peers in the same moment took most of the time before it", () => {
  const loading = at(1000, 1399, 1400);
  new NetworkSpeed().told(loading, arrival({ firstBytes: MEGABYTE / 4, fromPeers: true }), GUESS);
  expect(loading).toEqual(at(1000, 1100, 1400));
});

test("what was fetched beside it would have left the network to it", () => {
  const loading = at(1000, 1100, 2100);
  new NetworkSpeed().told(loading, arrival({ network: 4 * MEGABYTE, firstBytes: 0 }), GUESS);
  expect(bitsPerSecond(loading)).toBeCloseTo(32e6, 0);
  expect(loading.first - loading.start).toBeCloseTo(100);
});

test.for([0, MEGABYTE / 3])(
  "what was here but for %i bytes is told at the network's speed, and with its delay",
  (network) => {
    const speed = new NetworkSpeed();
    speed.told(at(1000, 1200, 2200), arrival({ firstBytes: 0 }), GUESS);
    const loading = at(5000, 5001, 5002);
    speed.told(loading, arrival({ network }), GUESS);
    expect(loading).toEqual(at(5002 - 1200, 4002, 5002));
  },
);

test("before anything came from the network hls.js's own guess has to do", () => {
  const loading = at(5000, 5001, 5002);
  new NetworkSpeed().told(loading, arrival({ network: 0 }), 8e6);
  expect(loading).toEqual(at(5002 - 1100, 4002, 5002));
});

test("a small file says nothing of speed, and none at all is left as it is", () => {
  const speed = new NetworkSpeed();
  speed.told(at(0, 100, 100), arrival({ bytes: 1000, network: 1000 }), GUESS);
  const empty = at(200, 0, 300);
  speed.told(empty, arrival({ bytes: 0, network: 0 }), GUESS);
  expect(empty).toEqual(at(200, 0, 300));
  const loading = at(5000, 5001, 5002);
  speed.told(loading, arrival({ network: 0 }), 8e6);
  expect(bitsPerSecond(loading)).toBeCloseTo(8e6);
});

test("how long a fragment takes is the whole time, waits and all, of those that had to come and were not here", () => {
  const speed = new NetworkSpeed();
  expect(speed.loadMs).toBeNull();
  speed.told(at(1000, 1200, 2200), arrival(), GUESS);
  speed.told(at(3000, 3001, 3002), arrival({ network: 0 }), GUESS);
  speed.told(at(4000, 8000, 9000), arrival({ isUrgent: false }), GUESS);
  expect(speed.loadMs).toBe(1200);
});
