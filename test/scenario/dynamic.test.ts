// Public data that changes every two seconds and may be kept for two: a crowd that asks for it every second costs its origin
// hardly more than one reader, sees nothing older than a cache may show, and goes on with the last of it where the site allows
// that. With the simulator; the tracker's own reads are counted.

import { expect, test } from "vitest";
import type { Millis } from "../../client/core/vocabulary.ts";
import { type Bytes, fromUtf8, utf8 } from "../../tracker/protocol/bytes.ts";
import { fetchAsPage } from "../sim/page.ts";
import { HOME_PLACE, type Place } from "../sim/places.ts";
import type { Visitor } from "../sim/visitor.ts";
import { minutes, seconds, World } from "../sim/world.ts";

const URL = "https://site.example/api/scores.json";
const LIFETIME = seconds(2);
/** Not quite as often as it may be kept, so that it changes at every moment of a lifetime. */
const CHANGES = 1900;
const EVERY = seconds(1);

interface Seen {
  readonly at: Millis;
  /** `null`: an error. */
  readonly version: number | null;
  readonly from: "shoal" | "network" | "nowhere";
}

class Crowd {
  readonly world: World;
  readonly visitors: Visitor[] = [];
  readonly seen: Seen[] = [];
  /** When each version came. */
  readonly since: Millis[] = [];
  #polling = true;

  constructor(count: number, control: string, place?: Place) {
    this.world = new World({ seed: 7, unlinkable: 0, attesting: true, purging: true });
    const deploy = (): void => {
      const version = this.since.push(this.world.timeline.now) - 1;
      this.world.answer(URL, bodyOf(version), "application/json", { "cache-control": control });
      if (this.#polling) this.world.in(CHANGES, deploy);
    };
    deploy();
    const dice = this.world.random.fork("moments");
    for (let who = 0; who < count; who++) {
      const visitor = this.world.arrive(place === undefined ? {} : { place });
      this.visitors.push(visitor);
      this.world.in(dice.between(0, EVERY), () => this.#poll(visitor));
    }
  }

  #poll(visitor: Visitor): void {
    if (!this.#polling) return;
    const at = this.world.timeline.now;
    void fetchAsPage(this.world, visitor, URL).then((answer) => {
      const version = answer === null ? null : versionOf(answer.body);
      this.seen.push({ at, version, from: answer?.from ?? "nowhere" });
    });
    this.world.in(EVERY, () => this.#poll(visitor));
  }

  /** What was asked of the origin meanwhile, and what pages saw. */
  async pass(time: Millis): Promise<{ asked: number; seen: readonly Seen[] }> {
    const { world } = this;
    const [asked, from] = [world.origin.asked(URL), this.seen.length];
    await world.pass(time);
    return { asked: world.origin.asked(URL) - asked, seen: this.seen.slice(from) };
  }

  /** All of it was there, and was replaced no longer ago than its lifetime. */
  expectFresh(seen: readonly Seen[]): void {
    for (const { at, version, from } of seen) {
      const next = this.since[(version ?? Number.NaN) + 1] ?? Number.POSITIVE_INFINITY;
      const what = `${from} gave version ${version} at ${at}`;
      expect(version, what).not.toBeNull();
      expect(next, what).toBeGreaterThanOrEqual(at - LIFETIME);
    }
  }

  async end(): Promise<void> {
    this.#polling = false;
    this.world.origin.behaviour = "well";
    await this.world.pass(minutes(1));
    this.world.checkInvariants();
  }
}

/** Its version is told by all of it. */
const bodyOf = (version: number): Bytes =>
  utf8(JSON.stringify(Array.from({ length: 150 }, () => `version ${version}`)));
function versionOf(body: Bytes): number {
  const [first = ""] = JSON.parse(fromUtf8(body) ?? "[]");
  const version = Number(/\d+$/.exec(first));
  expect(body, "a mix").toEqual(bodyOf(version));
  return version;
}

test("twenty visitors who ask every second cost the origin little more than one read a lifetime", async () => {
  const crowd = new Crowd(20, "public, s-maxage=2", HOME_PLACE);
  await crowd.pass(seconds(10));
  const { asked, seen } = await crowd.pass(minutes(1));
  const lifetimes = minutes(1) / LIFETIME;
  // The tracker's own reads; and, in case somebody had nobody near who was quick enough, a few.
  expect(asked).toBeLessThanOrEqual(1.2 * lifetimes);
  expect(crowd.world.bytes.peers).toBeGreaterThan(crowd.world.bytes.origin);
  expect(seen.length).toBeGreaterThan(1180);
  crowd.expectFresh(seen);
  // A page that is open all day must not fill the disk with versions that nobody will ask for.
  for (const { stats } of crowd.visitors) expect(stats.cache.assets).toBeLessThanOrEqual(2);
  await crowd.end();
});

test("a crowd spread over the world costs it a few more: who is far from all others reads for itself", async () => {
  const crowd = new Crowd(20, "public, s-maxage=2");
  await crowd.pass(seconds(10));
  const { asked } = await crowd.pass(seconds(20));
  expect(asked).toBeLessThanOrEqual(4 * 10);
  await crowd.end();
});

test.each([["the origin"], ["origin and tracker"]])(
  "while %s fails, everybody goes on with the last of it, where it may be used on an error",
  async (what) => {
    const crowd = new Crowd(6, "public, s-maxage=2, stale-if-error=60", HOME_PLACE);
    await crowd.pass(seconds(10));
    crowd.world.origin.behaviour = "refuse";
    if (what !== "the origin") crowd.world.tracker.kill();
    const last = crowd.since.length - 1;
    const { seen } = await crowd.pass(seconds(20));
    expect(seen.length).toBeGreaterThan(6 * 18);
    for (const { version } of seen) expect(version).toBeGreaterThanOrEqual(last - 1);
    crowd.world.tracker.restart();
    await crowd.end();
  },
);

test("what a shared cache may not use stale is nobody's while the origin fails, and back with it", async () => {
  const crowd = new Crowd(6, "public, s-maxage=2", HOME_PLACE);
  await crowd.pass(seconds(10));
  crowd.world.origin.behaviour = "refuse";
  await crowd.pass(LIFETIME);
  const { seen } = await crowd.pass(seconds(5));
  expect(new Set(seen.map(({ version }) => version))).toEqual(new Set([null]));
  crowd.world.origin.behaviour = "well";
  // The tracker looks again after its rest.
  await crowd.pass(seconds(20));
  const { asked, seen: after } = await crowd.pass(seconds(20));
  expect(asked).toBeLessThanOrEqual(1.2 * 10);
  crowd.expectFresh(after);
  await crowd.end();
});
