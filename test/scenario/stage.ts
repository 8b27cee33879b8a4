// What scenarios have in common: a site with one file, homes as they are, arrivals by dice, visitors who stay a while.

import type { ByteCount, Millis } from "../../client/core/vocabulary.ts";
import type { Wire } from "../sim/network.ts";
import type { Visitor } from "../sim/visitor.ts";
import { type Arrival, mebibytes, megabits, World, type WorldSettings } from "../sim/world.ts";
import { summary } from "./scenario.ts";

/** From 4 MiB on a file is a swarm of its own. */
export const FILE_BYTES: ByteCount = mebibytes(4);

/** What a page shows before anybody presses play. */
const PAGE_BYTES: ByteCount = 16 * 1024;

export interface Site {
  readonly world: World;
  readonly page: string;
  readonly url: string;
}

/** A page with a large file on it. */
export function siteWith(settings: WorldSettings, bytes = FILE_BYTES): Site {
  const world = new World(settings);
  const [page = "", url = ""] = world.publish([PAGE_BYTES, bytes]);
  return { world, page, url };
}

/** Of five homes one is on DSL, half are on cable, the rest on fibre. */
export function homeOf(unit: number): Partial<Wire> {
  if (unit < 0.2) return { up: megabits(2), down: megabits(30), latency: 20 };
  if (unit < 0.7) return { up: megabits(10), down: megabits(50), latency: 12 };
  return { up: megabits(50), down: megabits(100), latency: 5 };
}

/** Does something so many times, at moments of dice. */
export function spread(
  world: World,
  { count, over }: { readonly count: number; readonly over: Millis },
  task: (order: number) => void,
): void {
  const dice = world.random.fork("arrivals");
  for (let order = 0; order < count; order++) world.in(dice.between(0, over), () => task(order));
}

/** Opens the page, wants the file a few seconds later, and closes the page so long after it is there. */
export function visits(
  { world, page, url }: Site,
  arrival: Arrival,
  { after, stay }: { readonly after: Millis; readonly stay: Millis },
): Visitor {
  const visitor = world.arrive(arrival);
  visitor.fetch(page);
  world.in(after, () => {
    if (!visitor.left) visitor.closeAfter(visitor.fetch(url), stay);
  });
  return visitor;
}

/** Nobody who stayed was let down. */
export function everybodyGotIt(world: World): void {
  const { failures } = world;
  check(world, failures.length === 0, `${failures.length} fetches failed, as ${failures[0]}`);
}

/** Throws, with the figures of the run, when something is not so. */
export function check(world: World, isSo: boolean, what = "a fault never happened"): void {
  if (!isSo) throw new Error(`${what}\n${summary(world)}\n${world.explain()}`);
}
