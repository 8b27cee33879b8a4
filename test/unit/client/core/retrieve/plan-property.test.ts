// The plan by property: whatever the view, what it says keeps to the rules; and among peers that see each other, every
// chunk is read from the origin by exactly one of them.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plan } from "../../../../../client/core/retrieve/plan.ts";
import type {
  Action,
  Flight,
  LinkView,
  PlanView,
  WantView,
} from "../../../../../client/core/retrieve/view.ts";
import type { ContentId } from "../../../../../client/core/vocabulary.ts";
import type { PeerId } from "../../../../../tracker/protocol/ids.ts";
import { SimRandom } from "../../../../sim/random.ts";
import { contentOf, link, NOW, run, upTo, view, want } from "./views.ts";

const MOST_CHUNKS = 24;
const NAMES = ["a", "b", "c", "d", "e"];

const before = (span: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: span }).map((age) => NOW - age);
const around = (span: number): fc.Arbitrary<number> =>
  fc.integer({ min: -span, max: span }).map((offset) => NOW + offset);
const some = fc.subarray(upTo(MOST_CHUNKS));

const linkViews: fc.Arbitrary<LinkView[]> = fc
  .uniqueArray(fc.constantFrom(...NAMES), { maxLength: NAMES.length })
  .chain((names) =>
    fc.tuple(
      ...names.map((id) =>
        fc
          .record({
            seed: fc.nat(),
            ready: fc.integer({ min: 0, max: 4 }).map((roll) => roll > 0),
            choking: fc.integer({ min: 0, max: 4 }).map((roll) => roll === 0),
            restUntil: fc.oneof(fc.constant(0), around(2000)),
            strikes: fc.nat(2),
            openRequests: fc.integer({ min: 0, max: 8 }),
            requestLimit: fc.integer({ min: 1, max: 32 }),
            rttMs: fc.option(fc.integer({ min: 0, max: 3000 })),
            rate: fc.option(fc.integer({ min: 1, max: 100_000_000 })),
            silent: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3000 })),
            awaitedSince: fc.oneof(
              { weight: 4, arbitrary: fc.constant("answered" as const) },
              { weight: 1, arbitrary: fc.constant("unasked" as const) },
              { weight: 1, arbitrary: before(3000) },
            ),
            holds: some,
            pending: fc.dictionary(
              fc.integer({ min: 0, max: MOST_CHUNKS - 1 }).map(String),
              before(4000),
            ),
            wants: fc.boolean(),
          })
          // Nobody is silent who owes nothing.
          .map((facts) =>
            link({ ...facts, id, silent: facts.openRequests === 0 ? 0 : facts.silent }),
          ),
      ),
    ),
  );

const flights: fc.Arbitrary<Flight[]> = fc
  .uniqueArray(fc.constantFrom("origin", ...NAMES), { minLength: 1, maxLength: 2 })
  .chain((sources) =>
    fc.tuple(
      ...sources.map((from) => before(2000).map((since) => ({ from: from as PeerId, since }))),
    ),
  );

const wantViews = (id: string): fc.Arbitrary<WantView> =>
  fc
    .record({
      chunks: fc.integer({ min: 1, max: MOST_CHUNKS }),
      kind: fc.constantFrom("bulk", "stream", "asset"),
      ends: fc.tuple(fc.nat(MOST_CHUNKS), fc.nat(MOST_CHUNKS)),
      startedAt: before(5000),
      dueAt: fc.oneof(fc.constant("never" as const), around(4000)),
      broughtAt: before(5000),
      start: fc.nat(MOST_CHUNKS - 1),
      peersSince: fc.option(before(5000)),
      expectUntil: around(2000),
      headStart: fc.integer({ min: 0, max: 4 }),
      crowded: fc.boolean(),
      originIdleSince: before(3000),
      originRestUntil: fc.oneof(fc.constant(0), around(1000)),
      held: some,
      flying: fc.dictionary(fc.integer({ min: 0, max: MOST_CHUNKS - 1 }).map(String), flights),
      runs: fc.uniqueArray(
        fc.record({
          at: fc.nat(MOST_CHUNKS - 1),
          length: fc.nat(MOST_CHUNKS),
          progressAt: before(12_000),
          remaining: fc.nat(20_000),
        }),
        { maxLength: 2, selector: ({ at }) => at },
      ),
    })
    .map(({ chunks, ends, held, flying, runs, ...facts }) => {
      const [one = 0, other = 0] = ends.map((end) => Math.min(end, chunks));
      const inFlight = Object.entries(flying).filter(([index]) => !held.includes(Number(index)));
      return want({
        ...facts,
        content: contentOf(chunks, id as ContentId),
        position: Math.min(one, other),
        until: Math.max(one, other),
        held,
        flying: Object.fromEntries(inFlight),
        runs: runs.map(({ at, length, progressAt, remaining }) =>
          run(at, at + length, progressAt, remaining),
        ),
      });
    });

