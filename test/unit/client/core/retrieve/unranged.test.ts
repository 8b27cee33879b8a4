// An origin that sends everything whatever part is asked for: who of a crowd reads it, and what one read is made of.

import { describe, expect, test } from "vitest";
import { plan } from "../../../../../client/core/retrieve/plan.ts";
import type { Action } from "../../../../../client/core/retrieve/view.ts";
import { CHUNK, COUNT, film, ONE, Play } from "./retrieval-play.ts";
import { link, NOW, ranked, reads, run, view, want } from "./views.ts";

describe("to the plan, an origin that sends everything", () => {
  const [first = 0, second = 0] = ranked(2);
  const trims = (actions: readonly Action[]) =>
    actions.flatMap((one) => (one.do === "trim" ? [`${one.at}-${one.last}`] : []));

  test("is read in order, by one of those who want it", () => {
    const wanted = want({ chunks: 64, start: 25, crowded: true, unranged: true });
    const elected = (selfSeed: number, seed: number) =>
      reads(plan(view([wanted], [link({ seed, wants: true })], { selfSeed })).actions);
    expect(elected(first, second)).toEqual(["0-7", "8-15"]);
    expect(elected(second, first)).toEqual([]);
  });
  test("is left to whoever is further with it, and of two that are as far to the one that ranks first", () => {
    const facts = { chunks: 64, unranged: true, originIdleSince: NOW - 60_000 };
    const reading = (seed: number, at: number) =>
      link({ seed, wants: true, pending: { [at]: NOW - 10 } });
    const of = (
      selfSeed: number,
      other: ReturnType<typeof link>,
      runs: ReturnType<typeof run>[] = [],
    ) => plan(view([want({ ...facts, runs })], [other], { selfSeed })).actions;
    expect(reads(of(first, reading(second, 1)))).toEqual([]);
    // A read that is at 3 has said so of 3 to 6.
    const own = [run(3, 63)];
    expect(trims(of(first, reading(second, 7), own))).toEqual(["3-3"]);
    expect(trims(of(second, reading(first, 5), own))).toEqual([]);
    expect(trims(of(second, reading(first, 6), own))).toEqual(["3-3"]);
    expect(trims(of(first, reading(second, 6), own))).toEqual([]);
  });
  test("is read past what peers hold, to the last chunk that nobody does", () => {
    const holder = link({ holds: [5, 6, 40, 41, 42, 43] });
    const upTo = (last: number) =>
      trims(
        plan(view([want({ chunks: 44, unranged: true, runs: [run(3, last)] })], [holder])).actions,
      );
    expect(upTo(43)).toEqual(["3-39"]);
    expect(upTo(20)).toEqual([]);
    const all = link({ holds: "all" });
    const { actions } = plan(
      view([want({ chunks: 44, unranged: true, runs: [run(3, 43)] })], [all]),
    );
    expect(trims(actions)).toEqual(["3-3"]);
    const slow = link({ holds: "all", openRequests: 3, rate: 400_000 });
    const since = { peersSince: NOW - 1500, chunks: 44, unranged: true, runs: [run(3, 43)] };
    expect(trims(plan(view([want(since)], [slow])).actions)).toEqual([]);
  });
});

describe("to a retrieval, it", () => {
  const all = Array.from({ length: COUNT }, (_, index) => `verified ${index} origin ${CHUNK}`);
  const verified = (play: Play) => play.told.filter((one) => one.startsWith("verified"));

  test("is read once, from where the page waits to where it wants no more", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.readOrigin(4, 7);
    play.origin.only.startUnranged(film.body.length);
    expect([play.retrieval.unranged, play.flying(0), play.flying(15)]).toEqual([
      true,
      "origin",
      "origin",
    ]);
    await play.brings(0, film.body.length);
    expect(verified(play)).toEqual(all);
    expect([play.origin.reads.length, play.wasted]).toEqual([1, 0]);
  });
  test.each([
    ["the first", [0, 1]],
    ["the second", [1, 0]],
  ])(
    "and by one of two reads begun before it was known, though %s is answered first",
    async (_first, order) => {
      const play = await Play.opened();
      play.reading();
      play.retrieval.readOrigin(0, 3);
      play.retrieval.readOrigin(4, 7);
      for (const at of order) play.origin.reads[at]?.startUnranged(film.body.length);
      await play.brings(0, film.body.length);
      expect(verified(play)).toEqual(all);
      expect(play.wasted).toBe(0);
    },
  );
  test("is read on, by the read there is, when its end was put off", async () => {
    const play = await Play.opened();
    play.expectUntil = 1e9;
    play.reading();
    play.retrieval.readOrigin(0, 1);
    play.origin.only.startUnranged(film.body.length);
    // Others may hold it: no further than was asked for.
    expect(play.flying(2)).toBe("");
    await play.brings(0, CHUNK);
    play.told.length = 0;
    play.retrieval.readOrigin(2, 15);
    expect(play.told).toEqual(["pending 2,3,4"]);
    await play.brings(CHUNK, film.body.length);
    expect(verified(play)).toHaveLength(COUNT - 1);
    expect(play.origin.reads).toHaveLength(1);
  });
  test("sends what has come from a peer meanwhile as well, which is wasted and ends nothing", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.readOrigin(0, 3);
    play.origin.only.startUnranged(film.body.length);
    for (const index of [0, 2]) await play.arrives(ONE, index);
    await play.brings(0, film.body.length);
    expect(verified(play)).toHaveLength(COUNT);
    expect([play.origin.reads.length, play.wasted]).toEqual([1, 2 * CHUNK]);
  });
  test("is read no further once peers have brought the rest", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.readOrigin(0, 3);
    const read = play.origin.only;
    read.startUnranged(film.body.length);
    for (let index = 2; index < COUNT; index++) await play.arrives(ONE, index);
    await play.brings(0, 2 * CHUNK);
    expect(read.cancelled).toBe(true);
    expect(play.wasted).toBe(0);
  });
  test("is passed over up to where the page wants something", async () => {
    const play = await Play.opened();
    play.reading(8 * CHUNK, 10 * CHUNK - 1);
    play.retrieval.readOrigin(8, 9);
    play.origin.only.startUnranged(film.body.length);
    await play.brings(0, 10 * CHUNK);
    expect(verified(play)).toEqual(all.slice(8, 10));
    expect(play.wasted).toBe(8 * CHUNK);
  });
});
