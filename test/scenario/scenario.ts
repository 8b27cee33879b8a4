// What a scenario is, and what a run of it comes to. Scenarios are told in the simulated world, at any size; each checks
// for itself what it is about, and throws when it is not so.

import type { World } from "../sim/world.ts";

export interface Setting {
  readonly seed: number;
  readonly peers: number;
}

export interface Scenario {
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** How many visitors, unless somebody says otherwise. */
  readonly peers: number;
  /** Tells it to its end, checks, closes the world. Throws with the seed and the end of the trace. */
  tell(setting: Setting): Promise<World>;
}

/** The figures of a run in one line. */
export function summary(world: World): string {
  const { events } = world.timeline;
  return [
    `offload ${percent(world.offload())}`,
    `with cache ${percent(world.offload("with cache"))}`,
    `origin copies ${world.originCopies().toFixed(2)}`,
    `near ${percent(world.census.nearness)}`,
    `p50 ${inSeconds(world.took(0.5))}`,
    `p95 ${inSeconds(world.took(0.95))}`,
    `events ${events}`,
    `trace ${world.trace.hash.slice(0, 12)}`,
  ].join("  ");
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const inSeconds = (millis: number): string => `${(millis / 1000).toFixed(2)} s`;
