// What the operator's view is told of an hour: differences between totals, of a bounded number of regions.

import { expect, test } from "vitest";
import { History } from "../../../../tracker/dashboard/history.ts";
import { Tally } from "../../../../tracker/tally.ts";

const MANY = Array.from({ length: 20 }, (_, at) => `region ${at}`);
const bytes = (peers: number, origin: number) => ({ cache: 0, peers, origin, uploaded: 0 });

test("each sample is what came since the one before", () => {
  const tally = new Tally();
  const history = new History();
  const note = (now: number) =>
    history.note(tally.totals({ peers: 1, swarms: 1 }), tally.operation(), now);
  tally.moved(bytes(100, 100), "attic");
  note(0);
  tally.came("attic");
  tally.moved(bytes(30, 10), "attic");
  tally.offended("rate");
  tally.linkedAfter(700);
  note(10_000);
  note(20_000);
  const { samples, operation, totals } = history.data(
    tally.totals({ peers: 1, swarms: 1 }),
    tally.operation(),
    25_000,
  );
  expect(samples).toEqual([
    {
      ageMs: 25_000,
      peers: {},
      peerBytes: {},
      offload: null,
      violations: 0,
      links: { made: 0, failed: 0 },
    },
    {
      ageMs: 15_000,
      peers: { attic: 1 },
      peerBytes: { attic: 30 },
      offload: 0.75,
      violations: 1,
      links: { made: 1, failed: 0 },
    },
    {
      ageMs: 5000,
      peers: { attic: 1 },
      peerBytes: {},
      offload: null,
      violations: 0,
      links: { made: 0, failed: 0 },
    },
  ]);
  expect([operation.linkMs, totals.bytes.peers]).toEqual([{ median: 700, p90: 700 }, 130]);
});

test("an hour is kept, and of many regions the largest by name", () => {
  const tally = new Tally();
  const history = new History();
  for (const [at, name] of MANY.entries()) for (let n = 0; n <= at; n++) tally.came(name);
  const totals = tally.totals({ peers: 210, swarms: 1 });
  for (let n = 0; n < 500; n++) history.note(totals, tally.operation(), n * 10_000);
  const { samples } = history.data(totals, tally.operation(), 500 * 10_000);
  expect([samples.length, samples[0]?.ageMs]).toEqual([360, 3_600_000]);
  const { others, ...named } = samples[0]?.peers ?? {};
  expect(named).toEqual({
    "region 19": 20,
    "region 18": 19,
    "region 17": 18,
    "region 16": 17,
    "region 15": 16,
    "region 14": 15,
  });
  expect(others).toBe(210 - 20 - 19 - 18 - 17 - 16 - 15);
});

test("the middle and the ninetieth of the latest two hundred links", () => {
  const tally = new Tally();
  expect(tally.operation().linkMs).toBeNull();
  for (let ms = 0; ms < 1000; ms++) tally.linkedAfter(ms);
  expect(tally.operation().linkMs).toEqual({ median: 899, p90: 979 });
});
