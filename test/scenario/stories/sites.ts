// Sites that are more than one file: a live stream, and a site of many small assets whose visitors come back.

import type { SimRandom } from "../../sim/random.ts";
import type { Visitor } from "../../sim/visitor.ts";
import { mebibytes, megabits, minutes, seconds, World } from "../../sim/world.ts";
import type { Scenario } from "../scenario.ts";
import { check, everybodyGotIt, homeOf, spread } from "../stage.ts";

/** 4 Mbit/s in segments of two seconds. */
const SEGMENT_BYTES = mebibytes(1);
const SEGMENT_TIME = seconds(2);
const SEGMENTS = 30;

export const live: Scenario = {
  name: "live",
  about: "a live stream of 30 segments; everybody wants each within a second of its appearing",
  peers: 60,
  async tell({ seed, peers }) {
    const world = new World({ seed, origin: { up: megabits(1000) } });
    const segments = world.publish(Array.from({ length: SEGMENTS }, () => SEGMENT_BYTES));
    const dice = world.random.fork("viewers");
    const stream = seconds(10);
    spread(world, { count: peers, over: seconds(10) }, () => {
      const viewer = world.arrive({ wire: homeOf(dice.unit()) });
      const behind = seconds(dice.unit());
      for (const [order, url] of segments.entries()) {
        const at = stream + order * SEGMENT_TIME + behind;
        world.in(at - world.timeline.now, () => viewer.fetch(url));
      }
    });
    await world.pass(stream + SEGMENTS * SEGMENT_TIME + seconds(1));
    await world.run({ until: () => world.underWay === 0, within: seconds(10) });
    const announced = world.trace.count("announced");
    await world.close();
    everybodyGotIt(world);
    check(world, world.took(0.99) < 2 * SEGMENT_TIME, `p99 ${world.took(0.99)}`);
    check(world, world.offload() > 0.6, `offload ${world.offload()}`);
    // Joining, finding links and a refresh a minute: nothing of it grows with the segments.
    check(world, announced < 12 * peers, `${announced} announces`);
    return world;
  },
};

const ASSETS = 300;
const PER_PAGE = 10;
const VIEWS = 6;
const BETWEEN_VIEWS = seconds(40);

export const zipfSite: Scenario = {
  name: "zipf-site",
  about: "a site of 300 small assets, popular by Zipf's law; every third visitor was here before",
  peers: 400,
  async tell({ seed, peers }) {
    const world = new World({ seed });
    const dice = world.random.fork("site");
    // Between 8 and 200 KiB, more small ones than large ones, as images of a shop or a gallery are.
    const sizes = Array.from({ length: ASSETS }, () => Math.round(8192 * 25 ** dice.unit()));
    const urls = world.publish(sizes);
    const left: Visitor[] = [];
    spread(world, { count: peers, over: minutes(10) }, (order) => {
      const before = order % 3 === 0 ? left.shift() : undefined;
      const wire = homeOf(dice.unit());
      const visitor = world.arrive({ wire, ...(before && { returning: before }) });
      for (let view = 0; view < VIEWS; view++) {
        world.in(view * BETWEEN_VIEWS, () => {
          for (const url of pageOf(urls, dice)) visitor.fetch(url);
        });
      }
      world.in(VIEWS * BETWEEN_VIEWS, () => {
        left.push(visitor);
        void visitor.close();
      });
    });
    await world.pass(minutes(10) + VIEWS * BETWEEN_VIEWS);
    await world.run({ until: () => world.underWay === 0, within: minutes(1) });
    await world.close();
    everybodyGotIt(world);
    const { cache } = world.bytes;
    check(world, cache > 0, world.explain());
    const saved = world.offload("with cache");
    check(world, saved >= 0.5, `from cache and peers ${saved}`);
    return world;
  },
};

/** Ten different assets of the site, the first ones much more often than the last ones (exponent 0.8). */
function pageOf(urls: readonly string[], dice: SimRandom): ReadonlySet<string> {
  const weights = urls.map((_, order) => 1 / (order + 1) ** 0.8);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const page = new Set<string>();
  while (page.size < PER_PAGE) {
    let left = dice.unit() * all;
    const order = weights.findIndex((weight) => {
      left -= weight;
      return left <= 0;
    });
    page.add(urls[order] ?? urls[0] ?? "");
  }
  return page;
}
