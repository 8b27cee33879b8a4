// The roster against a naive one that keeps lists and searches them, over random comings and goings.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { Level } from "../../../../tracker/region/where.ts";
import { MemoryRoster } from "../../../../tracker/roster/memory.ts";
import type { Placed, Room, Standing } from "../../../../tracker/roster/roster.ts";

const ROOMS: readonly Room[] = ["open", "spare", "drained", "closed"];
const SWARMS = ["film", "song"];
const GROUPS = ["home", "street", "town", "world"];

const level = (key: string): Level => ({ key, proximity: "world" });
const step = fc.record({
  who: fc.nat(7),
  swarm: fc.constantFrom(...SWARMS),
  what: fc.oneof(
    fc.constant("leave" as const),
    fc.record({ seed: fc.boolean(), holds: fc.boolean(), room: fc.constantFrom(...ROOMS) }),
  ),
});

test("every shelf holds exactly those who stand there, whatever happened before", () => {
  fc.assert(
    fc.property(
      fc.array(fc.subarray(GROUPS, { minLength: 1 }), { minLength: 8, maxLength: 8 }),
      fc.array(step, { maxLength: 60 }),
      (groups, steps) => {
        const members: Placed[] = groups.map((keys) => ({ levels: keys.map(level) }));
        const roster = new MemoryRoster<Placed>();
        const naive = new Map(SWARMS.map((swarm) => [swarm, new Map<Placed, Standing>()]));
        for (const { who, swarm, what } of steps) {
          const member = members[who];
          if (member === undefined) continue;
          if (what === "leave") {
            roster.leave(swarm, member);
            naive.get(swarm)?.delete(member);
          } else {
            roster.seat(swarm, member, what);
            naive.get(swarm)?.set(member, what);
          }
        }
        for (const swarm of SWARMS) {
          const present = [...(naive.get(swarm) ?? [])];
          expect(roster.count(swarm)).toBe(present.length);
          const holders = present.filter(([, { holds }]) => holds);
          expect(roster.holders(swarm)).toBe(holders.length);
          for (const group of GROUPS) {
            for (const room of ROOMS) {
              for (const seed of [true, false]) {
                const expected = present.filter(
                  ([member, standing]) =>
                    room !== "closed" &&
                    standing.room === room &&
                    standing.seed === seed &&
                    member.levels.some(({ key }) => key === group),
                );
                const shelf = roster.shelf(swarm, group, { seed, room });
                const found = shelf.map(({ member }) => member);
                expect(new Set(found)).toEqual(new Set(expected.map(([member]) => member)));
                expect(found).toHaveLength(expected.length);
              }
            }
          }
        }
        const inhabited = SWARMS.filter((swarm) => (naive.get(swarm)?.size ?? 0) > 0);
        expect(roster.swarms).toBe(inhabited.length);
      },
    ),
    { numRuns: 300 },
  );
});
