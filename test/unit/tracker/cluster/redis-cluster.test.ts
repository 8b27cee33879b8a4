// Several trackers over one real Redis: one swarm, whichever node a page is at; and what is left when a node or Redis
// itself is lost. Where redis-server cannot be had, one line says what was not tested.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { TrackerOptions } from "../../../../tracker/options.ts";
import { PROTOCOL_VERSION } from "../../../../tracker/protocol/messages.ts";
import { type RunningTracker, startTracker } from "../../../../tracker/server.ts";
import { findRedis, type Redis, startRedis } from "../../../support/redis.ts";
import { exchange, newSecret, Page } from "../page.ts";
import { OFFER } from "../stage.ts";

const path = findRedis();
const BYTES = { cache: 0, peers: 0, origin: 0, uploaded: 0 };
/** A swarm of its own for each test: one Redis serves them all. */
let film = "";
let redis: Redis;
const running: RunningTracker[] = [];
const children: ChildProcess[] = [];

async function node(options: TrackerOptions = {}): Promise<RunningTracker> {
  const tracker = await startTracker({ port: 0, redis: redis.url, ...options });
  running.push(tracker);
  return tracker;
}
const two = () => Promise.all([node(), node()]);
const three = (options: TrackerOptions = {}) =>
  Promise.all([node(options), node(options), node(options)]);

/** Others in the swarm, as the node of this page tells it. */
async function othersOf(page: Page): Promise<number> {
  return (await page.announce(0, "none", film)).swarms[0]?.peers ?? -1;
}
const untilOthers = (page: Page, count: number, timeout = 15_000) =>
  vi.waitFor(async () => expect(await othersOf(page)).toBe(count), { timeout, interval: 1100 });

if (path === undefined) {
  test("without a Redis nothing of this can be tested", () => {
    console.log("Not tested: many nodes over Redis, since redis-server is not installed.");
  });
} else {
  beforeAll(async () => {
    redis = await startRedis(path);
  });
  afterAll(() => redis.close());
  let count = 0;
  beforeEach(() => {
    film = `film ${count++}`;
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((tracker) => tracker.close({ graceful: false })));
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });
  describe("peers at different nodes", meetings);
  describe("a node that is lost", lostNodes);
  describe("Redis", lostRedis);
}

