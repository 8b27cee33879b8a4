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
    test("when both of its sources do, but not while one of them is in time", () => {
      const two = part(0, {
        flying: { 7: [flight("peer", NOW - 1000), flight("new", NOW - 999)] },
      });
      const other = link({ id: "new", holds: "all", openRequests: 1, owed: 1, rate: 1e6 });
      const late = plan(view([two], [slow, other]));
      expect(reads(late.actions)).toEqual(["7-7"]);
      const slower = link({ id: "new", holds: "all", openRequests: 1, owed: 500_000, rate: 1e6 });
      expect(reads(plan(view([two], [slow, slower])).actions)).toEqual([]);
    });

    describe("where the origin would bring it in less than half of the time,", () => {
      /** A chunk in a quarter of a second. */
      const origin = { origin: { freeReads: 6, bytesPerSecond: 4 * CHUNK } };
      /** A chunk in half a second and a little. */
      const rate = 1.9 * CHUNK;
      const plodding = link({ holds: "all", openRequests: 1, owed: CHUNK, rate });
      test("300 ms after the page has missed it, and after it was asked for", () => {
        const missed = (dueAt: number, since: number) =>
          plan(view([part(since, { dueAt })], [plodding], origin));
        expect(reads(missed(NOW - 300, NOW - 400).actions)).toEqual(["7-7"]);
        expect(reads(missed(NOW - 400, NOW - 300).actions)).toEqual(["7-7"]);
        for (const early of [missed(NOW - 299, NOW - 400), missed(NOW - 400, NOW - 299)]) {
          expect([reads(early.actions), early.wakeAt]).toEqual([[], NOW + 1]);
        }
      });
      test("by what the source has yet to send before it", () => {
        const owing = link({ holds: "all", openRequests: 2, owed: 2 * CHUNK, rate: 3 * CHUNK });
        const flying = { 6: [flight("peer", NOW - 400)], 7: [flight("peer", NOW - 399)] };
        const both = part(0, { position: 6, flying, dueAt: NOW - 300 });
        // Chunk 6 is a third of a second away, chunk 7 two thirds.
        expect(reads(plan(view([both], [owing], origin)).actions)).toEqual(["7-7"]);
      });
      test("not of a large file, nor where the origin is hardly quicker or unknown", () => {
        for (const [facts, bytesPerSecond] of [
          [{ kind: "bulk" as const }, 4 * CHUNK],
          [{}, 3.7 * CHUNK],
          [{}, null],
        ] as const) {
          const one = part(NOW - 400, { dueAt: NOW - 400, ...facts });
          const around = { origin: { freeReads: 6, bytesPerSecond } };
          expect(reads(plan(view([one], [plodding], around)).actions)).toEqual([]);
        }
      });
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
