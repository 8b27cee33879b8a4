// The plan by table. Each group is named after a numbered rule at the head of `plan.ts`.

import { describe, expect, test } from "vitest";
import { plan } from "../../../../../client/core/retrieve/plan.ts";
import type { Flight } from "../../../../../client/core/retrieve/view.ts";
import type { ContentId } from "../../../../../client/core/vocabulary.ts";
import type { PeerId } from "../../../../../tracker/protocol/ids.ts";
import {
  CHUNK,
  contentOf,
  FILM,
  type LinkFacts,
  link,
  NOW,
  ranked,
  reads,
  requests,
  run,
  upTo,
  view,
  want,
} from "./views.ts";

const flight = (from: string, since = NOW): Flight => ({ from: from as PeerId, since });

describe("rule 1: peers before the origin, and one source for one chunk", () => {
  test("what a peer holds is asked of it, what nobody holds is read", () => {
    const { actions } = plan(view([want({ chunks: 4 })], [link({ holds: [1, 2] })]));
    expect(requests(actions).sort()).toEqual(["peer:1", "peer:2"]);
    expect(reads(actions).sort()).toEqual(["0-0", "3-3"]);
  });
  test("what is held, or under way from anybody, is left alone", () => {
    const flying = { 1: [flight("peer")], 2: [flight("origin")] };
    const { actions } = plan(
      view([want({ chunks: 5, held: [0], flying })], [link({ holds: "all", openRequests: 1 })]),
    );
    expect(requests(actions).sort()).toEqual(["peer:3", "peer:4"]);
    expect(reads(actions)).toEqual([]);
  });
  test.each<[string, LinkFacts]>([
    ["is not ready", { ready: false }],
    ["chokes", { choking: true }],
    ["rests", { restUntil: NOW + 1 }],
    ["is silent", { openRequests: 1, silent: 1000 }],
    ["has not answered", { awaitedSince: NOW - 5000 }],
    ["has as much in hand as it takes", { openRequests: 3 }],
    ["takes no more requests", { openRequests: 1, requestLimit: 1 }],
  ])("a peer that %s is not asked", (_what, facts) => {
    const { actions } = plan(view([want()], [link({ holds: "all", ...facts })]));
    expect(requests(actions)).toEqual([]);
  });
  test("a peer whose rest is over is asked, one that rests is looked at when it is over", () => {
    expect(requests(plan(view([want()], [link({ holds: [0], restUntil: NOW })])).actions)).toEqual([
      "peer:0",
    ]);
    const { wakeAt } = plan(view([want()], [link({ holds: "all", restUntil: NOW + 400 })]));
    expect(wakeAt).toBe(NOW + 400);
  });
  test("a chunk is asked of whom it will come from first, all they owe counted", () => {
    const content = contentOf(1);
    const quick = link({ id: "quick", holds: "all", rate: 4_000_000, owed: 0 });
    const slow = link({ id: "slow", holds: "all", rate: 1_000_000, owed: 0 });
    const busy = link({ id: "busy", holds: "all", rate: 9_000_000, owed: 4_000_000 });
    const far = link({ id: "far", holds: "all", rate: 9_000_000, rttMs: 900 });
    const { actions } = plan(view([want({ content })], [slow, busy, quick, far]));
    expect(requests(actions)).toEqual(["quick:0"]);
  });
  test("work is spread while it is handed out", () => {
    const links = ["one", "other"].map((id) => link({ id, holds: "all" }));
    const { actions } = plan(view([want({ chunks: 6, kind: "stream" })], links));
    expect(requests(actions).filter((one) => one.startsWith("one:"))).toHaveLength(3);
  });
  test("all together get as much as they brought in 0.8 s of late, and four chunks at least", () => {
    const asked = (lately: number, facts: Parameters<typeof want>[0] = {}, owed = 0): number => {
      const links = ["one", "other"].map((id) =>
        link({ id, holds: "all", rate: 1e9, lately, owed }),
      );
      return requests(plan(view([want({ chunks: 64, ...facts })], links)).actions).length;
    };
    expect([asked(0), asked(CHUNK * 5), asked(CHUNK * 5, {}, CHUNK * 3)]).toEqual([4, 8, 2]);
    const silent = link({ id: "silent", strikes: 1, restUntil: NOW + 1, owed: CHUNK * 4 });
    const rest = plan(
      view([want({ chunks: 64 })], [silent, link({ holds: "all", rate: 1e9, lately: 0 })]),
    );
    expect(requests(rest.actions)).toHaveLength(4);
    // The page waits for a small asset, and for what it plays: a download beside them must not hold them up.
    expect(asked(0, { kind: "asset" })).toBe(64);
    expect(asked(0, { kind: "stream" })).toBe(64);
  });
  test("a peer gets as much as keeps it busy for two round trips and 100 ms, and no less than two", () => {
    const asked = (rate: number | null, rttMs: number | null = null): number =>
      requests(plan(view([want({ chunks: 64 })], [link({ holds: "all", rate, rttMs })])).actions)
        .length;
    expect([asked(null), asked(1), asked(CHUNK * 20), asked(1e9)]).toEqual([3, 2, 3, 32]);
    expect(asked(CHUNK * 20, 250)).toBe(13);
  });
});