const views: fc.Arbitrary<PlanView> = fc
  .record({
    selfSeed: fc.nat(),
    links: linkViews,
    wants: fc.tuple(wantViews("film"), wantViews("news")),
    count: fc.integer({ min: 1, max: 2 }),
    origin: fc.record({
      freeReads: fc.integer({ min: 0, max: 4 }),
      bytesPerSecond: fc.option(fc.integer({ min: 1, max: 100_000_000 })),
    }),
  })
  .map(({ count, wants, ...facts }) => view(wants.slice(0, count), facts.links, facts));

interface Sought {
  readonly want: WantView;
  readonly index: number;
  readonly from: LinkView | "origin";
}

/** Every chunk the actions would bring, with the source it would come from. */
function sought(actions: readonly Action[], { wants, links }: PlanView): Sought[] {
  const find = (id: ContentId): WantView => {
    const found = wants.find((one) => one.content.id === id);
    if (found === undefined) throw new Error("an action for a content nobody wants");
    return found;
  };
  return actions.flatMap((action): Sought[] => {
    if (action.do === "request") {
      const from = links.find((one) => one.id === action.peer);
      if (from === undefined) throw new Error("a request to a peer that is not linked");
      return [{ want: find(action.content), index: action.index, from }];
    }
    if (action.do !== "read") return [];
    return upTo(action.last - action.first + 1).map((offset) => ({
      want: find(action.content),
      index: action.first + offset,
      from: "origin",
    }));
  });
}

describe("for any view", () => {
  const holds = (property: (one: PlanView) => void): void =>
    fc.assert(fc.property(views, property), { numRuns: 600 });

  test("what is sought is wanted, not held, and inside the asked range", () => {
    holds((one) => {
      for (const { want: wanted, index } of sought(plan(one).actions, one)) {
        expect(wanted.has(index)).toBe(false);
        expect(index).toBeGreaterThanOrEqual(wanted.position);
        expect(index).toBeLessThan(wanted.until);
      }
    });
  });
  test("nobody is asked who lacks it, chokes, rests, is silent or not ready", () => {
    holds((one) => {
      for (const { want: wanted, index, from } of sought(plan(one).actions, one)) {
        if (from === "origin") continue;
        expect(from.has(wanted.content.id, index)).toBe(true);
        expect([from.ready, from.choking]).toEqual([true, false]);
        expect(from.restUntil).toBeLessThanOrEqual(NOW);
        expect(from.silentFor(NOW)).toBeLessThan(from.patience);
      }
    });
  });
  test("nobody is asked for more at once than it takes", () => {
    holds((one) => {
      const asked = sought(plan(one).actions, one).map(({ from }) => from);
      for (const from of one.links) {
        const more = asked.filter((other) => other === from).length;
        if (more > 0) expect(from.openRequests + more).toBeLessThanOrEqual(from.requestLimit);
      }
    });
  });
  test("no chunk has two sources outside the hedge, the relief and the end-game, nor a third but the origin (I3)", () => {
    holds((one) => {
      const seen = new Set<string>();
      for (const { want: wanted, index, from } of sought(plan(one).actions, one)) {
        const key = `${wanted.content.id} ${index}`;
        expect(seen.has(key)).toBe(false);
        seen.add(key);
        const flights = wanted.flights(index).map((flight) => flight.from);
        if (flights.length === 0) continue;
        expect(flights).not.toContain(from === "origin" ? from : from.id);
        if (from === "origin") {
          // The hedge.
          expect(wanted.kind).not.toBe("bulk");
          expect(wanted.dueAt === "never" ? NOW + 1 : wanted.dueAt).toBeLessThanOrEqual(NOW);
          continue;
        }
        expect(flights).toHaveLength(1);
        if (!wanted.runs.some(({ at }) => at === index)) {
          // The end-game; otherwise the relief.
          const missing = upTo(wanted.until)
            .slice(wanted.position)
            .filter((other) => !wanted.has(other) && wanted.flights(other).length === 0);
          expect([wanted.kind === "asset", missing]).toEqual([false, []]);
        }
      }
    });
  });
  test("nothing is read at an origin that rests, and no more at once than there are reads", () => {
    holds((one) => {
      const read = plan(one).actions.filter((action) => action.do === "read");
      expect(read.length).toBeLessThanOrEqual(one.origin.freeReads);
      for (const { content } of read) {
        const wanted = one.wants.find((other) => other.content.id === content);
        expect(wanted?.originRestUntil).toBeLessThanOrEqual(NOW);
      }
    });
  });
  test("it looks again in the future or never, and never sleeps with work left", () => {
    holds((one) => {
      const { actions, wakeAt } = plan(one);
      if (wakeAt !== "never") expect(wakeAt).toBeGreaterThan(NOW);
      const isIdle = actions.length === 0 && wakeAt === "never";
      if (!isIdle || one.origin.freeReads === 0) return;
      for (const wanted of one.wants) {
        if (wanted.runs.length > 0) continue;
        for (let index = wanted.position; index < wanted.until; index++) {
          expect(wanted.has(index) || wanted.flights(index).length > 0).toBe(true);
        }
      }
    });
  });
  test("only open reads are cut or given up, and only shortened", () => {
    holds((one) => {
      for (const action of plan(one).actions) {
        if (action.do !== "trim" && action.do !== "abandon") continue;
        const wanted = one.wants.find((other) => other.content.id === action.content);
        const runs = wanted?.runs.filter(({ at }) => at === action.at) ?? [];
        expect(runs.length).toBeGreaterThan(0);
        if (action.do === "abandon") continue;
        // One that has brought nothing yet may be taken back whole.
        expect(action.last).toBeGreaterThanOrEqual(action.at - 1);
        expect(action.last).toBeLessThanOrEqual(Math.max(...runs.map(({ last }) => last)));
      }
    });
  });
  test("the same view gives the same plan", () => {
    holds((one) => {
      expect(plan(one)).toEqual(plan(one));
    });
  });
});

