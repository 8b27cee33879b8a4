// A crowd no larger than the links a page may have: each is linked to all others, so that all hold the same elections.

import { expect, test } from "vitest";
import { mebibytes, megabits, minutes, World } from "../sim/world.ts";

const COUNT = 13;

test.each([1, 2, 3, 4, 5])(
  "thirteen who want the same file all know each other before anybody has it (seed %i)",
  async (seed) => {
    const world = new World({ seed, origin: { up: megabits(8) }, unlinkable: 0 });
    const [file = ""] = world.publish([mebibytes(24)]);
    const visitors = Array.from({ length: COUNT }, () => world.arrive());
    for (const visitor of visitors) visitor.fetch(file);
    const missing = () =>
      visitors.reduce((sum, { stats }) => sum + COUNT - 1 - stats.links.length, 0);
    await world.run({
      until: () => world.fetches.some(({ until }) => until !== null) || missing() === 0,
      within: minutes(1),
    });
    // Both ends of a pair count. One may have been introduced in vain: tracker and peers do not try that again at once.
    expect(missing()).toBeLessThanOrEqual(2);
    await world.close();
  },
);
