// An origin that answers every range with the whole file, as small servers do: whoever reads a part of it reads all before
// that part as well, so that sharing the work out would multiply it. Told with the simulator.

import { expect, test } from "vitest";
import { mebibytes, megabits, minutes, seconds, World } from "../sim/world.ts";

/** Copies of a file that the origin sends to so many visitors who come within a second. */
async function copies(seed: number, visitors: number): Promise<number> {
  const world = new World({ seed, origin: { up: megabits(40) } });
  world.origin.ignoresRange = true;
  const [file = ""] = world.publish([mebibytes(24)]);
  const dice = world.random.fork("arrivals");
  for (let order = 0; order < visitors; order++) {
    const visitor = world.arrive();
    world.in(seconds(1) * dice.unit(), () => visitor.fetch(file));
  }
  await world.pass(seconds(1));
  await world.run({ until: () => world.underWay === 0, within: minutes(5) });
  expect(world.fetches.filter(({ failed }) => failed !== null)).toEqual([]);
  const size = world.origin.body(file)?.length ?? Number.NaN;
  const sent = world.origin.sent(file) / size;
  await world.close();
  return sent;
}

test.each([1, 2, 3])("two visitors cost it one copy (seed %i)", async (seed) => {
  expect(await copies(seed, 2)).toBeLessThan(1.2);
});

test("six visitors cost it a few copies, and not six times six", async () => {
  let sum = 0;
  for (const seed of [1, 2, 3]) sum += await copies(seed, 6);
  expect(sum / 3, "seeds 1, 2 and 3").toBeLessThan(3);
});
