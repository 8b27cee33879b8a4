// Every scenario once, at its own size: the seed is fixed here, and a failure says how to see it again. More seeds and
// larger crowds are for `npm run sim`.

import { expect, test } from "vitest";
import { SCENARIOS } from "./scenarios.ts";

const SEED = 1;

test.each(SCENARIOS)("$name: $about", { timeout: 120_000 }, (scenario) => {
  const { name, peers } = scenario;
  const again = `npm run sim -- --scenario ${name} --seed ${SEED}`;
  return expect(scenario.tell({ seed: SEED, peers }), again).resolves.toBeDefined();
});
