// Fifty visitors, churn and one liar, told with the simulator. Seeds are fixed here; a failure prints its own.

import { describe, expect, test } from "vitest";
import { mebibytes, megabits, minutes, seconds, World } from "../sim/world.ts";

async function fiftyWithChurn(seed: number): Promise<World> {
  const world = new World({ seed, origin: { up: megabits(40) } });
  const [file = ""] = world.publish([mebibytes(6)]);
  const dice = world.random.fork("arrivals");
  for (let order = 0; order < 50; order++) {
    world.in(dice.between(0, seconds(20)), () => {
      const visitor = world.arrive({ fault: order === 3 ? "liar" : "none" });
      visitor.fetch(file);
      // Every fifth closes the tab in the middle or a little later.
      if (order % 5 === 4) world.in(dice.between(seconds(1), seconds(12)), () => visitor.vanish());
    });
  }
  // The last arrives after 20 s, the last tab closes 12 s later.
  await world.pass(seconds(33));
  await world.run({
    until: () => world.fetches.every(({ until, failed }) => until !== null || failed !== null),
    within: minutes(5),
  });
  return world;
}

describe("fifty visitors with churn and a liar", () => {
  test.each([1, 2, 3])(
    "all who stay get the file, right and mostly from each other (seed %i)",
    async (seed) => {
      const world = await fiftyWithChurn(seed);
      expect(world.fetches.filter(({ failed }) => failed !== null)).toEqual([]);
      expect(world.trace.count("lie"), world.explain()).toBeGreaterThan(0);
      expect(world.trace.count("vanished")).toBe(10);
      expect(world.falselyAccused).toEqual([]);
      expect(world.offload(), world.explain()).toBeGreaterThan(0.6);
      await world.close();
    },
  );

  test("two runs of one seed are the same run", async () => {
    const [one, other] = [await fiftyWithChurn(7), await fiftyWithChurn(7)];
    expect(one.trace.hash).toBe(other.trace.hash);
  });
});
