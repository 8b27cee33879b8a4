// What Prometheus reads: true numbers, bounded labels, nothing of any one visitor; and that the alerts and the dashboard
// that ship ask for numbers that exist.

import { readFile } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";
import { type RunningTracker, startTracker } from "../../../tracker/server.ts";
import { exchange, Page } from "./page.ts";
import { swarm } from "./stage.ts";

let tracker: RunningTracker | undefined;
afterEach(async () => tracker?.close({ graceful: false }));

async function scraped(running: RunningTracker): Promise<Map<string, number>> {
  const { status, headers, body } = await exchange(running, "/metrics");
  expect([status, headers["content-type"]]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  const samples = String(body).matchAll(/^(\w+(?:\{.*\})?) (\S+)$/gm);
  return new Map([...samples].map(([, name = "", value]) => [name, Number(value)]));
}

test("the numbers are those of the totals, and stay when they are read twice", async () => {
  tracker = await startTracker({ port: 0 });
  const ann = await Page.join(tracker);
  const bob = await Page.join(tracker);
  await ann.announce(8, "all");
  await bob.announce(8, "none");
  const { session } = await bob.next("introduce");
  const bytes = { cache: 5, peers: 30, origin: 10, uploaded: 7 };
  bob.say({ type: "ended", session, outcome: "linked" });
  bob.say({ type: "report", bytes, poisoned: [] });
  bob.ws.send("?");
  bob.say({ type: "ping" });
  await bob.next("pong");
  await expect(Page.open(tracker, "https://elsewhere.example")).rejects.toThrow("403");
  await scraped(tracker);
  const samples = await scraped(tracker);
  const ours = [...samples].filter(([name]) => name.startsWith("shoal_"));
  expect(Object.fromEntries(ours)).toEqual({
    shoal_peers: 2,
    shoal_swarms: 1,
    shoal_sockets: 2,
    shoal_sessions: 1,
    shoal_addresses: 1,
    shoal_draining: 0,
    shoal_cluster_joined: 1,
    shoal_cluster_nodes: 1,
    'shoal_region_peers{region="local"}': 2,
    shoal_introductions_total: 1,
    'shoal_links_total{outcome="made"}': 1,
    'shoal_links_total{outcome="failed"}': 0,
    'shoal_links_total{outcome="declined"}': 0,
    'shoal_received_bytes_total{source="cache"}': 5,
    'shoal_received_bytes_total{source="peers"}': 30,
    'shoal_received_bytes_total{source="origin"}': 10,
    shoal_uploaded_bytes_total: 7,
    'shoal_violations_total{code="malformed"}': 1,
    'shoal_upgrades_refused_total{status="403"}': 1,
  });
  expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(0);
  const text = String((await exchange(tracker, "/metrics")).body);
  for (const secret of [ann.peerId(), bob.peerId(), swarm("film"), "127.0.0.1", "localhost"]) {
    expect(text).not.toContain(secret);
  }
});

test("each tracker of a process has numbers of its own", async () => {
  tracker = await startTracker({ port: 0 });
  const other = await startTracker({ port: 0 });
  try {
    await Page.join(other);
    expect((await scraped(tracker)).get("shoal_peers")).toBe(0);
    expect((await scraped(other)).get("shoal_peers")).toBe(1);
  } finally {
    await other.close({ graceful: false });
  }
});

test.each(["alerts.yml", "dashboard.json"])("%s asks only for numbers that exist", async (file) => {
  tracker = await startTracker({ port: 0 });
  const known = String((await exchange(tracker, "/metrics")).body);
  const text = await readFile(`tracker/operations/${file}`, "utf8");
  if (file.endsWith(".json")) expect(JSON.parse(text).panels.length).toBeGreaterThan(0);
  const names = new Set(text.match(/\b(?:shoal|nodejs|process)_[a-z\d]+(?:_[a-z\d]+)*\b/g));
  expect(names.size).toBeGreaterThan(5);
  for (const name of names) expect(known).toContain(`# TYPE ${name} `);
  // Of several nodes, too: whether they are one swarm is what an operator of many cannot see otherwise.
  expect([...names]).toEqual(
    expect.arrayContaining(["shoal_cluster_joined", "shoal_cluster_nodes"]),
  );
});
