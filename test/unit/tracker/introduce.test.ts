// Whom the tracker chooses, over random swarms: the five rules of `introduce`, each a property. Rolled by fast-check,
// which prints the seed of a failure.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { introduce } from "../../../tracker/introduce.ts";
import { distanceOf, levelsOf, proximityOf } from "../../../tracker/region/where.ts";
import { MemoryRoster } from "../../../tracker/roster/memory.ts";
import type { Placed, Room } from "../../../tracker/roster/roster.ts";
import { dice } from "./stage.ts";

interface Member extends Placed {
  readonly name: number;
  readonly seats: ReadonlyMap<string, boolean>;
  readonly room: Room;
  readonly suits: boolean;
}

const SWARMS = ["film", "song", "pages"];
const members = fc.array(
  fc.record({
    network: fc.nat(3),
    country: fc.constantFrom("CZ", "SK", "US"),
    seats: fc.dictionary(fc.constantFrom(...SWARMS), fc.boolean(), {
      minKeys: 1,
      noNullPrototype: true,
    }),
    room: fc.constantFrom<Room>("open", "spare", "drained", "closed"),
    suits: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
);

const scene = fc.record({
  crowd: members,
  want: fc.integer({ min: 1, max: 16 }),
  spare: fc.nat(6),
  alone: fc.boolean(),
  seed: fc.integer(),
});
type Scene = typeof scene extends fc.Arbitrary<infer Shape> ? Shape : never;

function played({ crowd, want, spare, alone, seed }: Scene) {
  const roster = new MemoryRoster<Member>();
  const all = crowd.map((one, name): Member => {
    const continent = one.country === "US" ? "NA" : "EU";
    const networks = [`${one.country} ${one.network}`];
    return {
      name,
      levels: levelsOf({ networks, country: one.country, continent, label: one.country }),
      seats: new Map(Object.entries(one.seats)),
      room: one.room,
      suits: one.suits,
    };
  });
  for (const member of all) {
    for (const [swarm, isSeed] of member.seats) {
      roster.seat(swarm, member, { seed: isSeed, holds: isSeed, room: member.room });
    }
  }
  const [self] = all;
  if (self === undefined) throw new Error("there is always one");
  const swarms = [...self.seats].map(([key, isSeed]) => ({ key, seed: isSeed }));
  const rooms: readonly Room[] = [
    "open",
    ...(spare > 0 ? (["spare"] as const) : []),
    ...(alone ? (["drained"] as const) : []),
  ];
  const isUseful = (other: Member) =>
    [...other.seats].some(([swarm, isSeed]) => {
      const mine = self.seats.get(swarm);
      return mine !== undefined && !(mine && isSeed);
    });
  const eligible = all.filter(
    (other) => other !== self && other.suits && rooms.includes(other.room) && isUseful(other),
  );
  const picks = introduce(
    { self, swarms, want, spare, alone, roster, suits: (other) => other.suits },
    dice(seed),
  );
  return { self, eligible, picks, swarms };
}

describe("introduce", () => {
  test("picks only whom it may, each once, and says truly how near they are", () => {
    fc.assert(
      fc.property(scene, (given) => {
        const { self, eligible, picks } = played(given);
        const chosen = picks.map(({ member }) => member);
        expect(new Set(chosen).size).toBe(chosen.length);
        expect(chosen.length).toBeLessThanOrEqual(given.want);
        for (const { member, proximity } of picks) {
          expect(eligible).toContain(member);
          expect(proximity).toBe(proximityOf(self.levels, member.levels));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("finds as many as are wanted or there are; of the drained only two, and only when alone", () => {
    fc.assert(
      fc.property(scene, (given) => {
        const { eligible, picks } = played(given);
        const count = (room: Room) => eligible.filter((member) => member.room === room).length;
        const fresh = Math.min(given.want, count("open") + Math.min(given.spare, count("spare")));
        const lifelines = Math.min(count("drained"), Math.max(0, Math.min(2, given.want) - fresh));
        expect(picks.length).toBe(fresh + lifelines);
      }),
      { numRuns: 500 },
    );
  });

  test("takes the nearest first, but for at most two from further away", () => {
    fc.assert(
      fc.property(scene, (given) => {
        const { self, eligible, picks, swarms } = played({ ...given, spare: 40, alone: false });
        fc.pre(swarms.length === 1);
        const chosen = new Set(picks.map(({ member }) => member));
        const distance = (member: Member) => distanceOf(proximityOf(self.levels, member.levels));
        const leftOut = eligible.filter((member) => !chosen.has(member)).map(distance);
        const nearestLeftOut = Math.min(...leftOut);
        const further = [...chosen].filter((member) => distance(member) > nearestLeftOut);
        expect(further.length).toBeLessThanOrEqual(2);
      }),
      { numRuns: 500 },
    );
  });

  test("rolls the same dice the same way", () => {
    fc.assert(
      fc.property(scene, (given) => {
        const names = () => played(given).picks.map(({ member }) => member.name);
        expect(names()).toEqual(names());
      }),
    );
  });
});

/** A swarm of `near` members in our network and `far` on another continent, all open. */
function swarmOf(near: number, far: number) {
  const roster = new MemoryRoster<Placed>();
  const place = (network: string, continent: string): Placed => ({
    levels: levelsOf({ networks: [network], continent, label: continent }),
  });
  const seated = (member: Placed, swarm: string) => {
    roster.seat(swarm, member, { seed: false, holds: false, room: "open" });
    return member;
  };
  const self = seated(place("home", "EU"), "film");
  const neighbours = Array.from({ length: near }, () => seated(place("home", "EU"), "film"));
  const strangers = Array.from({ length: far }, () => seated(place("away", "NA"), "film"));
  const chosen = (want: number, seed: number) =>
    introduce(
      {
        self,
        swarms: [{ key: "film", seed: false }],
        want,
        spare: 0,
        alone: false,
        roster,
        suits: () => true,
      },
      dice(seed),
    );
  return { roster, self, neighbours, strangers, chosen, seated, place };
}

test("one or two of eight come from further away, even when the neighbourhood alone would do", () => {
  const { chosen } = swarmOf(500, 500);
  for (let seed = 0; seed < 200; seed++) {
    const far = chosen(8, seed).filter(({ proximity }) => proximity === "world").length;
    expect(far, `seed ${seed}`).toBeGreaterThanOrEqual(1);
    expect(far, `seed ${seed}`).toBeLessThanOrEqual(2);
  }
});

test("whoever replaces one link at a time gets someone from further away now and then", () => {
  const { chosen } = swarmOf(500, 500);
  const far = Array.from({ length: 500 }, (_, seed) => chosen(1, seed)).filter(
    ([pick]) => pick?.proximity === "world",
  ).length;
  // With nothing but near picks at want 1 a group would close itself off; with half of them nearness meant nothing.
  expect(far).toBeLessThan(150);
});

test("nobody is starved and nobody is favoured: picks spread over the whole neighbourhood", () => {
  const { chosen, neighbours } = swarmOf(100, 0);
  const times = new Map(neighbours.map((member) => [member, 0]));
  const rounds = 2000;
  for (let seed = 0; seed < rounds; seed++) {
    for (const { member } of chosen(8, seed)) times.set(member, (times.get(member) ?? 0) + 1);
  }
  const fair = (rounds * 8) / 100;
  // Binomial with mean 160 and deviation 12: five deviations either way.
  expect(Math.min(...times.values())).toBeGreaterThan(fair - 62);
  expect(Math.max(...times.values())).toBeLessThan(fair + 62);
});

test("a swarm with only far members gets its turn beside one full of neighbours", () => {
  const { roster, self, seated, place } = swarmOf(50, 0);
  const lone = seated(place("away", "NA"), "song");
  roster.seat("song", self, { seed: false, holds: false, room: "open" });
  const swarms = ["film", "song"].map((key) => ({ key, seed: false }));
  for (let seed = 0; seed < 50; seed++) {
    const picks = introduce(
      { self, swarms, want: 6, spare: 0, alone: false, roster, suits: () => true },
      dice(seed),
    );
    expect(picks.map(({ member }) => member)).toContain(lone);
  }
});

test("with fewer wishes than swarms, each swarm has its turn", () => {
  const { roster, self, seated, place } = swarmOf(0, 0);
  const names = ["a", "b", "c", "d"];
  const lone = names.map((name) => {
    roster.seat(name, self, { seed: false, holds: false, room: "open" });
    return seated(place("home", "EU"), name);
  });
  const swarms = names.map((key) => ({ key, seed: false }));
  const met = new Set<Placed>();
  for (let seed = 0; seed < 50; seed++) {
    const [pick] = introduce(
      { self, swarms, want: 1, spare: 0, alone: false, roster, suits: () => true },
      dice(seed),
    );
    if (pick !== undefined) met.add(pick.member);
  }
  expect(met).toEqual(new Set(lone));
});

test("the work does not grow with the swarm", () => {
  const looksIn = (near: number) => {
    const { roster, self } = swarmOf(near, near);
    let looks = 0;
    introduce(
      {
        self,
        swarms: [{ key: "film", seed: false }],
        want: 8,
        spare: 8,
        alone: false,
        roster,
        suits: () => {
          looks++;
          return true;
        },
      },
      dice(7),
    );
    return looks;
  };
  expect(looksIn(20_000)).toBeLessThan(60);
});
