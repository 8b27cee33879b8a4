// Purges among trackers over one real Redis: whichever node is asked, the pages of all nodes hear of it, those of nodes
// that start later as well; and what was purged while Redis was away is everybody's when it is back.

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { openSigningKey } from "../../../../tracker/manifest/keys.ts";
import type { TrackerOptions } from "../../../../tracker/options.ts";
import type { PurgeRecord } from "../../../../tracker/protocol/purge.ts";
import { type RunningTracker, startTracker } from "../../../../tracker/server.ts";
import { findRedis, type Redis, startRedis } from "../../../support/redis.ts";
import { exchange as asked, Page } from "../page.ts";

const path = findRedis();
const TOKEN = "a token of thirty-two characters.";
const url = (name: string) => `https://site.example/${name}`;

let redis: Redis;
/** Where each node has its own copy of the same key, and its own log of purges. */
let directory: string;
const running: RunningTracker[] = [];

/** `disk`: a node that is started again on it finds what it wrote. */
const node = (disk: string, options: TrackerOptions = {}) =>
  loneNode(disk, { redis: redis.url, ...options });
async function loneNode(disk: string, options: TrackerOptions = {}): Promise<RunningTracker> {
  const key = join(directory, `${disk}.json`);
  const tracker = await startTracker({ port: 0, key, purgeToken: TOKEN, ...options });
  running.push(tracker);
  return tracker;
}

async function purge(tracker: RunningTracker, ...names: string[]) {
  const response = await fetch(`${tracker.url}/purge`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify({ url: names.map(url) }),
  });
  expect(response.status).toBe(200);
  return response.json();
}

const recordsOf = (page: Page): PurgeRecord[] =>
  page.heard.flatMap((message) => (message.type === "purged" ? message.records : []));
/** As a browser does: what does not rise is refused. */
function takenBack(page: Page): string[] {
  let epoch = 0;
  const taken = new Set<string>();
  for (const record of recordsOf(page)) {
    if (record.epoch <= epoch) continue;
    epoch = record.epoch;
    taken.add(record.what);
  }
  return [...taken].sort();
}
const untilTaken = (page: Page, ...names: string[]) =>
  vi.waitFor(() => expect(takenBack(page)).toEqual(names.map(url)), 10_000);
async function isJoined(tracker: RunningTracker): Promise<boolean> {
  return /^shoal_cluster_joined 1$/m.test(String((await asked(tracker, "/metrics")).body));
}

if (path === undefined) {
  test("without a Redis nothing of this can be tested", () => {
    console.log("Not tested: purges among nodes over Redis, since redis-server is not installed.");
  });
} else {
  beforeAll(async () => {
    redis = await startRedis(path);
  });
  afterAll(() => redis.close());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "shoal-test-"));
    await openSigningKey(join(directory, "a.json"));
    for (const disk of ["b", "c"]) {
      await copyFile(join(directory, "a.json"), join(directory, `${disk}.json`));
    }
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((tracker) => tracker.close({ graceful: false })));
    await rm(directory, { recursive: true, force: true });
  });
  tests();
}

function tests(): void {
  test("a purge at one node is told to the pages of all at once", async () => {
    const nodes = await Promise.all([node("a"), node("b"), node("c")]);
    const pages = await Promise.all(nodes.map((tracker) => Page.join(tracker)));
    const answer = await purge(nodes[1], "film");
    expect(answer).toMatchObject({ purged: 1, told: 1, shared: true });
    const heard = await Promise.all(pages.map((page) => page.next("purged")));
    // Without a word from Redis a node would look only minutes later.
    for (const { records } of heard) {
      expect(records).toMatchObject([{ what: url("film"), epoch: answer.epoch }]);
    }
  });

  test("a node that starts later, with an empty disk, knows it before it welcomes anybody", async () => {
    const { epoch } = await purge(await node("a"), "film", "news");
    const late = await node("b");
    const page = await Page.join(late);
    expect(page.heard[0]).toMatchObject({ type: "welcome", purges: { epoch } });
    await untilTaken(page, "film", "news");
    // And when everybody else has gone.
    await running[0]?.close({ graceful: true });
    const last = await Page.join(await node("c"));
    await untilTaken(last, "film", "news");
  });

  test.each([
    ["each on a machine of its own", ["a", "b", "c"]],
    ["on one machine, with one file", ["a", "a", "a"]],
  ])("at all nodes at once, %s: every page takes all of them", async (_where, disks) => {
    const nodes = await Promise.all(disks.map((disk) => node(disk)));
    const pages = await Promise.all(nodes.map((tracker) => Page.join(tracker)));
    const names = (each: number) => [`${each}-one`, `${each}-two`];
    await Promise.all(nodes.map((tracker, each) => purge(tracker, ...names(each))));
    const all = [0, 1, 2].flatMap(names);
    await Promise.all(pages.map((page) => untilTaken(page, ...all)));
    // Newcomers are told the same wherever they come.
    await vi.waitFor(async () => {
      const late = await Promise.all(nodes.map((tracker) => Page.join(tracker)));
      const told = await Promise.all(late.map((page) => page.next("purged")));
      const [first, ...others] = told.map(({ records }) =>
        records.map(({ epoch, what }) => [epoch, what]),
      );
      for (const other of others) expect(other).toEqual(first);
    }, 10_000);
  });

  test("with Redis away each node purges for its own pages, and all hear of all when it is back, empty", async () => {
    const nodes = await Promise.all([node("a"), node("b")]);
    const [ann, bob] = await Promise.all(nodes.map((tracker) => Page.join(tracker)));
    if (ann === undefined || bob === undefined) throw new Error("two have joined");
    await purge(nodes[0], "before");
    await Promise.all([untilTaken(ann, "before"), untilTaken(bob, "before")]);
    await redis.kill();
    // The earlier one is at the node whose word comes later, so that epochs have to be made anew.
    expect(await purge(nodes[0], "first")).toMatchObject({ told: 1, shared: false });
    expect(await purge(nodes[1], "second")).toMatchObject({ told: 1, shared: false });
    await Promise.all([untilTaken(ann, "before", "first"), untilTaken(bob, "before", "second")]);
    await redis.start();
    await Promise.all([ann, bob].map((page) => untilTaken(page, "before", "first", "second")));
    const late = await Page.join(await node("c"));
    await untilTaken(late, "before", "first", "second");
  });

  test("what a node wrote down alone is everybody's once it is among them", async () => {
    const alone = await loneNode("a");
    expect(await purge(alone, "film")).not.toHaveProperty("shared");
    await alone.close({ graceful: true });
    const other = await node("b");
    const page = await Page.join(other);
    await node("a");
    await untilTaken(page, "film");
  });

  test("nodes with different keys say so, and believe nothing of each other's", async () => {
    const said: string[] = [];
    const log = (_level: string, event: string) => void said.push(event);
    await openSigningKey(join(directory, "other.json"));
    const first = await node("a", { log });
    const page = await Page.join(first);
    expect(said).not.toContain("cluster-keys-differ");
    const second = await node("other", { log });
    await vi.waitFor(() => {
      expect(said.filter((event) => event === "cluster-keys-differ")).toHaveLength(2);
    }, 10_000);
    await purge(second, "film");
    await purge(first, "news");
    await untilTaken(page, "news");
    expect(await isJoined(first)).toBe(true);
  });
}
