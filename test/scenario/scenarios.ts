// All scenarios, in the order they are told.

import type { Scenario } from "./scenario.ts";
import { flashCrowd } from "./stories/crowds.ts";

export const SCENARIOS: readonly Scenario[] = [flashCrowd];
