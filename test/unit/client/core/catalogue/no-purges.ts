// A browser that no tracker has told of any purge.

import { Purges } from "../../../../../client/core/catalogue/purges.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import type { Stage } from "../stage.ts";

export const noPurges = (stage: Stage): Purges =>
  new Purges({
    clock: stage.clock,
    hasher: simHasher,
    index: stage.store(),
    purged: () => {},
  });
