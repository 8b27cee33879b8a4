// The operator's view over HTTP: there when asked for, sums only, and why introductions came to nothing.

import { afterEach, expect, test } from "vitest";
import { type RunningTracker, startTracker } from "../../../../tracker/server.ts";
import { exchange, Page } from "../page.ts";
import { swarm } from "../stage.ts";

let tracker: RunningTracker | undefined;
afterEach(async () => tracker?.close({ graceful: false }));

test("is not there unless it was asked for", async () => {
  tracker = await startTracker({ port: 0 });
  for (const path of ["/dashboard", "/dashboard/", "/dashboard/data"]) {
    expect((await exchange(tracker, path)).status).toBe(404);
  }
});

test("answers its own paths, with a policy that lets nothing else in, and no method but reading", async () => {
  tracker = await startTracker({ port: 0, dashboard: true });
  const moved = await exchange(tracker, "/dashboard");
  expect([moved.status, moved.headers.location]).toEqual([308, "./dashboard/"]);
  const data = await exchange(tracker, "/dashboard/data");
  expect([data.status, data.headers["content-type"]]).toEqual([200, "application/json"]);
  expect(data.headers["content-security-policy"]).toContain("default-src 'none'");
  expect(data.headers["access-control-allow-origin"]).toBeUndefined();
  expect((await exchange(tracker, "/dashboard/data", { method: "POST" })).status).toBe(405);
  for (const path of ["/dashboard/../package.json", "/dashboard/%2e%2e/main.js", "/dashboards"]) {
    expect((await exchange(tracker, path)).status).toBe(404);
  }
});

test("says by region what was moved, how long links take and why they fail, and nothing of anybody", async () => {
  let now = 0;
  tracker = await startTracker({ port: 0, dashboard: true, clock: { now: () => now } });
  const ann = await Page.join(tracker);
  await ann.announce(8, "all");
  const bob = await Page.join(tracker);
  await bob.announce(8, "none");
  const { session } = await bob.next("introduce");
  now += 640;
  const bytes = { cache: 0, peers: 3000, origin: 1000, uploaded: 0 };
  bob.say({ type: "ended", session, outcome: "linked" });
  bob.say({ type: "report", bytes, poisoned: [] });
  const cid = await Page.join(tracker);
  await cid.announce(8, "none");
  const other = await cid.next("introduce");
  cid.say({ type: "ended", session: other.session, outcome: "failed" });
  const next = await cid.next("introduce");
  cid.say({ type: "ended", session: next.session, outcome: "declined" });
  for (const page of [bob, cid]) {
    page.say({ type: "ping" });
    await page.next("pong");
  }
  const { body } = await exchange(tracker, "/dashboard/data");
  const { operation, totals } = JSON.parse(String(body));
  expect(operation).toEqual({
    regionBytes: { local: { peers: 3000, origin: 1000 } },
    linkMs: { median: 640, p90: 640 },
    failures: { reported: 1, unanswered: 0, declined: 1, left: 0 },
  });
  expect(totals.peers).toBe(3);
  for (const secret of [ann.peerId(), bob.peerId(), swarm("film"), "127.0.0.1", "localhost"]) {
    expect(String(body)).not.toContain(secret);
  }
});
