// A rolling restart under load: nodes behind a load balancer go one after the other while pages come and link. Links
// that stand keep standing, whoever wanted one gets one, and all are one swarm at the end.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { PROTOCOL_VERSION, type TrackerMessage } from "../../../../tracker/protocol/messages.ts";
import { type RunningTracker, startTracker } from "../../../../tracker/server.ts";
import { findRedis, type Redis, startRedis } from "../../../support/redis.ts";
import { newSecret, Page } from "../page.ts";
import { dice, OFFER, swarm } from "../stage.ts";

const PAGES = 60;
const ANSWER = { kind: "answer", sdp: "v=0\r\ns=-\r\n" } as const;
const path = findRedis();
let redis: Redis | undefined;
beforeAll(async () => {
  if (path !== undefined) redis = await startRedis(path);
});
afterAll(() => redis?.close());

/** A visitor: links with whom it is introduced to, and comes back to any node when its own goes away. */
class Visitor {
  readonly #secret = newSecret();
  readonly #pick: () => RunningTracker;
  readonly links: Set<string>;
  /** Of those who have taken the offer, and of those linked. */
  readonly #peers = new Map<string, string>();
  readonly #linked = new Set<string>();
  page: Page | undefined;
  id = "";
  joins = 0;
  leaving = false;
  /** A session that was linked and is said to be gone: must not happen. */
  readonly retracted: string[] = [];

  constructor(pick: () => RunningTracker, links: Set<string>) {
    this.#pick = pick;
    this.links = links;
  }

  async live(): Promise<void> {
    while (!this.leaving) {
      try {
        const page = await Page.open(this.#pick());
        this.page = page;
        page.ws.on("message", (text) => this.#hear(JSON.parse(String(text))));
        page.say({ type: "hello", version: PROTOCOL_VERSION, secret: this.#secret });
        await page.closed;
      } catch {
        // That node was just going: another one.
      }
    }
  }
  get degree(): number {
    return [...this.links].filter((pair) => pair.split(" ").includes(this.id)).length;
  }

  announce(): void {
    const want = Math.max(0, 8 - this.degree);
    this.page?.say({ type: "announce", swarms: [{ swarm: swarm("film"), holding: "some" }], want });
  }

  #hear(message: TrackerMessage): void {
    const { page } = this;
    if (page === undefined) return;
    switch (message.type) {
      case "welcome":
        this.id = message.peer;
        this.joins++;
        this.announce();
        break;
      case "bye":
        page.ws.close();
        break;
      case "introduce": {
        const { session, peer } = message;
        this.#peers.set(session, peer);
        if (this.links.has(pairOf(this.id, peer))) {
          page.say({ type: "ended", session, outcome: "declined" });
        } else if (message.role === "offerer") {
          page.say({ type: "signal", to: peer, session, signal: OFFER });
        }
        break;
      }
      case "signal": {
        const { session, from } = message;
        if (message.signal.kind === "offer") {
          page.say({ type: "signal", to: from, session, signal: ANSWER });
        } else {
          this.links.add(pairOf(this.id, from));
          this.#linked.add(session);
          page.say({ type: "ended", session, outcome: "linked" });
        }
        break;
      }
      case "gone":
        if (this.#linked.has(message.session)) this.retracted.push(message.session);
        break;
    }
  }
}
const pairOf = (one: string, other: string): string => [one, other].sort().join(" ");

test("a rolling restart under load loses no link and leaves one swarm", async () => {
  if (redis === undefined) {
    console.log("Not tested: rolling restarts, since redis-server is not installed.");
    return;
  }
  const { url } = redis;
  const { unit } = dice(11);
  const start = () => startTracker({ port: 0, redis: url, edgeLimits: { retryAfterMs: 100 } });
  const nodes = [await start(), await start(), await start()];
  const links = new Set<string>();
  const pick = () => nodes[Math.floor(unit() * nodes.length)] as RunningTracker;
  const visitors: Visitor[] = [];
  const lives: Promise<void>[] = [];
  const come = () => {
    const visitor = new Visitor(pick, links);
    visitors.push(visitor);
    lives.push(visitor.live());
  };
  const settled = () =>
    vi.waitFor(
      () => {
        for (const visitor of visitors) if (visitor.degree < 3) visitor.announce();
        expect(Math.min(...visitors.map((visitor) => visitor.degree))).toBeGreaterThanOrEqual(3);
      },
      { timeout: 20_000, interval: 500 },
    );
  while (visitors.length < PAGES / 2) come();
  await settled();
  for (let at = 0; at < nodes.length; at++) {
    const before = new Set(links);
    const old = nodes[at] as RunningTracker;
    nodes[at] = await start();
    const gone = old.close({ graceful: true });
    // Newcomers in the middle of it.
    for (let each = 0; each < PAGES / 6; each++) come();
    await gone;
    await settled();
    for (const link of before) expect(links).toContain(link);
  }
  expect(visitors).toHaveLength(PAGES);
  expect(visitors.flatMap((visitor) => visitor.retracted)).toEqual([]);
  // The first half were at nodes that are no more, and came back.
  expect(visitors.slice(0, PAGES / 2).every(({ joins }) => joins >= 2)).toBe(true);
  const totals = nodes.map((node) => node.totals());
  expect(totals.reduce((sum, { peers }) => sum + peers, 0)).toBe(PAGES);
  expect(Math.max(...totals.map(({ peers }) => peers))).toBeLessThan(PAGES);
  const [witness] = visitors;
  await vi.waitFor(() => {
    witness?.announce();
    const told = witness?.page?.heard.findLast((message) => message.type === "announced");
    expect(told?.type === "announced" && told.swarms[0]?.peers).toBe(PAGES - 1);
  }, 10_000);
  for (const visitor of visitors) {
    visitor.leaving = true;
    visitor.page?.ws.terminate();
  }
  await Promise.all(lives);
  await Promise.all(nodes.map((node) => node.close({ graceful: false })));
}, 60_000);
