// How near introductions are when a swarm is spread over nodes: cores without sockets over one real Redis, beside one
// core with the same peers. Places and dice are seeded; what Redis draws is its own dice, so the comparison has slack.

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../../../../tracker/cluster/cluster.ts";
import { RedisCluster } from "../../../../tracker/cluster/redis-cluster.ts";
import { DEFAULT_LIMITS } from "../../../../tracker/limits.ts";
import { silent } from "../../../../tracker/log.ts";
import { distanceOf, type Where } from "../../../../tracker/region/where.ts";
import { Tracker } from "../../../../tracker/tracker.ts";
import { findRedis, type Redis, startRedis } from "../../../support/redis.ts";
import { dice, idOf, SITE, secretOf, swarm } from "../stage.ts";

const PEERS = 5000;
const path = findRedis();
let redis: Redis | undefined;
beforeAll(async () => {
  if (path !== undefined) redis = await startRedis(path);
});
afterAll(() => redis?.close());

interface Seat {
  readonly name: string;
  /** Sum of distances, and how many, of those it was introduced to. */
  distance: number;
  met: number;
  far: number;
}

/** Fifty towns of twenty countries of four continents, unevenly filled. */
function placeOf(unit: () => number): Where {
  const town = Math.floor(50 * unit() ** 2);
  const country = `C${town % 20}`;
  const continent = `K${town % 4}`;
  return { site: SITE, networks: [`town ${town}`], country, continent, label: country };
}

/** All join one after the other at nodes in turn, and accept everybody. */
async function crowd(nodes: number, clusterFor?: (tracker: () => Tracker<Seat>) => RedisCluster) {
  const ids = new Map<string, string>();
  const seats: Seat[] = [];
  const clusters: RedisCluster[] = [];
  /** Offerers and answerers told of each session: the next one comes when all know. */
  const told = { offerer: 0, answerer: 0 };
  let answers: (() => void)[] = [];
  let isAnnounced = false;
  const settle = () => {
    if (!isAnnounced || told.offerer > told.answerer) return;
    for (const answer of answers) answer();
    answers = [];
  };
  const trackers = Array.from({ length: nodes }, (_, each) => {
    const cluster = clusterFor?.(() => tracker);
    if (cluster !== undefined) clusters.push(cluster);
    const tracker: Tracker<Seat> = new Tracker<Seat>({
      limits: DEFAULT_LIMITS,
      clock: { now: () => 0 },
      random: dice(each + 1),
      cluster: cluster as Cluster | undefined,
      peerIdOf: (secret) => idOf(ids.get(secret) ?? ""),
      outbox: {
        drop: () => {},
        send: (seat, message) => {
          if (message.type === "announced") {
            isAnnounced = true;
            told.offerer += message.introductions;
          }
          if (message.type === "gone") told.answerer++;
          settle();
          if (message.type !== "introduce") return;
          seat.met++;
          seat.distance += distanceOf(message.proximity);
          if (message.proximity === "world") seat.far++;
          if (message.role !== "answerer") return;
          told.answerer++;
          const linked = { type: "ended", session: message.session, outcome: "linked" };
          tracker.receive(seat, JSON.stringify(linked));
          settle();
        },
      },
    });
    return tracker;
  });
  await Promise.all(clusters.map((cluster) => cluster.join()));
  const places = dice(7);
  for (let each = 0; each < PEERS; each++) {
    const name = `p${each}`;
    const seat = { name, distance: 0, met: 0, far: 0 };
    seats.push(seat);
    ids.set(secretOf(name), name);
    const tracker = trackers[each % nodes] as Tracker<Seat>;
    tracker.arrived(seat, placeOf(places.unit));
    isAnnounced = false;
    const answered = new Promise<void>((resolve) => answers.push(resolve));
    tracker.receive(seat, JSON.stringify({ type: "hello", version: 1, secret: secretOf(name) }));
    const announce = { type: "announce", swarms: [{ swarm: swarm("film"), holding: "some" }] };
    tracker.receive(seat, JSON.stringify({ ...announce, want: 8 }));
    await answered;
  }
  await Promise.all(clusters.map((cluster) => cluster.close()));
  const late = seats.slice(PEERS / 2);
  const met = late.reduce((sum, seat) => sum + seat.met, 0);
  return {
    distance: late.reduce((sum, seat) => sum + seat.distance, 0) / met,
    far: late.reduce((sum, seat) => sum + seat.far, 0) / met,
    met: met / late.length,
    fewest: Math.min(...late.map((seat) => seat.met)),
    most: Math.max(...seats.map((seat) => seat.met)),
  };
}

test(`a swarm of ${PEERS} over three nodes gets introductions as near as on one node`, async () => {
  const one = await crowd(1);
  if (redis === undefined) {
    console.log("Not tested: nearness over many nodes, since redis-server is not installed.");
    return;
  }
  const { url } = redis;
  const three = await crowd(
    3,
    (tracker) =>
      new RedisCluster({
        url,
        log: silent,
        key: "",
        nameOf: () => "",
        listener: {
          card: (id) => tracker().card(id),
          peers: () => tracker().peers(),
          heard: (from, letter) => tracker().heard(from, letter),
          lost: (node) => tracker().lost(node),
        },
      }),
  );
  expect(three.distance).toBeLessThan(one.distance * 1.05 + 0.02);
  expect(three.met).toBeGreaterThan(one.met * 0.95);
  expect(three.fewest).toBeGreaterThanOrEqual(Math.min(one.fewest, 4));
  expect(three.most).toBeLessThanOrEqual(one.most + 8);
  expect(three.far).toBeGreaterThan(one.far * 0.5);
}, 60_000);