function meetings(): void {
  test("meet, signal both ways, and link", async () => {
    const [first, second] = await two();
    const ann = await Page.join(first);
    const bob = await Page.join(second);
    expect(await ann.announce(8, "all", film)).toMatchObject({ introductions: 0 });
    expect(await bob.announce(8, "none", film)).toMatchObject({
      swarms: [{ peers: 1, holders: 1 }],
      introductions: 1,
    });
    const offerer = await bob.next("introduce");
    const answerer = await ann.next("introduce");
    expect(offerer).toMatchObject({ peer: ann.peerId(), role: "offerer", proximity: "network" });
    expect(answerer).toEqual({ ...offerer, peer: bob.peerId(), role: "answerer" });
    const { session } = offerer;
    bob.say({ type: "signal", to: ann.peerId(), session, signal: OFFER });
    expect(await ann.next("signal")).toEqual({
      type: "signal",
      from: bob.peerId(),
      session,
      signal: OFFER,
    });
    const answer = { kind: "answer", sdp: "v=0\r\ns=-\r\n" } as const;
    ann.say({ type: "signal", to: bob.peerId(), session, signal: answer });
    expect((await bob.next("signal")).signal).toEqual(answer);
    for (const page of [ann, bob]) page.say({ type: "ended", session, outcome: "linked" });
    await vi.waitFor(() => expect(second.totals().links.made).toBe(1), 10_000);
    // One pair is one introduction and one link, counted where the offer came from.
    const of = (tracker: RunningTracker) => [
      tracker.totals().introductions,
      tracker.totals().links.made,
    ];
    expect([first, second].map(of)).toEqual([
      [0, 0],
      [1, 1],
    ]);
    // Linked pairs are not introduced again, whoever asks.
    expect((await ann.announce(8, "all", film)).introductions).toBe(0);
    expect((await bob.announce(8, "none", film)).introductions).toBe(0);
  });

  test("of three nodes are one swarm", async () => {
    const all = await three();
    const pages: Page[] = [];
    for (let each = 0; each < 12; each++) {
      const page = await Page.join(all[(each % 3) as 0 | 1 | 2]);
      await page.announce(8, each === 0 ? "all" : "none", film);
      pages.push(page);
    }
    const last = pages.at(-1) as Page;
    expect(await othersOf(last)).toBe(11);
    const met = new Set<string>();
    const where = new Map(pages.map((page, each) => [page.peerId() as string, each % 3]));
    for (const page of pages) {
      for (const message of page.heard) {
        if (message.type !== "introduce") continue;
        met.add([where.get(page.peerId()), where.get(message.peer)].sort().join());
      }
    }
    expect([...met].sort()).toEqual(["0,0", "0,1", "0,2", "1,1", "1,2", "2,2"]);
  });

  test("are told when the other leaves", async () => {
    const [first, second] = await two();
    const ann = await Page.join(first);
    await ann.announce(8, "all", film);
    const bob = await Page.join(second);
    await bob.announce(8, "none", film);
    const { session } = await bob.next("introduce");
    ann.ws.terminate();
    expect(await bob.next("gone")).toEqual({ type: "gone", session });
    await untilOthers(bob, 0);
  });

  test("that decline are replaced by somebody else, at whatever node", async () => {
    const [first, second] = await two();
    const [ann, eve] = [await Page.join(first), await Page.join(second)];
    const bob = await Page.join(second);
    await ann.announce(8, "all", film);
    await bob.announce(1, "none", film);
    const { session } = await ann.next("introduce");
    // Drained, so that it can only be found by being asked for.
    await eve.announce(0, "all", film);
    ann.say({ type: "ended", session, outcome: "declined" });
    expect(await bob.next("gone")).toEqual({ type: "gone", session });
    await bob.next("introduce");
    expect((await bob.next("introduce")).peer).toBe(eve.peerId());
  });

  test("are one when they are one: a page that comes back elsewhere replaces itself", async () => {
    const [first, second] = await two();
    const secret = newSecret();
    const before = await Page.join(first, secret);
    await before.announce(8, "none", film);
    const after = await Page.join(second, secret);
    expect(await before.next("refused")).toMatchObject({ code: "replaced" });
    await after.announce(8, "none", film);
    expect(await othersOf(after)).toBe(0);
    expect(first.totals().peers).toBe(0);
  });

  test("that have failed lately are not sent to each other again by one that has forgotten", async () => {
    const [first, second] = await two();
    const ann = await Page.join(first);
    await ann.announce(8, "all", film);
    const secret = newSecret();
    const bob = await Page.join(second, secret);
    await bob.announce(8, "none", film);
    const { session } = await bob.next("introduce");
    await ann.next("introduce");
    ann.say({ type: "ended", session, outcome: "failed" });
    await bob.next("gone");
    await bob.leave();
    // The same peer, of whom its node knows nothing any more.
    const again = await Page.join(second, secret);
    await again.announce(8, "none", film);
    const late = await again.next("introduce");
    expect(await again.next("gone")).toEqual({ type: "gone", session: late.session });
    expect(ann.heard.filter(({ type }) => type === "introduce")).toHaveLength(1);
  });

  /** A liar at the first node, linked with three victims, each of whom says so. */
  async function accused(addresses: readonly string[]): Promise<number> {
    const all = await three({ trustProxy: 1 });
    const from = async (address: string, at: number) => {
      const headers = { "x-forwarded-for": address };
      const page = await Page.open(all[at as 0 | 1 | 2], undefined, headers);
      page.say({ type: "hello", version: PROTOCOL_VERSION, secret: newSecret() });
      await page.next("welcome");
      return page;
    };
    const liar = await from("198.51.100.1", 0);
    await liar.announce(8, "all", film);
    for (const [at, address] of addresses.entries()) {
      const victim = await from(address, at);
      await victim.announce(1, "none", film);
      const { session, peer } = await victim.next("introduce");
      expect(peer).toBe(liar.peerId());
      for (const page of [liar, victim]) page.say({ type: "ended", session, outcome: "linked" });
      victim.say({ type: "report", bytes: BYTES, poisoned: [peer] });
      victim.say({ type: "ping" });
      await victim.next("pong");
      await victim.leave();
    }
    await untilOthers(liar, 0);
    const late = await from("203.0.113.9", 2);
    return (await late.announce(8, "none", film)).introductions;
  }

  test("shun a peer that three addresses accuse, each at another node", async () => {
    expect(await accused(["198.51.100.2", "198.51.100.3", "198.51.100.4"])).toBe(0);
  });
  test("do not count one accuser thrice because it is at three nodes", async () => {
    expect(await accused(["198.51.100.2", "198.51.100.2", "198.51.100.2"])).toBe(1);
  });
}

