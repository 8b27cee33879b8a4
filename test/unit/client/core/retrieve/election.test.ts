// Who reads what: every peer computes the same ranking, and the work is spread.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  GROUP_CHUNKS,
  placeOf,
  rank,
  score,
  seedOf,
  startOf,
} from "../../../../../client/core/retrieve/election.ts";
import { SimRandom } from "../../../../sim/random.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const others = (self: number, all: readonly number[]): number[] =>
  all.filter((seed) => seed !== self);

describe("the ranking", () => {
  test("gives everybody a place of their own, equal scores included", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(u32, { minLength: 1, maxLength: 12 }),
        u32,
        fc.nat(1000),
        (peers, content, group) => {
          const places = peers.map((self) => rank(self, others(self, peers), content, group));
          expect([...places].sort((one, other) => one - other)).toEqual([...peers.keys()]);
        },
      ),
    );
  });
  test("does not change among the rest when one leaves", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(u32, { minLength: 3, maxLength: 12 }),
        u32,
        fc.nat(1000),
        (peers, content, group) => {
          const order = (among: readonly number[]): number[] =>
            [...among].sort(
              (one, other) =>
                rank(one, others(one, among), content, group) -
                rank(other, others(other, among), content, group),
            );
          const [gone = 0, ...rest] = peers;
          expect(order(peers).filter((seed) => seed !== gone)).toEqual(order(rest));
        },
      ),
    );
  });
  test("spreads the groups of a content over its peers", () => {
    const random = new SimRandom("peers");
    const peers = Array.from({ length: 8 }, (_, n) => seedOf(`${n} ${random.unit()}`));
    const won = new Map<number, number>();
    for (let group = 0; group < 800; group++) {
      const first = peers.find((self) => rank(self, others(self, peers), 5, group) === 0) ?? -1;
      won.set(first, (won.get(first) ?? 0) + 1);
    }
    // 100 each; a deviation is ten.
    for (const peer of peers) {
      expect(won.get(peer)).toBeGreaterThan(60);
      expect(won.get(peer)).toBeLessThan(140);
    }
  });
  test("of one group says nothing about the next, nor about another content", () => {
    const [one, other] = [seedOf("one"), seedOf("other")];
    const firsts = (content: number): string =>
      Array.from({ length: 64 }, (_, group) => rank(one, [other], content, group)).join("");
    expect(firsts(1)).not.toBe(firsts(2));
    expect(firsts(1)).toMatch(/01/);
    expect(firsts(1)).toMatch(/10/);
  });
});

test("a group is a mebibyte of default chunks", () => {
  expect(GROUP_CHUNKS * 256 * 1024).toBe(1024 * 1024);
});

test("scores and seeds are whole numbers of 32 bits, and names that differ little differ", () => {
  fc.assert(
    fc.property(fc.string(), u32, u32, (name, content, group) => {
      for (const value of [seedOf(name), score(seedOf(name), content, group)]) {
        expect(Number.isInteger(value) && value >= 0 && value < 2 ** 32).toBe(true);
      }
    }),
  );
  const seeds = new Set(Array.from({ length: 10_000 }, (_, n) => seedOf(`peer-${n}`)));
  expect(seeds.size).toBeGreaterThan(9990);
});

test("readers of one file start all over it, and inside it", () => {
  const starts = Array.from({ length: 400 }, (_, n) => startOf(seedOf(`${n}`), 9, 40));
  expect(starts.every((start) => start >= 0 && start < 40)).toBe(true);
  expect(new Set(starts).size).toBe(40);
  expect(startOf(1, 2, 0)).toBe(0);
});

test("the n-th of a crowd begins as far as can be from those before it", () => {
  expect([0, 1, 2, 3, 4, 5].map(placeOf)).toEqual([0, 1 / 2, 1 / 4, 3 / 4, 1 / 8, 5 / 8]);
});