/** One of a crowd in which everybody sees everything at once. */
interface Member {
  readonly name: string;
  readonly seed: number;
  readonly held: Set<number>;
  readonly runs: { at: number; last: number }[];
}

class Crowd {
  readonly members: readonly Member[];
  readonly reads = new Map<number, string[]>();
  readonly #chunks: number;
  readonly #kind: WantView["kind"];

  constructor(seeds: readonly number[], chunks: number, kind: WantView["kind"]) {
    this.#chunks = chunks;
    this.#kind = kind;
    this.members = seeds.map((seed, at) => ({
      name: `m${at}`,
      seed,
      held: new Set<number>(),
      runs: [],
    }));
  }
  get done(): boolean {
    return this.members.every(({ held }) => held.size === this.#chunks);
  }

  /** Everybody plans on what is there now, and does it; what is asked of a peer is there at once. */
  turn(): void {
    const plans = this.members.map((self) => plan(this.#seenBy(self)).actions);
    for (const [at, actions] of plans.entries()) {
      const self = this.members[at];
      for (const action of actions) if (self !== undefined) this.#perform(self, action);
    }
  }
  /** One chunk comes from the origin to somebody who reads there. */
  progress(pick: (count: number) => number): void {
    const readers = this.members.filter(({ runs }) => runs.length > 0);
    const reader = readers[pick(readers.length)];
    const open = reader?.runs[0];
    if (reader === undefined || open === undefined) return;
    reader.held.add(open.at++);
    if (open.at > open.last) reader.runs.shift();
  }

  #perform(self: Member, action: Action): void {
    if (action.do === "request") self.held.add(action.index);
    if (action.do === "trim") {
      const open = self.runs.find(({ at }) => at === action.at);
      if (open !== undefined) open.last = Math.min(open.last, action.last);
    }
    if (action.do !== "read") return;
    self.runs.push({ at: action.first, last: action.last });
    for (let index = action.first; index <= action.last; index++) {
      this.reads.set(index, [...(this.reads.get(index) ?? []), self.name]);
    }
  }
  #seenBy(self: Member): PlanView {
    const covers = ({ runs }: Member, index: number): boolean =>
      runs.some(({ at, last }) => index >= at && index <= last);
    const links = this.members
      .filter((other) => other !== self)
      .map((other) =>
        link({
          id: other.name,
          seed: other.seed,
          holds: [...other.held],
          wants: true,
          rate: 10_000_000,
          pending: Object.fromEntries(
            upTo(this.#chunks)
              .filter((index) => covers(other, index))
              .map((index) => [index, NOW]),
          ),
        }),
      );
    const flying = Object.fromEntries(
      upTo(this.#chunks)
        .filter((index) => covers(self, index))
        .map((index) => [index, [{ from: "origin" as const, since: NOW }]]),
    );
    const position = upTo(this.#chunks).find((index) => !self.held.has(index)) ?? this.#chunks;
    const runs = self.runs.map(({ at, last }) => run(at, last));
    const wanted = want({
      chunks: this.#chunks,
      kind: this.#kind,
      position,
      until: this.#chunks,
      held: [...self.held],
      flying,
      runs,
    });
    return view([wanted], links, { selfSeed: self.seed });
  }
}

test("peers that see each other read every chunk once between them, and all get all of it", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom<WantView["kind"]>("bulk", "stream", "asset"),
      fc.nat(),
      (seeds, chunks, kind, dice) => {
        const crowd = new Crowd(seeds, chunks, kind);
        const random = new SimRandom(`${dice}`);
        for (let round = 0; !crowd.done; round++) {
          if (round > 40 * chunks) throw new Error("it does not end");
          crowd.turn();
          crowd.progress((count) => Math.floor(random.unit() * count));
        }
        expect(upTo(chunks).map((index) => crowd.reads.get(index)?.length)).toEqual(
          upTo(chunks).map(() => 1),
        );
      },
    ),
    { numRuns: 60 },
  );
});
