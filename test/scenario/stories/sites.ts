// Sites that are more than one file: a live stream, and a site of many small assets whose visitors come back.

import type { SimRandom } from "../../sim/random.ts";
import type { Visitor } from "../../sim/visitor.ts";
import { mebibytes, megabits, minutes, seconds, World } from "../../sim/world.ts";
import type { Scenario } from "../scenario.ts";
import { check, everybodyGotIt, homeOf, spread } from "../stage.ts";

/** 4 Mbit/s in segments of two seconds. */
const SEGMENT_BYTES = mebibytes(1);
const SEGMENT_TIME = seconds(2);
const SEGMENTS = 15;
/** Players keep three segments behind the live edge. */
const BEHIND = 3 * SEGMENT_TIME;

export const live: Scenario = {
  name: "live",
  about:
    "a live stream of 15 segments; each is fetched as it appears, and played six seconds later",
  peers: 40,
  async tell({ seed, peers }) {
    const world = new World({ seed, origin: { up: megabits(1000) } });
    const segments = world.publish(Array.from({ length: SEGMENTS }, () => SEGMENT_BYTES));
    const dice = world.random.fork("viewers");
    const begin = seconds(10);
    const stalls: string[] = [];
    spread(world, { count: peers, over: seconds(8) }, () => {
      const viewer = world.arrive({ wire: homeOf(dice.unit()) });
      // Playlists are read once in a segment's time, by everybody at another moment.
      const read = SEGMENT_TIME * dice.unit();
      for (const [order, url] of segments.entries()) {
        const at = begin + order * SEGMENT_TIME + read - world.timeline.now;
        world.in(at, () => {
          const ahead = viewer.fetch(url, undefined, "idle");
          world.in(BEHIND - SEGMENT_TIME, () => viewer.fetch(url));
          world.in(BEHIND, () => {
            if (ahead.until === null) stalls.push(`${viewer.name} ${url}`);
          });
        });
      }
    });
    await world.pass(begin + SEGMENTS * SEGMENT_TIME + BEHIND + SEGMENT_TIME);
    await world.run({ until: () => world.underWay === 0, within: seconds(10) });
    const announced = world.trace.count("announced");
    await world.close();
    everybodyGotIt(world);
    check(world, stalls.length === 0, `${stalls.length} stalls, as ${stalls[0]}`);
    check(world, world.offload() > 0.8, `offload ${world.offload()}`);
    // Joining, finding links and a refresh a minute: nothing of it grows with the segments.
    check(world, announced < 12 * peers, `${announced} announces`);
    return world;
  },
};

const ASSETS = 300;
const PER_PAGE = 10;
/** Of a page's assets, those on the first screen; the others are loaded as it is scrolled. */
const FIRST_SCREEN = 4;
const SCROLLING = seconds(8);
const VIEWS = 6;
/** Somebody comes: some 160 are there at a time. */
const EVERY = seconds(1.5);
const BETWEEN_VIEWS = seconds(40);

export const zipfSite: Scenario = {
  name: "zipf-site",
  about: "a site of 300 small assets, popular by Zipf's law; every third visitor was here before",
  peers: 80,
  async tell({ seed, peers }) {
    const world = new World({ seed });
    const dice = world.random.fork("site");
    // Between 8 and 200 KiB, more small ones than large ones, as images of a shop or a gallery are.
    const sizes = Array.from({ length: ASSETS }, () => Math.round(8192 * 25 ** dice.unit()));
    const urls = world.publish(sizes);
    const left: Visitor[] = [];
    spread(world, { count: peers, over: peers * EVERY }, (order) => {
      const before = order % 3 === 0 ? left.shift() : undefined;
      const wire = homeOf(dice.unit());
      const visitor = world.arrive({ wire, ...(before && { returning: before }) });
      for (let view = 0; view < VIEWS; view++) {
        world.in(view * BETWEEN_VIEWS, () => {
          for (const [place, url] of [...pageOf(urls, dice)].entries()) {
            const seenAt = place < FIRST_SCREEN ? 0 : SCROLLING * dice.unit();
            world.in(seenAt, () => visitor.fetch(url));
          }
        });
      }
      world.in(VIEWS * BETWEEN_VIEWS, () => {
        left.push(visitor);
        void visitor.close();
      });
    });
    await world.pass(peers * EVERY + VIEWS * BETWEEN_VIEWS);
    await world.run({ until: () => world.underWay === 0, within: minutes(1) });
    await world.close();
    everybodyGotIt(world);
    check(world, world.bytes.cache > 0, "nobody came back");
    // A first screen comes before the first link; what no linked peer has seen yet is the origin's, though others hold it.
    check(world, world.offload() >= (peers >= 400 ? 0.55 : 0.4), `offload ${world.offload()}`);
    return world;
  },
};

/**
 * Ten different assets of the site, by Zipf's law. On one busy site its exponent is 1.4 and more (Padmanabhan and Qiu 2000),
 * over many sites 0.6 to 0.8 (Breslau et al. 1999): with 1 the tail is heavier than a single site's.
 */
function pageOf(urls: readonly string[], dice: SimRandom): ReadonlySet<string> {
  const weights = urls.map((_, order) => 1 / (order + 1));
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
