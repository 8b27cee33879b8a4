// When a chunk has two sources at once.

import { describe, expect, test } from "vitest";
import { plan } from "../../../../../client/core/retrieve/plan.ts";
import type { Flight } from "../../../../../client/core/retrieve/view.ts";
import type { PeerId } from "../../../../../tracker/protocol/ids.ts";
import {
  CHUNK,
  type LinkFacts,
  link,
  NOW,
  reads,
  requests,
  run,
  upTo,
  view,
  want,
} from "./views.ts";

const flight = (from: string, since = NOW): Flight => ({ from: from as PeerId, since });

describe("one source for one chunk", () => {
  describe("but for the hedge of a small asset:", () => {
    const asset = (since: number) =>
      want({ chunks: 2, kind: "asset", held: [0], flying: { 1: [flight("peer", since)] } });
    test("it is read at the origin too when its source takes twice as long as expected", () => {
      // 100 kB owed at 1 MB/s: 100 ms expected.
      const slow = link({ holds: "all", openRequests: 1, owed: 100_000, rate: 1_000_000 });
      expect(reads(plan(view([asset(NOW - 200)], [slow])).actions)).toEqual(["1-1"]);
      const early = plan(view([asset(NOW - 190)], [slow]));
      expect(reads(early.actions)).toEqual([]);
      expect(early.wakeAt).toBe(NOW + 10);
    });
    test.each([
      ["60 ms however quick its source is", { owed: 1, rate: 1e9 }, 60],
      ["300 ms however slow", { owed: CHUNK, rate: 10_000 }, 300],
      ["60 ms when its source is gone", null, 60],
    ])("after %s", (_what, facts, after) => {
      const links = facts === null ? [] : [link({ holds: "all", openRequests: 1, ...facts })];
      expect(reads(plan(view([asset(NOW - after)], links)).actions)).toEqual(["1-1"]);
      expect(reads(plan(view([asset(NOW - after + 1)], links)).actions)).toEqual([]);
    });
    test.each([
      ["while the origin rests", { originRestUntil: NOW + 1 }, {}],
      ["when the origin is asked already", { flying: { 1: [flight("origin", 0)] } }, {}],
      ["when it has two sources", { flying: { 1: [flight("peer", 0), flight("origin", 0)] } }, {}],
      ["with no read to spare", {}, { origin: { freeReads: 0, bytesPerSecond: null } }],
      ["for a large file", { kind: "bulk" as const }, {}],
    ])("not %s", (_what, facts, around) => {
      const base = { chunks: 2, kind: "asset" as const, held: [0] };
      const one = want({ ...base, flying: { 1: [flight("peer", 0)] }, ...facts });
      expect(reads(plan(view([one], [], around)).actions)).toEqual([]);
    });
  });

  describe("but for the hedge of a part of a stream:", () => {
    const part = (since: number, facts: Parameters<typeof want>[0] = {}) =>
      want({
        chunks: 8,
        kind: "stream",
        position: 7,
        flying: { 7: [flight("peer", since)] },
        ...facts,
      });
    const slow = link({ holds: "all", openRequests: 1, owed: 500_000, rate: 1_000_000 });
    test("when its source takes twice as long as expected", () => {
      expect(reads(plan(view([part(NOW - 1000)], [slow])).actions)).toEqual(["7-7"]);
      const early = plan(view([part(NOW - 990)], [slow]));
      expect([reads(early.actions), early.wakeAt]).toEqual([[], NOW + 10]);
    });
    test("not before 300 ms, nor before the page misses it", () => {
      const quick = link({ holds: "all", openRequests: 1, owed: 1, rate: 1e9 });
      expect(plan(view([part(NOW - 299)], [quick])).wakeAt).toBe(NOW + 1);
      const soon = plan(view([part(NOW - 5000, { dueAt: NOW + 400 })], [slow]));
      expect([reads(soon.actions), soon.wakeAt]).toEqual([[], NOW + 400]);
    });
  });

  describe("and for the end-game:", () => {
    const slow = link({ id: "slow", holds: "all", openRequests: 1, owed: CHUNK, rate: 100_000 });
    const last = want({ chunks: 2, held: [0], flying: { 1: [flight("slow")] } });
    test("when all is under way, a much quicker holder is asked for what a slow one brings", () => {
      const quick = link({ id: "quick", holds: "all", rate: 5_000_000 });
      expect(requests(plan(view([last], [slow, quick])).actions)).toEqual(["quick:1"]);
    });
    test("not before the page misses it", () => {
      const quick = link({ id: "quick", holds: "all", rate: 5_000_000 });
      const early = want({ chunks: 2, held: [0], flying: { 1: [flight("slow")] }, dueAt: NOW + 1 });
      expect(plan(view([early], [slow, quick]))).toMatchObject({ actions: [], wakeAt: NOW + 1 });
    });
    test("not of one that is hardly quicker, lacks it, or has no room", () => {
      for (const facts of [{ rate: 150_000 }, { holds: [0] }, { openRequests: 3 }]) {
        const other = link({ id: "other", holds: "all", ...facts });
        expect(requests(plan(view([last], [slow, other])).actions)).toEqual([]);
      }
    });
    describe("a quick one that pauses, longer than it ever did,", () => {
      const other = link({ id: "other", holds: "all", rate: 5 * CHUNK });
      const pausing = (silent: number, facts: LinkFacts = {}) => {
        const quick = { id: "slow", holds: "all", openRequests: 1, owed: CHUNK } as const;
        return plan(
          view([last], [link({ ...quick, rate: 100 * CHUNK, lately: 0, silent, ...facts }), other]),
        );
      };
      test("counts as slow, and is looked at again when it has for long enough", () => {
        expect(requests(pausing(500).actions)).toEqual(["other:1"]);
        const early = pausing(499);
        expect([requests(early.actions), early.wakeAt]).toEqual([[], NOW + 1]);
      });
      test("owes nothing that keeps others from being asked", () => {
        expect(requests(pausing(500, { owed: 20 * CHUNK }).actions)).toEqual(["other:1"]);
        expect(requests(pausing(499, { owed: 20 * CHUNK }).actions)).toEqual([]);
      });
      test("but not a slow one, or one of which nothing is known", () => {
        expect(requests(pausing(999, { rate: 2 * CHUNK, owed: CHUNK / 10 }).actions)).toEqual([]);
        expect(requests(pausing(999, { rate: null }).actions)).toEqual([]);
      });
    });
    test("not while anything is missing, nor of a third", () => {
      const quick = link({ id: "quick", holds: [1], rate: 5_000_000 });
      const missing = want({ chunks: 2, flying: { 1: [flight("slow")] } });
      expect(requests(plan(view([missing], [slow, quick])).actions)).toEqual(["slow:0"]);
      const twice = want({ chunks: 1, flying: { 0: [flight("slow"), flight("other")] } });
      expect(requests(plan(view([twice], [slow, quick])).actions)).toEqual([]);
    });
  });

  test("a read whose chunk under way a peer would bring much sooner, has that peer for a rival", () => {
    const runs = (remaining: number) => [run(4, 4, NOW, remaining)];
    const held = upTo(8).filter((index) => index !== 4);
    const asked = (remaining: number, facts: LinkFacts, flying = [flight("origin")]) =>
      requests(
        plan(
          view(
            [want({ chunks: 8, held, flying: { 4: flying }, runs: runs(remaining) })],
            [link({ holds: [4], rate: CHUNK, ...facts })],
          ),
        ).actions,
      );
    expect(asked(2001, {})).toEqual(["peer:4"]);
    expect(asked(2000, {})).toEqual([]);
    expect(asked(9000, { holds: [5] })).toEqual([]);
    expect(asked(9000, { restUntil: NOW + 1 })).toEqual([]);
    expect(asked(9000, {}, [flight("origin"), flight("other")])).toEqual([]);
  });
});
