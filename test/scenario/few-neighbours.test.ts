// A site of small assets: whoever keeps reading what none of its neighbours holds looks for more of them, and nobody else.

import { describe, expect, test } from "vitest";
import { MOST_LINKS, WANTED_LINKS } from "../../client/core/swarm/links.ts";
import { seconds, World } from "../sim/world.ts";

const CROWD = 40;
const ASSETS = 30;

interface Crowd {
  /** Who holds the assets that the newcomer reads. */
  readonly held: "by everybody" | "by nobody";
  /** Bytes a second that each of them can give. */
  readonly up?: number;
}

/** How many links a newcomer finds in half a minute in which it reads one small asset a second. */
async function found(seed: number, { held, up }: Crowd): Promise<number> {
  const world = new World({ seed, unlinkable: 0 });
  const urls = world.publish(Array.from({ length: ASSETS + 1 }, () => 20_000));
  const [first = "", ...others] = urls;
  for (let order = 0; order < CROWD; order++) {
    const visitor = world.arrive(up === undefined ? {} : { wire: { up } });
    for (const url of held === "by everybody" ? urls : [first]) visitor.fetch(url);
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

describe.each([1, 2, 3])("seed %i", (seed) => {
  test("more of them are found where most reads are in vain", async () => {
    expect(await found(seed, { held: "by nobody" })).toBeGreaterThanOrEqual(3);
  });
  test("nobody is looked for where the neighbours have it", async () => {
    expect(await found(seed, { held: "by everybody" })).toBe(0);
  });
  test("or have it and are so slow that the origin is quicker", async () => {
    expect(await found(seed, { held: "by everybody", up: 5000 })).toBe(0);
  });
});
