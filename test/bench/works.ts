// All there is to measure, in the order it is measured and shown.

import type { Work } from "./work.ts";
import { alone } from "./works/alone.ts";
import { cpu } from "./works/cpu.ts";
import { crowdOfSix, crowdOfTwelve, unpublishedCrowd } from "./works/crowd.ts";
import { live } from "./works/live.ts";
import { memory, memorySaved } from "./works/memory.ts";
import { page } from "./works/page.ts";
import { pair } from "./works/pair.ts";
import { silent } from "./works/silent.ts";
import { vodStarved } from "./works/starved.ts";
import { vodApart, vodTogether } from "./works/vod.ts";

export const WORKS: readonly Work[] = [
  crowdOfSix,
  crowdOfTwelve,
  unpublishedCrowd,
  vodTogether,
  vodApart,
  live,
  vodStarved,
  pair,
  alone,
  page,
  silent,
  cpu,
  memory,
  memorySaved,
];
