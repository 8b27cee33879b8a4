// Peers that do harm: a fifth of the crowd lies, or takes requests and never answers.

import type { Fault } from "../../sim/network.ts";
import { minutes, seconds, type World } from "../../sim/world.ts";
import type { Scenario, Setting } from "../scenario.ts";
import { check, everybodyGotIt, homeOf, siteWith, spread, visits } from "../stage.ts";

/** Every fifth has the fault; the others get the file all the same, and blame nobody who is innocent. */
async function crowdWith(fault: Fault, { seed, peers }: Setting): Promise<World> {
  const site = siteWith({ seed });
  const { world } = site;
  const dice = world.random.fork("homes");
  spread(world, { count: peers, over: seconds(20) }, (order) => {
    const arrival = { wire: homeOf(dice.unit()), fault: order % 5 === 2 ? fault : "none" } as const;
    visits(site, arrival, { after: seconds(3), stay: seconds(30) });
  });
  await world.pass(seconds(23));
  await world.run({ until: () => world.underWay === 0, within: minutes(3) });
  await world.close();
  everybodyGotIt(world);
  check(world, world.falselyAccused.length === 0, world.falselyAccused.join(", "));
  return world;
}

export const liars: Scenario = {
  name: "liars",
  about: "every fifth peer sends wrong bytes",
  peers: 100,
  async tell(setting) {
    const world = await crowdWith("liar", setting);
    check(world, world.trace.count("lie") > 0, world.explain());
    check(world, world.trace.count("violation") > 0);
    check(world, world.offload() > 0.7, `offload ${world.offload()}`);
    return world;
  },
};

export const silent: Scenario = {
  name: "silent",
  about: "every fifth peer takes requests and never answers",
  peers: 100,
  async tell(setting) {
    const world = await crowdWith("silent", setting);
    check(world, world.trace.count("silence") > 0, world.explain());
    check(world, world.offload() > 0.7, `offload ${world.offload()}`);
    check(world, world.took(0.95) < seconds(10), `p95 ${world.took(0.95)} ms`);
    return world;
  },
};
