// What the browser has from elsewhere comes to the cache while a request waits for just that: the request has it at once.

import { expect, test } from "vitest";
import { mebibytes, megabits, minutes, seconds, World } from "../sim/world.ts";

test("a request that waits for what is adopted meanwhile waits no longer", async () => {
  // Minutes for the whole of it.
  const world = new World({ seed: 1, origin: { up: megabits(0.1) } });
  const [file = ""] = world.publish([mebibytes(2)]);
  const body = world.origin.body(file);
  const visitor = world.arrive();
  const visit = visitor.fetch(file);
  await world.run({ until: () => visitor.stats.tracker === "connected", within: seconds(10) });
  await world.pass(seconds(5));
  expect(visit.until).toBeNull();
  const adopted = visitor.peer.find(file).then((found) => {
    if (found === undefined || body === undefined) throw new Error("nothing to adopt");
    return visitor.peer.adopt(found.content, body.slice());
  });
  await world.run({ until: () => visit.until !== null, within: minutes(1) });
  expect(await adopted).toBe(true);
  expect((visit.until ?? 0) - visit.from).toBeLessThan(seconds(10));
  await world.close();
});