describe("rule 2: what goes first", () => {
  const everything = link({ id: "seed", holds: "all", rate: 1e9 });
  const common = link({ id: "other", holds: [0, 1, 2, 3, 4, 6, 7], rate: 1, openRequests: 32 });
  const order = (kind: "bulk" | "stream" | "asset"): number[] =>
    requests(plan(view([want({ chunks: 8, kind, start: 3 })], [everything, common])).actions).map(
      (one) => Number(one.slice(one.indexOf(":") + 1)),
    );

  test("bulk takes what the page waits for, then the rarest, then from its own place on", () => {
    const chunks = order("bulk");
    expect(chunks.slice(0, 2).sort()).toEqual([0, 1]);
    expect(chunks[2]).toBe(5);
    const round = upTo(8).map((n) => (3 + n) % 8);
    expect(chunks.slice(3)).toEqual(round.filter((index) => ![0, 1, 5].includes(index)));
  });
  test.each(["stream", "asset"] as const)("a %s goes in order", (kind) => {
    expect(order(kind)).toEqual(upTo(8));
  });
  test("far beyond its position a stream takes the rarest first, too", () => {
    const rare = link({ id: "seed", holds: "all", rate: 1e9 });
    const most = upTo(24).filter((index) => index !== 3 && index !== 21);
    const others = link({ id: "other", holds: most, rate: 1, openRequests: 32 });
    const { actions } = plan(view([want({ chunks: 24, kind: "stream" })], [rare, others]));
    const chunks = requests(actions).map((one) => Number(one.slice(one.indexOf(":") + 1)));
    expect(chunks).toEqual([...upTo(16), 21, 16, 17, 18, 19, 20, 22, 23]);
  });
  test("the most urgent request is served first", () => {
    const news = want({ content: contentOf(4, "news" as ContentId) });
    const { actions } = plan(view([news, want({ chunks: 4 })], [link({ holds: "all" })]));
    expect(actions.map((one) => ("content" in one ? one.content : ""))).toEqual([
      "news",
      "news",
      "news",
    ]);
  });
});

