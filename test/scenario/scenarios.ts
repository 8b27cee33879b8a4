// All scenarios, in the order they are told.

import type { Scenario } from "./scenario.ts";
import { liars, silent } from "./stories/bad-company.ts";
import {
  flashCrowd,
  lateJoiners,
  massLeave,
  randomPairs,
  slowUplinks,
  stagedArrivals,
} from "./stories/crowds.ts";
import { hiddenTabs, originDown, trackerDown } from "./stories/outages.ts";
import { live, zipfSite } from "./stories/sites.ts";

export const SCENARIOS: readonly Scenario[] = [
  flashCrowd,
  randomPairs,
  stagedArrivals,
  lateJoiners,
  live,
  zipfSite,
  massLeave,
  trackerDown,
  originDown,
  hiddenTabs,
  liars,
  silent,
  slowUplinks,
];
