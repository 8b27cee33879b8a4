// The battery of the `Random` port: shape, spread and independence. It cannot prove unpredictability, only catch
// dice that are plainly loaded; its bounds leave an honest die less than one chance in a million to fail.

import type { Random } from "../../client/core/ports.ts";
import { type Cases, check, type Rig, runCases, same } from "./battery.ts";

export interface RandomRig extends Rig {
  readonly random: Random;
}

const DRAWS = 4096;

const CASES: Cases<RandomRig> = {
  "unit lies in [0, 1) and spreads over it": ({ random }) => {
    const draws = Array.from({ length: DRAWS }, () => random.unit());
    check(
      draws.every((draw) => draw >= 0 && draw < 1),
      "a draw outside [0, 1)",
    );
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / DRAWS;
    // The mean's deviation is 0.289 / 64 = 0.0045; five and a half of them.
    check(Math.abs(mean - 0.5) < 0.025, `the mean of ${DRAWS} draws is ${mean}`);
    const tenths = new Array<number>(10).fill(0);
    for (const draw of draws) {
      const tenth = Math.floor(draw * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    // 410 expected in each, deviation 19.2.
    check(
      tenths.every((count) => count > 290 && count < 530),
      `draws by tenth: ${tenths}`,
    );
    check(new Set(draws).size > DRAWS - 10, "draws repeat");
  },
  "bytes come in any number, in buffers of their own": ({ random }) => {
    for (const count of [0, 1, 12, 20, 65_536, 70_000, 200_001]) {
      const drawn = random.bytes(count);
      same([drawn.length, drawn.buffer.byteLength], [count, count], `bytes(${count})`);
    }
  },
  "bytes take every value, to the last of them": ({ random }) => {
    const drawn = random.bytes(140_000);
    same(new Set(drawn).size, 256, "values");
    same(new Set(drawn.subarray(131_072)).size, 256, "values behind the second 64 KiB");
  },
  "no two draws are alike, and none is touched by the next": ({ random }) => {
    const one = random.bytes(20);
    const kept = one.slice();
    const seen = new Set([one.join()]);
    for (let n = 0; n < 100; n++) seen.add(random.bytes(20).join());
    same(seen.size, 101, "different draws");
    same(one, kept, "the first draw");
  },
};

/** Throws at the first case `make`'s dice fail. */
export function randomBattery(make: () => RandomRig | Promise<RandomRig>): Promise<void> {
  return runCases("Random", CASES, make);
}