describe("rule 3: one reader for a chunk that nobody holds", () => {
  const [first = 0, second = 0, third = 0] = ranked(3);
  const among = (self: number, facts: Parameters<typeof want>[0] = {}, rivals?: LinkFacts) => {
    const others = [first, second, third].filter((seed) => seed !== self);
    const links = others.map((seed) => link({ id: `${seed}`, seed, wants: true, ...rivals }));
    return plan(view([want({ chunks: 4, ...facts })], links, { selfSeed: self }));
  };

  test("the first of the ranking reads at once; the others wait for their turns", () => {
    expect(reads(among(first).actions)).toEqual(["0-3"]);
    for (const [self, turn] of [
      [second, 300],
      [third, 600],
    ] as const) {
      const waiting = among(self);
      expect([waiting.actions, waiting.wakeAt]).toEqual([[], NOW + turn]);
      expect(reads(among(self, { originIdleSince: NOW - turn }).actions)).toEqual(["0-3"]);
    }
  });
  test("where the origin is slow the elected reader is given time to read his share", () => {
    const links = [link({ id: "a", seed: first, wants: true })];
    const wakeAt = (bytesPerSecond: number, facts: Parameters<typeof want>[0] = {}) =>
      plan(
        view([want({ chunks: 4, ...facts })], links, {
          selfSeed: second,
          origin: { freeReads: 12, bytesPerSecond },
        }),
      ).wakeAt;
    expect(wakeAt(4 * CHUNK)).toBe(NOW + 2000);
    expect(wakeAt(400 * CHUNK)).toBe(NOW + 300);
    expect(wakeAt(1)).toBe(NOW + 5000);
    expect(wakeAt(1, { kind: "stream" })).toBe(NOW + 300);
  });
  test("for an asset turns are shorter, and count from its beginning", () => {
    const asset = { kind: "asset" as const, originIdleSince: 0 };
    expect(among(second, asset).wakeAt).toBe(NOW + 100);
    expect(reads(among(second, { ...asset, startedAt: NOW - 100 }).actions)).toEqual(["0-3"]);
  });
  test("what is not missed yet is left to the others longer, but not longer than until then", () => {
    const waiting = (dueAt: number | "never") => among(third, { dueAt });
    expect([waiting("never").actions, waiting("never").wakeAt]).toEqual([[], NOW + 2000]);
    expect(waiting(NOW + 1500).wakeAt).toBe(NOW + 1500);
    expect(reads(among(third, { dueAt: NOW - 1, originIdleSince: NOW - 600 }).actions)).toEqual([
      "0-3",
    ]);
  });
  test.each<[string, LinkFacts]>([
    ["do not want it", { wants: false }],
    ["choke", { choking: true }],
    ["have not answered", { awaitedSince: NOW - 5000 }],
  ])("peers that %s do not stand for election", (_what, facts) => {
    expect(reads(among(third, {}, facts).actions)).toEqual(["0-3"]);
  });
  test("while peers bring something, others' shares of a download are theirs, but not what it waits for", () => {
    const late = { chunks: 8, peersSince: NOW - 9000, originIdleSince: 0 };
    const supplied = (facts: Parameters<typeof want>[0], rivals?: LinkFacts) =>
      among(third, { ...late, ...facts }, rivals);
    const { actions, wakeAt } = supplied({ broughtAt: NOW - 499 });
    expect([reads(actions), wakeAt]).toEqual([["0-0"], NOW + 1]);
    expect(reads(supplied({ broughtAt: NOW - 500 }).actions)).toEqual(["0-7"]);
    // Not for what they bring too slowly, nor for who plays it, nor before anything was asked of them.
    const slow = { holds: [7], rate: 100_000, openRequests: 32 };
    expect(reads(supplied({ broughtAt: NOW }, slow).actions)).toEqual(["0-7"]);
    expect(reads(supplied({ broughtAt: NOW, kind: "stream" }).actions)).toEqual(["0-7"]);
    expect(reads(supplied({ broughtAt: NOW, peersSince: null }).actions)).toEqual(["0-7"]);
    // Two are no crowd.
    const other = link({ seed: first, wants: true });
    const pair = view([want({ ...late, broughtAt: NOW })], [other], { selfSeed: second });
    expect(reads(plan(pair).actions)).toEqual(["0-7"]);
  });
  test("where the origin is slow they are waited for longer", () => {
    const links = [first, second].map((seed) => link({ id: `${seed}`, seed, wants: true }));
    const late = { chunks: 8, peersSince: NOW - 9000, originIdleSince: 0 };
    const slow = { selfSeed: third, origin: { freeReads: 12, bytesPerSecond: 4 * CHUNK } };
    const at = (broughtAt: number) =>
      reads(plan(view([want({ ...late, broughtAt })], links, slow)).actions);
    expect([at(NOW - 1999), at(NOW - 2000)]).toEqual([["0-0"], ["0-7"]]);
  });
  test("who reads already takes on nobody else's chunks", () => {
    const runs = [run(9)];
    expect(reads(among(second, { originIdleSince: 0, runs }).actions)).toEqual([]);
  });
  test.each([
    ["bulk", 3000],
    ["stream", 1000],
    ["asset", 300],
  ] as const)("in %s, a chunk that a peer is reading is left to it for %i ms", (kind, patience) => {
    const pending = (since: number) => ({ pending: { 0: since, 1: since, 2: since, 3: since } });
    const early = among(first, { kind }, pending(NOW - patience + 10));
    expect([early.actions, early.wakeAt]).toEqual([[], NOW + 10]);
    const late = among(first, { kind }, pending(NOW - patience));
    expect(reads(late.actions)).toEqual(["0-3"]);
  });
  test("nothing is read while the origin rests, and it is looked at when that is over", () => {
    const resting = among(first, { originRestUntil: NOW + 250 });
    expect([resting.actions, resting.wakeAt]).toEqual([[], NOW + 250]);
  });
  test("nothing is read when there is no read to spare", () => {
    const origin = { freeReads: 0, bytesPerSecond: null };
    expect(plan(view([want()], [], { origin })).actions).toEqual([]);
  });
});

