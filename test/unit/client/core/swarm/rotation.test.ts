// Which link gives its place: the idle first and of them the farthest, one in use now and then, none that has just come.

import { describe, expect, test } from "vitest";
import { expendable, poorest, Standing } from "../../../../../client/core/swarm/rotation.ts";
import type { Proximity } from "../../../../../tracker/protocol/ids.ts";
import { idOf } from "../../../tracker/stage.ts";

const NOW = 1_000_000;
const LATELY = { now: NOW, rotatedAt: NOW - 29_999 };
const LONG_AGO = { now: NOW, rotatedAt: NOW - 30_000 };

function link(moved: number, { age = 60_000, proximity = "country" as Proximity } = {}): Standing {
  const standing = new Standing(idOf(`${moved}`), proximity, NOW - age);
  standing.look(moved);
  return standing;
}

describe("rule 1: a trial", () => {
  test("is ten seconds, in which nothing is expected of a link", () => {
    const fresh = link(0, { age: 9_999 });
    expect([expendable([fresh], LONG_AGO), poorest([fresh], LONG_AGO)]).toEqual([[], undefined]);
    const proven = link(0, { age: 10_000 });
    expect(expendable([proven], LONG_AGO)).toEqual([proven]);
    expect(poorest([proven], LONG_AGO)).toBe(proven);
  });
});

describe("rules 2 and 3: room for newcomers", () => {
  test("is made by idle links, the farthest first, however lately another one went", () => {
    const [near, far, busy] = [
      link(1, { proximity: "network" }),
      link(2, { proximity: "world" }),
      link(1_000_000, { proximity: "world" }),
    ];
    expect(expendable([near, busy, far], LATELY)).toEqual([far, near]);
  });
  test("is made every half minute by the one worth least while all are in use", () => {
    const [poor, rich] = [link(20_000), link(9_000_000)];
    expect(expendable([rich, poor], LATELY)).toEqual([]);
    expect(expendable([rich, poor], LONG_AGO)).toEqual([poor]);
    expect(expendable([], LONG_AGO)).toEqual([]);
  });
});

test("rule 4: who looks for better ones gives up an idle link every half minute, and never one in use", () => {
  const [idle, busy] = [link(0), link(20_000)];
  expect(poorest([busy, idle], LONG_AGO)).toBe(idle);
  expect(poorest([busy, idle], LATELY)).toBeUndefined();
  expect(poorest([busy], LONG_AGO)).toBeUndefined();
});

test("what went over a link counts a third after half a minute, and in the end it is idle", () => {
  const standing = link(900_000);
  for (let look = 0; look < 6; look++) standing.look(900_000);
  expect(standing.worth / 300_000).toBeCloseTo(1, 1);
  expect(standing.idle).toBe(false);
  for (let look = 0; look < 20; look++) standing.look(900_000);
  expect(standing.idle).toBe(true);
  standing.look(920_000);
  expect(standing.idle).toBe(false);
});
