// Many visitors for one file: all at once, one after the other, with slow uplinks only, and half of them leaving in the
// middle.

import { MOST_LINKS } from "../../../client/core/swarm/links.ts";
import type { Visitor } from "../../sim/visitor.ts";
import { megabits, minutes, seconds, type World } from "../../sim/world.ts";
import type { Scenario, Setting } from "../scenario.ts";
import { check, everybodyGotIt, homeOf, siteWith, spread, visits } from "../stage.ts";

export const flashCrowd: Scenario = {
  name: "flash-crowd",
  about: "everybody wants the same file within half a minute; mixed homes in four countries",
  peers: 1000,
  async tell(setting) {
    const world = await rushed(setting, false);
    const { peers } = setting;
    // Of each country somebody reads first, and the first few have nobody to ask: less weighs more in a small crowd.
    const ceiling = (peers - 1) / peers;
    const least = peers >= 1000 ? 0.97 * ceiling : ceiling - 12 / peers - 0.03;
    check(world, world.offload() >= least, `offload ${world.offload()}`);
    check(world, world.census.nearness >= 0.9, `near ${world.census.nearness}`);
    return world;
  },
};

export const randomPairs: Scenario = {
  name: "random-pairs",
  about: "the same crowd, and a tracker that knows nobody's country: what knowing it is worth",
  peers: 300,
  async tell(setting) {
    const world = await rushed(setting, true);
    check(world, world.census.nearness < 0.7, `near ${world.census.nearness}`);
    return world;
  },
};

async function rushed({ seed, peers }: Setting, isBlind: boolean): Promise<World> {
  const site = siteWith({ seed, origin: { up: megabits(1000) }, isBlind });
  const { world } = site;
  const dice = world.random.fork("homes");
  spread(world, { count: peers, over: seconds(30) }, () => {
    const after = seconds(2 + 4 * dice.unit());
    visits(site, { wire: homeOf(dice.unit()) }, { after, stay: seconds(20) });
  });
  await world.pass(seconds(36));
  await world.run({ until: () => world.underWay === 0, within: minutes(10) });
  await world.close();
  everybodyGotIt(world);
  return world;
}

export const stagedArrivals: Scenario = {
  name: "one-by-one",
  about: "a visitor every few seconds; each stays for a minute after it has the file",
  peers: 60,
  async tell({ seed, peers }) {
    const site = siteWith({ seed });
    const { world } = site;
    const dice = world.random.fork("homes");
    for (let order = 0; order < peers; order++) {
      world.in(seconds(4 * order), () => {
        visits(site, { wire: homeOf(dice.unit()) }, { after: seconds(3), stay: minutes(1) });
      });
    }
    await world.pass(seconds(4 * peers + 3));
    await world.run({ until: () => world.underWay === 0, within: minutes(5) });
    await world.close();
    everybodyGotIt(world);
    check(world, world.offload() > 0.85, `offload ${world.offload()}`);
    return world;
  },
};

export const lateJoiners: Scenario = {
  name: "late-joiners",
  about: "a settled swarm that wants nothing more; then a fifth as many come, one by one",
  peers: 60,
  async tell({ seed, peers }) {
    const site = siteWith({ seed });
    const { world, url } = site;
    const settled = Math.ceil((peers * 5) / 6);
    const stay = { after: seconds(3), stay: minutes(60) };
    spread(world, { count: settled, over: seconds(20) }, () => void visits(site, {}, stay));
    await world.pass(seconds(24));
    await world.run({ until: () => world.underWay === 0, within: minutes(2) });
    await world.pass(seconds(40));
    const newcomers: Visitor[] = [];
    for (let order = settled; order < peers; order++) {
      const newcomer = world.arrive();
      newcomers.push(newcomer);
      await world.pass(seconds(3));
      newcomer.fetch(url);
      await world.pass(seconds(10));
    }
    await world.run({ until: () => world.underWay === 0, within: minutes(2) });
    for (const { name, stats } of newcomers) {
      check(world, stats.links.length >= 2, `${name} has ${stats.links.length} links`);
      check(world, stats.offload >= 0.8, `${name} has ${stats.offload} from peers`);
    }
    const most = Math.max(...[...world.visitors].map(({ stats }) => stats.links.length));
    check(world, most <= MOST_LINKS, `somebody has ${most} links`);
    await world.close();
    everybodyGotIt(world);
    return world;
  },
};

export const slowUplinks: Scenario = {
  name: "slow-uplinks",
  about: "nobody can give more than 2 Mbit/s: the origin helps, and nobody waits long",
  peers: 60,
  async tell({ seed, peers }) {
    const site = siteWith({ seed });
    const { world } = site;
    spread(world, { count: peers, over: seconds(20) }, () => {
      const wire = { up: megabits(2), down: megabits(50) };
      visits(site, { wire }, { after: seconds(3), stay: seconds(20) });
    });
    await world.pass(seconds(23));
    await world.run({ until: () => world.underWay === 0, within: minutes(5) });
    await world.close();
    everybodyGotIt(world);
    // A slot of a sixteenth of 2 Mbit/s would take four minutes.
    check(world, world.took(0.95) < seconds(30), `p95 ${world.took(0.95)} ms`);
    return world;
  },
};

export const massLeave: Scenario = {
  name: "mass-leave",
  about: "half of the crowd closes the page in the same moment, in the middle of it",
  peers: 100,
  async tell({ seed, peers }) {
    const site = siteWith({ seed });
    const { world } = site;
    const wire = { up: megabits(10), down: megabits(20) };
    spread(world, { count: peers, over: seconds(4) }, () => {
      visits(site, { wire }, { after: seconds(3), stay: seconds(30) });
    });
    world.in(seconds(6), () => {
      for (const [order, visitor] of [...world.visitors].entries()) {
        if (order % 2 === 1) visitor.vanish();
      }
    });
    await world.pass(seconds(8));
    await world.run({ until: () => world.underWay === 0, within: minutes(2) });
    await world.close();
    everybodyGotIt(world);
    check(world, world.trace.count("vanished") === Math.floor(peers / 2));
    check(world, world.took(0.95) < seconds(20), `p95 ${world.took(0.95)} ms`);
    return world;
  },
};
