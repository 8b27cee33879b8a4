// Reads under way, and how they end when others turn up. Whose turn it is to read is in plan.test.ts.

import { describe, expect, test } from "vitest";
import { plan } from "../../../../../client/core/retrieve/plan.ts";
import type { Flight } from "../../../../../client/core/retrieve/view.ts";
import type { PeerId } from "../../../../../tracker/protocol/ids.ts";
import { FILM, type LinkFacts, link, NOW, ranked, run, upTo, view, want } from "./views.ts";

const flight = (from: string, since = NOW): Flight => ({ from: from as PeerId, since });

describe("a long read", () => {
  const long = { chunks: 64, held: upTo(4), runs: [run(4, 63)] };
  const trimmed = (facts: Parameters<typeof want>[0], ...links: readonly LinkFacts[]) => {
    const flying = Object.fromEntries(upTo(64).map((index) => [index, [flight("origin")]]));
    const one = want({ ...long, flying, ...facts });
    return plan(view([one], links.map(link))).actions;
  };
  test("is cut behind the next chunks when others can share the work", () => {
    const cut = [{ do: "trim", content: FILM, at: 4, last: 6 }];
    expect(trimmed({}, { wants: true })).toEqual(cut);
    expect(trimmed({}, { holds: [63] })).toEqual(cut);
  });
  test("goes on when nobody can, or when it is short already", () => {
    expect(trimmed({}, {})).toEqual([]);
    expect(trimmed({}, { wants: true, choking: true })).toEqual([]);
    expect(trimmed({ runs: [run(4, 11)] }, { wants: true })).toEqual([]);
  });
  test("begun while nobody was asked is taken back when a peer holds what it is to bring", () => {
    const begun = { runs: [{ ...run(4, 5), bytes: 0 }] };
    const back = { do: "trim", content: FILM, at: 4, last: 3 };
    expect(trimmed(begun, { holds: [4] })).toContainEqual(back);
    for (const facts of [
      { peersSince: NOW - 1 },
      { runs: [run(4, 5)] },
      { kind: "asset" as const },
    ]) {
      expect(trimmed({ ...begun, ...facts }, { holds: [4] })).not.toContainEqual(back);
    }
    expect(trimmed(begun, { holds: [5] })).not.toContainEqual(back);
  });
  test("is cut in front of what a peer holds, unless it helps that peer", () => {
    const short = { runs: [run(4, 9)], held: upTo(4) };
    const cut = [{ do: "trim", content: FILM, at: 4, last: 6 }];
    expect(trimmed(short, { holds: [7] })).toEqual(cut);
    expect(trimmed(short, { holds: [7], restUntil: NOW + 1 })).toEqual(cut);
    expect(trimmed(short, { holds: [7], restUntil: NOW + 1, strikes: 1 })).toEqual([]);
    expect(trimmed({ ...short, peersSince: NOW - 1500 }, { holds: [7], rate: 1000 })).toEqual([]);
  });
  test("is cut in front of what a peer reads whom the ranking puts first, by that one alone", () => {
    const [first = 0, second = 0] = ranked(2, 1);
    const among = (selfSeed: number, seed: number, facts: LinkFacts) => {
      const flying = Object.fromEntries(upTo(8).map((index) => [index, [flight("origin")]]));
      const one = want({ chunks: 8, held: upTo(4), flying, runs: [run(4, 7)] });
      return plan(view([one], [link({ seed, ...facts })], { selfSeed })).actions;
    };
    const reading = { wants: true, pending: { 6: NOW - 10, 7: NOW - 10 } };
    expect(among(second, first, reading)).toEqual([{ do: "trim", content: FILM, at: 4, last: 5 }]);
    expect(among(first, second, reading)).toEqual([]);
    // What it said long ago, or without wanting it, counts for nothing.
    expect(among(second, first, { wants: true, pending: { 6: NOW - 3000 } })).toEqual([]);
    expect(among(second, first, { ...reading, wants: false })).toEqual([]);
  });
  test("is cut at the end of the window when the page stops reading", () => {
    expect(trimmed({ until: 16 })).toEqual([{ do: "trim", content: FILM, at: 4, last: 15 }]);
  });
});

test("answers under way are heard for a moment before anything is read", () => {
  for (const kind of ["asset", "stream", "bulk"] as const) {
    const planned = (answerBy: number) =>
      plan(view([want({ kind, chunks: 2 })], [link({ awaitedSince: NOW - 5, answerBy })]));
    expect(planned(NOW + 20)).toMatchObject({ actions: [], wakeAt: NOW + 20 });
    expect(planned(NOW).actions[0]).toMatchObject({ do: "read" });
  }
});
