// The page's model of the swarm: rates from sums, links between named visitors, strangers without a name, and sums that
// outlast those who leave.

import { expect, test } from "vitest";
import type { ClientStats } from "../../../client/core/stats.ts";
import type { Report } from "../../../demo/report.ts";
import { Swarm } from "../../../demo/swarm.ts";

const URL_A = "http://site/a";
type Link = readonly [peer: string, bytesDown: number];

function report(
  peerId: string,
  bytes: Partial<ClientStats["bytes"]>,
  links: readonly Link[] = [],
  more: Partial<Report> = {},
): Report {
  const stats: ClientStats = {
    state: "in-swarm",
    tracker: "connected",
    consent: "granted",
    upload: true,
    peerId,
    region: null,
    bytes: { cache: 0, peers: 0, origin: 0, wasted: 0, uploaded: 0, ...bytes },
    offload: 0,
    chunks: { verified: 0, rejected: 0 },
    cache: { bytes: 0, assets: 0, budget: 1, persistent: false },
    links: links.map(([peer, bytesDown]) => ({
      peer,
      proximity: "network",
      rttMs: 1,
      bytesDown,
      bytesUp: 0,
    })),
  };
  return { stats, chunks: [], violations: [], ...more };
}

function pair(): Swarm {
  const swarm = new Swarm();
  swarm.came({ id: 0, name: "You", region: 0, behaviour: "honest" });
  swarm.came({ id: 1, name: "Visitor 2", region: 1, behaviour: "honest" });
  swarm.heard(1, report("b", { origin: 1000 }, [["a", 0]]), 1000);
  swarm.heard(0, report("a", {}, [["b", 0]]), 1000);
  return swarm;
}

test("bytes since the last report are a flow, which dies away", () => {
  const swarm = pair();
  expect(swarm.flows).toEqual([]);
  swarm.heard(0, report("a", { peers: 1_000_000 }, [["b", 1_000_000]]), 1500);
  expect(swarm.flows).toEqual([{ from: 1, to: 0, bytesPerSecond: 1_200_000 }]);
  expect(swarm.rates).toEqual({ peers: 1_200_000, origin: 0 });
  for (let at = 2000; at < 7000; at += 500) {
    swarm.heard(0, report("a", { peers: 1_000_000 }, [["b", 1_000_000]]), at);
  }
  expect(swarm.flows).toEqual([]);
});

test("what a visitor brought along or moved before its first report is no flow", () => {
  const swarm = pair();
  expect(swarm.rates).toEqual({ peers: 0, origin: 0 });
  expect(swarm.totals.origin).toBe(1000);
});

test("a pair is one link; a stranger is one only with you, and has no name", () => {
  const swarm = pair();
  swarm.heard(
    0,
    report("a", {}, [
      ["b", 0],
      ["x", 0],
    ]),
    1500,
  );
  swarm.heard(
    1,
    report("b", {}, [
      ["a", 0],
      ["y", 0],
    ]),
    1500,
  );
  expect(swarm.links).toEqual([
    [0, 1],
    [0, "stranger"],
  ]);
  expect(swarm.named("b")?.name).toBe("Visitor 2");
  expect(swarm.named("x")).toBeUndefined();
});

test("content is counted once, however many have it; sums stay when somebody leaves", () => {
  const swarm = pair();
  const chunk = { url: URL_A, index: 0, count: 2, source: "origin", bytes: 500 } as const;
  swarm.heard(0, report("a", { peers: 500 }, [], { chunks: [chunk] }), 1500);
  swarm.heard(
    1,
    report("b", { origin: 1500 }, [], { chunks: [chunk, { ...chunk, index: 1 }] }),
    1500,
  );
  expect(swarm.totals).toEqual({ cache: 0, peers: 500, origin: 1500, distinct: 1000 });
  swarm.left(1);
  swarm.heard(1, report("b", { origin: 9999 }), 2000);
  expect(swarm.totals.origin).toBe(1500);
  expect(swarm.members.map(({ name }) => name)).toEqual(["You"]);
});

test("a liar is caught by each once", () => {
  const swarm = pair();
  const violations = [{ peer: "b", kind: "poisoned" }] as const;
  swarm.heard(0, report("a", {}, [], { violations }), 1500);
  swarm.heard(0, report("a", {}, [], { violations }), 2000);
  expect(swarm.members.map(({ caughtBy }) => caughtBy)).toEqual([0, 1]);
});