describe("rule 4: while links are still being made", () => {
  const expecting = { chunks: 64, start: 25, expectUntil: NOW + 400, headStart: 3 };
  test("only a little is read, what the page waits for first", () => {
    const { actions, wakeAt } = plan(view([want(expecting)]));
    // The rest of the head start is read elsewhere: a crowd would read the same three chunks six times.
    expect(reads(actions)).toEqual(["0-0", "25-26"]);
    expect(wakeAt).toBe(NOW + 400);
    expect(plan(view([want({ ...expecting, headStart: 0 })])).actions).toEqual([]);
  });
  test("what the page does not miss yet waits for them", () => {
    const soon = { ...expecting, dueAt: NOW + 300 };
    expect(plan(view([want(soon)]))).toEqual({ actions: [], wakeAt: NOW + 300 });
    expect(plan(view([want({ ...soon, dueAt: "never" })])).actions).toEqual([]);
    expect(reads(plan(view([want({ ...soon, expectUntil: NOW })])).actions)).toEqual(["0-63"]);
  });
  test("a peer that is asked for what is not missed yet has half a second to answer", () => {
    const early = want({ dueAt: NOW + 2000 });
    const asked = (since: number) => plan(view([early], [link({ awaitedSince: since })]));
    expect(asked(NOW - 499)).toEqual({ actions: [], wakeAt: NOW + 1 });
    expect(reads(asked(NOW - 500).actions)).not.toEqual([]);
  });
  test("a peer that has just been asked is waited for, then counts as holding nothing", () => {
    const asked = (since: number) =>
      plan(view([want({ chunks: 64, start: 25 })], [link({ awaitedSince: since })]));
    expect(reads(asked(NOW - 99).actions)).toEqual(["0-0", "25-25"]);
    expect(asked(NOW - 99).wakeAt).toBe(NOW + 1);
    expect(reads(asked(NOW - 100).actions)).toEqual(["0-63"]);
    const far = link({ awaitedSince: NOW - 150, rttMs: 80 });
    expect(plan(view([want()], [far])).wakeAt).toBe(NOW + 10);
  });
  test("alone and with nobody to come, all of it is one read", () => {
    expect(reads(plan(view([want({ chunks: 64 })])).actions)).toEqual(["0-63"]);
    expect(reads(plan(view([want({ chunks: 64, held: [5] })])).actions)).toEqual(["0-4"]);
  });
  test("in a crowd, reads are short", () => {
    const crowd = want({ chunks: 64, start: 25, crowded: true });
    expect(reads(plan(view([crowd])).actions)).toEqual(["0-0", "25-32"]);
  });
});

