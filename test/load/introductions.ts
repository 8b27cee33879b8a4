// What choosing costs, without sockets: `introduce` over the roster of one process, in swarms of growing size.

import { introduce } from "../../tracker/introduce.ts";
import { levelsOf } from "../../tracker/region/where.ts";
import { MemoryRoster } from "../../tracker/roster/memory.ts";
import type { Placed } from "../../tracker/roster/roster.ts";
import type { Row, Scale } from "./figures.ts";
import { REGIONS } from "./subject.ts";

const ROUNDS = 20_000;

/** Microseconds, sorted. One in ten wants more, as in a settled swarm. */
function costs(peers: number): number[] {
  const roster = new MemoryRoster<Placed>();
  const members: Placed[] = [];
  for (let each = 0; each < peers; each++) {
    const region = each % REGIONS;
    const place = {
      networks: [`rule ${region}`],
      country: `C${region % 20}`,
      continent: `K${region % 5}`,
      label: "",
    };
    const member = { levels: levelsOf(place) };
    members.push(member);
    const room = each % 10 === 0 ? "open" : "spare";
    roster.seat("film", member, { seed: each % 7 === 0, holds: true, room });
  }
  const random = { unit: Math.random };
  const took: number[] = [];
  for (let round = -2000; round < ROUNDS; round++) {
    const self = members[(Math.abs(round) * 7919) % peers] as Placed;
    const swarms = [{ key: "film", seed: false }];
    const before = process.hrtime.bigint();
    const view = { self, swarms, want: 8, spare: 5, alone: false, roster, suits: () => true };
    const picks = introduce(view, random);
    const after = process.hrtime.bigint();
    if (picks.length !== 8) throw new Error(`${picks.length} picks of 8`);
    if (round >= 0) took.push(Number(after - before) / 1000);
  }
  return took.sort((one, other) => one - other);
}

export async function introductions(scale: Scale): Promise<Row[]> {
  const sizes = [1000, 10_000, scale.of(100_000)];
  return sizes.map((peers) => {
    const sorted = costs(peers);
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
    return {
      figure: `introduce eight in a swarm of ${peers}, ${REGIONS} regions`,
      measured: `median ${at(0.5).toFixed(1)} µs, p99 ${at(0.99).toFixed(1)} µs`,
      must: "median <= 50 µs",
      reached: at(0.5) <= 50,
    };
  });
}
