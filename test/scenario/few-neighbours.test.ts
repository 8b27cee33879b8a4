// A site of small assets: whoever keeps reading what none of its neighbours holds looks for more of them, and nobody else.

import { expect, test } from "vitest";
import { MOST_LINKS, WANTED_LINKS } from "../../client/core/swarm/links.ts";
import { seconds, World } from "../sim/world.ts";

const CROWD = 40;
const ASSETS = 30;

/** How many links a newcomer has after half a minute in which it read one small asset a second. */
async function linksOf(seed: number, held: "by everybody" | "by nobody"): Promise<number> {
  const world = new World({ seed, unlinkable: 0 });
  const urls = world.publish(Array.from({ length: ASSETS + 1 }, () => 20_000));
  const [first = "", ...others] = urls;
  for (let order = 0; order < CROWD; order++) {
    const visitor = world.arrive();
    visitor.fetch(first);
    if (held === "by everybody") for (const url of others) visitor.fetch(url);
    await world.pass(seconds(0.5));
  }
  await world.pass(seconds(20));
  const newcomer = world.arrive();
  newcomer.fetch(first);
  await world.pass(seconds(10));
  const before = newcomer.stats.links.length;
  expect(before).toBeGreaterThanOrEqual(WANTED_LINKS);
  expect(before).toBeLessThan(MOST_LINKS - 2);
  for (const url of others) {
    newcomer.fetch(url);
    await world.pass(seconds(1));
  }
  const { length } = newcomer.stats.links;
  await world.close();
  return length - before;
}

test.each([1, 2, 3])(
  "more of them are found where many reads are in vain (seed %i)",
  async (seed) => {
    expect(await linksOf(seed, "by nobody")).toBeGreaterThanOrEqual(3);
  },
);
test.each([1, 2, 3])(
  "nobody is looked for where the neighbours have it (seed %i)",
  async (seed) => {
    expect(await linksOf(seed, "by everybody")).toBe(0);
  },
);