describe("rule 5: silence and slowness", () => {
  test("a peer that owes is silent after its patience", () => {
    const silent = (time: number) =>
      plan(view([], [link({ openRequests: 1, silent: time, patience: 1400 })]));
    expect(silent(1400).actions).toEqual([{ do: "rest", peer: "peer" }]);
    expect(silent(1399)).toEqual({ actions: [], wakeAt: NOW + 1 });
  });
  test("while it rests it is not rested again", () => {
    const quiet = { openRequests: 1, silent: 1400 };
    const { actions, wakeAt } = plan(view([], [link({ ...quiet, restUntil: NOW + 50 })]));
    expect([actions, wakeAt]).toEqual([[], NOW + 50]);
    expect(plan(view([], [link({ ...quiet, restUntil: NOW })])).actions).toHaveLength(1);
  });
  test("by as much as this page stood still, its peers may be silent longer", () => {
    const owing = link({ holds: "all", openRequests: 1, silent: 1399 });
    const late = plan(view([want({ chunks: 1 })], [owing], { late: 400 }));
    expect(late.actions.map((one) => one.do)).toEqual(["request"]);
    expect(late.wakeAt).toBe(NOW + 1);
    const later = plan(view([], [{ ...owing, silentFor: () => 1400 }], { late: 400 }));
    expect(later.actions).toEqual([{ do: "rest", peer: "peer" }]);
  });
  test("who rests still counts in the election, and is still left what it said it reads", () => {
    const [first = 0, second = 0] = ranked(2);
    const resting = link({ seed: first, wants: true, restUntil: NOW + 500 });
    const elected = (selfSeed: number, other: ReturnType<typeof link>) =>
      reads(plan(view([want({ chunks: 4 })], [other], { selfSeed })).actions);
    expect(elected(second, resting)).toEqual([]);
    expect(elected(second, link({ seed: 0, wants: false, restUntil: NOW + 500 }))).toEqual(["0-3"]);
    const reading = link({ restUntil: NOW + 500, pending: { 0: NOW - 10, 1: NOW - 10 } });
    expect(elected(second, reading)).toEqual(["2-3"]);
  });
  test("in a crowd that brings something, what one holds who falters is left to it", () => {
    const [first = 0, second = 0, third = 0] = ranked(3);
    const open = (facts: LinkFacts, wanted: Parameters<typeof want>[0] = {}) => {
      const falters = link({ id: "a", seed: second, wants: true, holds: [0, 1, 2], ...facts });
      const other = link({ id: "b", seed: third, wants: true });
      const of = want({ chunks: 4, peersSince: NOW - 100, ...wanted });
      return plan(view([of], [falters, other], { selfSeed: first }));
    };
    const resting = { strikes: 2, restUntil: NOW + 700 };
    // Not what the download waits for.
    expect(reads(open(resting).actions)).toEqual(["0-0", "3-3"]);
    expect(reads(open({ openRequests: 1, silent: 1000 }).actions)).toEqual(["0-0", "3-3"]);
    expect(reads(open(resting, { broughtAt: NOW - 500 }).actions)).toEqual(["0-3"]);
    expect(reads(open({ ...resting, strikes: 3 }).actions)).toEqual(["0-3"]);
  });
  test("what a silent peer owes is not asked of it again in the same plan", () => {
    const quiet = link({ id: "quiet", holds: "all", openRequests: 1, silent: 1000 });
    const { actions } = plan(view([want({ chunks: 1 })], [quiet]));
    expect(actions.map((one) => one.do)).toEqual(["rest", "read"]);
  });

  const slow = link({ holds: "all", openRequests: 3, rate: 400_000 });
  const helped = (facts: Parameters<typeof want>[0], bytesPerSecond: number | null, from = slow) =>
    plan(
      view([want({ chunks: 8, ...facts })], [from], { origin: { freeReads: 9, bytesPerSecond } }),
    );
  test("the origin helps peers that together are slow, once they have had time to show it", () => {
    expect(reads(helped({ peersSince: NOW - 1500 }, null).actions)).toEqual(["0-7"]);
    const early = helped({ peersSince: NOW - 1400 }, null);
    expect(reads(early.actions)).toEqual([]);
    expect(early.wakeAt).toBe(NOW + 100);
  });
  test("it does not help peers that give as much as it gives, or 20 Mbit/s", () => {
    const since = { peersSince: NOW - 1500 };
    expect(reads(helped(since, 400_000).actions)).toEqual([]);
    expect(reads(helped(since, 401_000).actions)).toEqual(["0-7"]);
    const good = link({ holds: "all", openRequests: 32, rate: 2_500_000 });
    expect(reads(helped(since, null, good).actions)).toEqual([]);
  });
  test("in a crowd the origin is everybody's: only peers that give next to nothing are helped", () => {
    const since = { peersSince: NOW - 1500, crowded: true };
    const giving = (rate: number) => link({ holds: "all", openRequests: 32, rate });
    expect(reads(helped(since, null, giving(250_000)).actions)).toEqual([]);
    expect(reads(helped(since, null, giving(249_000)).actions)).not.toEqual([]);
  });
  test("it does not help with what the page does not miss yet", () => {
    const soon = helped({ peersSince: NOW - 1500, dueAt: NOW + 100 }, null);
    expect([reads(soon.actions), soon.wakeAt]).toEqual([[], NOW + 100]);
    expect(reads(helped({ peersSince: NOW - 1500, dueAt: "never" }, null).actions)).toEqual([]);
  });
  test("a peer that is busy is waited for while anybody brings anything; one that was silent is not", () => {
    const since = { chunks: 8, peersSince: NOW - 5000 };
    const busy = link({ holds: "all", restUntil: NOW + 800, rate: 9_000_000 });
    expect(reads(plan(view([want({ ...since, broughtAt: NOW - 1499 })], [busy])).actions)).toEqual(
      [],
    );
    expect(reads(plan(view([want({ ...since, broughtAt: NOW - 1500 })], [busy])).actions)).toEqual([
      "0-7",
    ]);
    const silent = { ...busy, strikes: 1 };
    expect(reads(plan(view([want(since)], [silent])).actions)).toEqual(["0-7"]);
  });
  test("what was just asked of a peer in another request does not keep it from helping", () => {
    const since = { peersSince: NOW - 1500 };
    const news = want({ ...since, content: contentOf(2, "news" as ContentId) });
    const film = want({ ...since, chunks: 4 });
    const one = link({ holds: "all", openRequests: 0, rate: 100_000 });
    const { actions } = plan(view([news, film], [one]));
    expect(requests(actions)).toHaveLength(2);
    const read = actions.flatMap((action) =>
      action.do === "read" && action.content === FILM ? [action] : [],
    );
    expect(read).toEqual([{ do: "read", content: FILM, first: 0, last: 3 }]);
  });

  test("an origin that says nothing for ten seconds is given up", () => {
    const runs = (progressAt: number) => [run(2, 7, progressAt)];
    expect(plan(view([want({ runs: runs(NOW - 10_000) })])).actions).toContainEqual({
      do: "abandon",
      content: FILM,
      at: 2,
    });
    const { actions, wakeAt } = plan(view([want({ held: upTo(8), runs: runs(NOW - 9000) })]));
    expect([actions, wakeAt]).toEqual([[], NOW + 1000]);
  });
});