function lostNodes(): void {
  beforeAll(() => {
    execFileSync(process.execPath, ["build.mjs", "--missing"], { stdio: "ignore" });
  }, 120_000);

  /** In a process of its own, which can be killed. */
  async function processNode(): Promise<{ url: string; child: ChildProcess }> {
    const words = ["dist/tracker/main.js", "tracker", "--port", "0", "--redis", redis.url];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { ...JSON.parse((await lines.next()).value), child };
  }

  test("without a word leaves no ghosts, and its peers are found where they come back", async () => {
    const doomed = await processNode();
    const other = await node();
    const secrets = Array.from({ length: 20 }, newSecret);
    const before = await Promise.all(secrets.map((secret) => Page.join(doomed, secret)));
    await Promise.all(before.map((page) => page.announce(8, "all", film)));
    const witness = await Page.join(other);
    expect((await witness.announce(8, "none", film)).introductions).toBe(8);
    doomed.child.kill("SIGKILL");
    await Promise.all(before.map((page) => page.closed));
    const killedAt = performance.now();
    // Half of them come back at once, the others never.
    const back = secrets.slice(0, 10).map((secret) => Page.join(other, secret));
    const after = await Promise.all(back);
    await Promise.all(after.map((page) => page.announce(8, "all", film)));
    const fresh = await Page.join(other);
    await fresh.announce(8, "none", film);
    await fresh.next("introduce");
    await untilOthers(witness, 11);
    expect(performance.now() - killedAt).toBeLessThan(15_000);
    // Whoever is introduced now is somebody who is there.
    const alive = new Set([...after, fresh].map((page) => page.peerId() as string));
    const late = await Page.join(other);
    const { introductions } = await late.announce(8, "none", film);
    expect(introductions).toBe(8);
    for (let each = 0; each < introductions; each++) {
      expect(alive).toContain((await late.next("introduce")).peer);
    }
  });

  test("is found out by the first letter, at the latest when its lease ends", async () => {
    const doomed = await processNode();
    const other = await node();
    const ghost = await Page.join(doomed);
    await ghost.announce(8, "all", film);
    doomed.child.kill("SIGKILL");
    await ghost.closed;
    const page = await Page.join(other);
    await page.announce(8, "none", film);
    const { session } = await page.next("introduce");
    expect(await page.next("gone")).toEqual({ type: "gone", session });
  });

  test("takes with it the introductions that were under way", async () => {
    const doomed = await processNode();
    const ghost = await Page.join(doomed);
    await ghost.announce(8, "all", film);
    const page = await Page.join(await node());
    await page.announce(8, "none", film);
    const { session } = await page.next("introduce");
    await ghost.next("introduce");
    doomed.child.kill("SIGKILL");
    expect(await page.next("gone")).toEqual({ type: "gone", session });
  });

  test("gracefully is gone at once", async () => {
    const [first, second] = await two();
    const ann = await Page.join(first);
    await ann.announce(8, "all", film);
    const bob = await Page.join(second);
    await bob.announce(0, "none", film);
    ann.ws.pause();
    await first.close({ graceful: false });
    expect(await othersOf(bob)).toBe(0);
    expect(await metric(second, "shoal_cluster_nodes")).toBeGreaterThan(0);
    ann.ws.terminate();
  });
}

async function metric(tracker: RunningTracker, name: string): Promise<number> {
  const text = String((await exchange(tracker, "/metrics")).body);
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}
const joined = (tracker: RunningTracker) => metric(tracker, "shoal_cluster_joined");

function lostRedis(): void {
  test.each([
    ["killed and started again, empty", () => redis.kill(), () => redis.start()],
    ["hanging, and awake again", async () => redis.hang(), async () => redis.wake()],
  ])("%s: nodes serve their own peers, then are one swarm again", async (_how, lose, restore) => {
    const [first, second] = await two();
    const ann = await Page.join(first);
    await ann.announce(8, "all", film);
    const bob = await Page.join(second);
    await bob.announce(0, "none", film);
    await lose();
    // The first to ask may have to wait for what will never come; it is answered all the same.
    expect((await ann.announce(8, "all", film)).swarms[0]?.peers).toBe(0);
    await vi.waitFor(async () => expect(await joined(first)).toBe(0), 10_000);
    const eve = await Page.join(first);
    expect((await eve.announce(8, "none", film)).introductions).toBe(1);
    expect((await eve.next("introduce")).peer).toBe(ann.peerId());
    expect((await exchange(first, "/readyz")).status).toBe(200);
    await restore();
    await untilOthers(bob, 2);
    await untilOthers(ann, 2);
    const late = await Page.join(second);
    expect((await late.announce(8, "none", film)).introductions).toBeGreaterThanOrEqual(2);
  });

  test("not there at the start: the node begins alone and joins when it comes", async () => {
    await redis.kill();
    const tracker = await node();
    expect(await joined(tracker)).toBe(0);
    const ann = await Page.join(tracker);
    await ann.announce(8, "all", film);
    await redis.start();
    await vi.waitFor(async () => expect(await joined(tracker)).toBe(1), 10_000);
    const bob = await Page.join(await node());
    await vi.waitFor(async () => {
      expect((await bob.announce(8, "none", film)).introductions).toBe(1);
    }, 10_000);
  });
}
