// What may be gone for a while: the tracker, the origin, the visitor's attention.

import { minutes, seconds } from "../../sim/world.ts";
import type { Scenario } from "../scenario.ts";
import { check, everybodyGotIt, homeOf, siteWith, spread, visits } from "../stage.ts";

export const trackerDown: Scenario = {
  name: "tracker-down",
  about: "the tracker dies in the middle of a crowd and comes back half a minute later",
  peers: 100,
  async tell({ seed, peers }) {
    const site = siteWith({ seed });
    const { world } = site;
    const dice = world.random.fork("homes");
    spread(world, { count: peers, over: seconds(60) }, () => {
      visits(site, { wire: homeOf(dice.unit()) }, { after: seconds(3), stay: minutes(2) });
    });
    world.in(seconds(15), () => world.tracker.kill());
    world.in(seconds(45), () => world.tracker.restart());
    await world.pass(seconds(63));
    await world.run({ until: () => world.underWay === 0, within: minutes(2) });
    const lost = [...world.visitors].filter(({ stats }) => stats.tracker !== "connected");
    check(world, lost.length === 0, `${lost.length} did not find back`);
    await world.close();
    everybodyGotIt(world);
    check(world, world.trace.count("tracker died") === 1, world.explain());
    return world;
  },
};

export const originDown: Scenario = {
  name: "origin-down",
  about: "the origin refuses everything once a single visitor has the file",
  peers: 60,
  async tell({ seed, peers }) {
    const site = siteWith({ seed });
    const { world, page, url } = site;
    const dice = world.random.fork("homes");
    const first = world.arrive();
    first.fetch(url);
    await world.run({ until: () => world.underWay === 0, within: minutes(1) });
    const crowd = Array.from({ length: peers - 1 }, () => {
      const visitor = world.arrive({ wire: homeOf(dice.unit()) });
      visitor.fetch(page);
      return visitor;
    });
    await world.pass(seconds(10));
    world.origin.behaviour = "refuse";
    for (const visitor of crowd) visitor.fetch(url);
    await world.run({ until: () => world.underWay === 0, within: minutes(5) });
    const fromOrigin = crowd.reduce((sum, { stats }) => sum + stats.bytes.origin, 0);
    await world.close();
    everybodyGotIt(world);
    check(world, world.trace.count("origin failed") > 0);
    check(world, fromOrigin < 64 * 1024 * peers, `${fromOrigin} bytes`);
    return world;
  },
};

export const hiddenTabs: Scenario = {
  name: "hidden-tabs",
  about:
    "a third of the visitors put the page in the background: their timers are late, and they give nothing",
  peers: 60,
  async tell({ seed, peers }) {
    const site = siteWith({ seed });
    const { world } = site;
    const dice = world.random.fork("homes");
    const given = new Map<string, number>();
    spread(world, { count: peers, over: seconds(20) }, (order) => {
      const times = { after: seconds(3), stay: minutes(2) };
      const visitor = visits(site, { wire: homeOf(dice.unit()) }, times);
      if (order % 3 !== 0) return;
      world.in(seconds(1), () => {
        visitor.hide(true);
        given.set(visitor.name, visitor.stats.bytes.uploaded);
      });
    });
    await world.pass(seconds(23));
    await world.run({ until: () => world.underWay === 0, within: minutes(2) });
    for (const { name, stats } of world.visitors) {
      const before = given.get(name);
      const gave = before !== undefined && stats.bytes.uploaded > before;
      check(world, !gave, `${name} went on giving`);
    }
    check(world, world.trace.count("hidden") === Math.ceil(peers / 3));
    await world.close();
    everybodyGotIt(world);
    return world;
  },
};
