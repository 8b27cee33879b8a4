// A short soak: churn over real sockets, after which the tracker has forgotten everybody. `npm run soak` is the long one.

import { expect, test } from "vitest";
import { SLACK_MIB, soak } from "../../../load/soak.ts";

test("after some churn nothing is left of those who came", async () => {
  const seed = 20_261_124;
  const { visits, left, heap } = await soak({ seconds: 4, visitors: 60, seed, say: () => {} });
  expect(visits).toBeGreaterThan(60);
  expect(left).toEqual({ peers: 0, swarms: 0, sockets: 0, sessions: 0, addresses: 0 });
  expect(heap.late - heap.early).toBeLessThan(4 * SLACK_MIB);
}, 60_000);
