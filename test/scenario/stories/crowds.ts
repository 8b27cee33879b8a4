// Many visitors for one file: all at once, one after the other, with slow uplinks only, and half of them leaving in the
// middle.

import { minutes, seconds } from "../../sim/world.ts";
import type { Scenario } from "../scenario.ts";
import { everybodyGotIt, homeOf, siteWith, spread, visits } from "../stage.ts";

export const flashCrowd: Scenario = {
  name: "flash-crowd",
  about: "everybody wants the same file within half a minute; mixed homes in four countries",
  peers: 1000,
  async tell({ seed, peers }) {
    const site = siteWith({ seed });
    const { world } = site;
    const dice = world.random.fork("homes");
    spread(world, { count: peers, over: seconds(30) }, () => {
      const after = seconds(2 + 4 * dice.unit());
      visits(site, { wire: homeOf(dice.unit()) }, { after, stay: seconds(20) });
    });
    await world.pass(seconds(36));
    await world.run({ until: () => world.underWay === 0, within: minutes(10) });
    everybodyGotIt(world);
    await world.close();
    return world;
  },
};
