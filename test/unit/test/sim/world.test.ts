// That a simulated run can be believed and repeated: time in order, dice by name, one seed one run.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SimClock, Timeline } from "../../../sim/clock.ts";
import { SimRandom } from "../../../sim/random.ts";
import { Trace } from "../../../sim/trace.ts";
import { mebibytes, minutes, seconds, World } from "../../../sim/world.ts";

describe("the timeline", () => {
  test("runs events in order of their moments, and those of one moment as they were made", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 60 }), async (moments) => {
        const timeline = new Timeline();
        const ran: [number, number][] = [];
        for (const [order, moment] of moments.entries()) {
          timeline.at(moment, () => ran.push([moment, order]));
        }
        while (await timeline.step());
        const right = [...moments.entries()]
          .map(([order, moment]): [number, number] => [moment, order])
          .sort(([one, first], [other, second]) => one - other || first - second);
        expect(ran).toEqual(right);
      }),
      { numRuns: 40 },
    );
  });
  test("lets promises settle before the next event", async () => {
    const timeline = new Timeline();
    const ran: string[] = [];
    timeline.at(1, () => void Promise.resolve().then(() => ran.push("promise of the first")));
    timeline.at(1, () => ran.push("second"));
    while (await timeline.step());
    expect(ran).toEqual(["promise of the first", "second"]);
  });
  test("counts what a participant leaves behind, and a closed tab runs nothing", async () => {
    const timeline = new Timeline();
    const clock = new SimClock(timeline);
    let ran = 0;
    const cancel = clock.after(5, () => ran++);
    clock.after(5, () => ran++);
    expect(clock.pending).toBe(2);
    cancel();
    cancel();
    expect(clock.pending).toBe(1);
    clock.stop();
    while (await timeline.step());
    expect([ran, clock.pending]).toEqual([0, 0]);
  });
  test("wakes hidden tabs on whole seconds only", async () => {
    const timeline = new Timeline();
    const clock = new SimClock(timeline);
    clock.hidden = true;
    const ran: number[] = [];
    for (const delay of [10, 1000, 1001]) clock.after(delay, () => ran.push(timeline.now));
    while (await timeline.step());
    expect(ran).toEqual([1000, 1000, 2000]);
  });
});

describe("dice", () => {
  const rolls = (random: SimRandom): number[] => Array.from({ length: 5 }, () => random.unit());
  test("of one name are the same whatever else was forked, rolled, or is there", () => {
    const [one, other] = [new SimRandom("7"), new SimRandom("7")];
    other.unit();
    other.fork("somebody else").unit();
    expect(rolls(one.fork("v1"))).toEqual(rolls(other.fork("v1")));
  });
  test("of other names and other seeds differ", () => {
    const random = new SimRandom("7");
    const all = [random, random.fork("v1"), random.fork("v2"), new SimRandom("8")].map(rolls);
    expect(new Set(all.map(String)).size).toBe(4);
  });
});

/** So many visitors, one a second, who all fetch the same file. */
async function told(seed: number, count: number): Promise<World> {
  const world = new World({ seed });
  const [file = ""] = world.publish([mebibytes(1)]);
  for (let order = 0; order < count; order++) {
    world.in(seconds(order), () => void world.arrive().fetch(file));
  }
  await world.pass(seconds(count));
  await world.run({
    until: () => world.fetches.every(({ until }) => until !== null),
    within: minutes(1),
  });
  return world;
}

test("a visitor more does not change the dice of the others, nor the bytes of the site", async () => {
  const [three, four] = [await told(5, 3), await told(5, 4)];
  const ids = ({ visitors }: World): (string | null)[] =>
    [...visitors].map(({ stats }) => stats.peerId);
  expect(new Set(ids(four)).size).toBe(4);
  expect(ids(three)).not.toContain(null);
  expect(ids(four).slice(0, 3)).toEqual(ids(three));
  const url = "https://site.example/files/0.bin";
  const bodies = [three, four].map(({ origin }) => Buffer.from(origin.body(url) ?? []));
  expect(bodies[0]?.equals(bodies[1] ?? Buffer.alloc(0))).toBe(true);
  expect(three.trace.hash).not.toBe(four.trace.hash);
  for (const world of [three, four]) await world.close();
});

test("one seed is one run, another seed another (I7)", async () => {
  const hashes = [];
  for (const seed of [11, 11, 12]) hashes.push((await told(seed, 3)).trace.hash);
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[2]).not.toBe(hashes[0]);
});

test("a trace differs by what happened, when, to whom, and in what order", () => {
  const hash = (...lines: [number, string, string][]): string => {
    const trace = new Trace();
    for (const [at, who, what] of lines) trace.add(at, who, what);
    return trace.hash;
  };
  const all = [
    hash([1, "a", "x"]),
    hash([2, "a", "x"]),
    hash([1, "b", "x"]),
    hash([1, "a", "y"]),
    hash([1, "a", "x"], [1, "a", "y"]),
    hash([1, "a", "y"], [1, "a", "x"]),
  ];
  expect(new Set(all).size).toBe(all.length);
});

test("bytes of a file whose statement is too long to be hashed whole are known to be right", async () => {
  const world = new World({ seed: 11 });
  const [url = ""] = world.publish([mebibytes(32)]);
  world.arrive().fetch(url);
  await world.run({ until: () => world.underWay === 0, within: minutes(5) });
  await world.close();
});
