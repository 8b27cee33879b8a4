// The swarms a visitor is in, and how long links to the others in them are worth waiting for.

import { beforeAll, describe, expect, test } from "vitest";
import { ChunkCache } from "../../../../../client/core/cache/chunk-cache.ts";
import { contentOf, LARGE_BYTES } from "../../../../../client/core/catalogue/content.ts";
import { WANTED_LINKS } from "../../../../../client/core/swarm/links.ts";
import { Membership, type WaitReason } from "../../../../../client/core/swarm/membership.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { type Sample, sample, turns } from "../stage.ts";
import { LinksPlay } from "./links-play.ts";
import { Play as TrackerPlay } from "./tracker-play.ts";

const MIB = 1024 * 1024;
let film: Sample;
let page: Sample;
let other: Sample;
beforeAll(async () => {
  film = await sample({ size: LARGE_BYTES, chunkBytes: MIB });
  page = await sample({ size: 3000, seed: 2 });
  other = await sample({ size: 3000, seed: 3 });
});

class Play {
  readonly tracker = new TrackerPlay();
  readonly stage = this.tracker.stage;
  readonly links = new LinksPlay(this.stage);
  readonly cache: ChunkCache;
  readonly membership: Membership;
  constructor() {
    this.cache = new ChunkCache({
      clock: this.stage.clock,
      hasher: simHasher,
      chunks: this.stage.store(),
      index: this.stage.store(),
      gone: () => {},
      full: () => {},
    });
    this.membership = new Membership({
      clock: this.stage.clock,
      cache: this.cache,
      discovery: this.tracker.discovery,
      links: this.links.links,
      wanted: () => this.links.links.wanted(WANTED_LINKS),
    });
  }
  static async opened(): Promise<Play> {
    const play = new Play();
    await play.stage.wait(play.cache.open(1e9, (asset) => contentOf(asset, simHasher)));
    return play;
  }
  static async connected(): Promise<Play> {
    const play = await Play.opened();
    play.tracker.discovery.start();
    play.tracker.greet();
    await turns();
    return play;
  }
  hold({ content, chunk }: Sample, ...indices: readonly number[]): void {
    for (const index of indices) this.cache.add(content, index, chunk(index));
  }
  /** What the tracker was told of a swarm, in order. */
  async announced({ content }: Sample): Promise<string[]> {
    await turns();
    return this.tracker.socket
      .of("announce")
      .flatMap(({ swarms }) => swarms)
      .filter(({ swarm }) => swarm === content.swarm)
      .map(({ holding }) => holding);
  }
  answers({ content }: Sample, peers: number, introductions: number, holders = peers): void {
    const swarms = [{ swarm: content.swarm, peers, holders }];
    this.membership.announced({ type: "announced", swarms, introductions, againMs: 60_000 });
  }
  /** How much longer links are expected by somebody who begins to want it now. */
  expects({ content }: Sample, reason: WaitReason = "missed"): number {
    const { now } = this.stage;
    return this.membership.expectUntil(content, now, reason) - now;
  }
}

describe("what is held is told", () => {
  test("of a large file: none, some, all", async () => {
    const play = await Play.connected();
    play.membership.join(film.content);
    await turns();
    play.hold(film, 0);
    play.membership.join(film.content);
    await turns();
    play.hold(film, 1, 2, 3);
    play.membership.join(film.content);
    expect(await play.announced(film)).toEqual(["none", "some", "all"]);
  });
  test("of a directory: never all, for nobody knows what else is in it", async () => {
    const play = await Play.connected();
    expect(page.content.swarm).toBe(other.content.swarm);
    play.hold(page, 0, 1, 2);
    play.membership.join(page.content);
    expect(await play.announced(page)).toEqual(["some"]);
  });
  test("of a directory once for all its assets: the next one costs the tracker nothing", async () => {
    const play = await Play.connected();
    play.hold(page, 0);
    play.membership.join(page.content);
    await turns();
    play.membership.join(other.content);
    expect(await play.announced(page)).toEqual(["some"]);
  });
  test("of earlier visits in at most sixteen swarms, those added last", async () => {
    const play = await Play.connected();
    const left = await Promise.all(
      [...Array(18).keys()].map((n) =>
        sample({ size: 1000, seed: 10 + n, url: `https://site.example/${n}/page` }),
      ),
    );
    for (const one of left) play.hold(one, 0);
    play.membership.offer();
    await turns();
    const swarms = play.tracker.socket.of("announce").flatMap((message) => message.swarms);
    expect(swarms.map(({ swarm }) => swarm)).toEqual(
      left.slice(2).map(({ content }) => content.swarm),
    );
  });
});

test("wanting more of a swarm that is joined asks for introductions, if links are wanted", async () => {
  const play = await Play.connected();
  play.membership.seek(page.content);
  expect(await play.announced(page)).toEqual(["none"]);
  play.membership.seek(other.content);
  expect(await play.announced(page)).toEqual(["none", "none"]);
  for (let n = 0; n < 8; n++) play.links.link(`peer ${n}`);
  play.membership.seek(page.content);
  expect(await play.announced(page)).toEqual(["none", "none"]);
});

describe("more links are looked for", () => {
  test("at once, and then every five seconds at most, for as long as they are wanted", async () => {
    const play = await Play.connected();
    const announces = async (): Promise<number> => {
      await turns();
      return play.tracker.socket.of("announce").length;
    };
    play.membership.join(film.content);
    expect(await announces()).toBe(1);
    for (let times = 0; times < 3; times++) play.membership.widen();
    expect(await announces()).toBe(2);
    play.membership.widen();
    await play.stage.pass(4999);
    expect(await announces()).toBe(2);
    await play.stage.pass(2);
    expect(await announces()).toBe(3);
    for (let n = 0; n < WANTED_LINKS; n++) play.links.link(`peer ${n}`);
    const { pending } = play.stage.clock;
    play.membership.widen();
    expect(play.stage.clock.pending).toBe(pending);
  });
  test("no more after leaving", async () => {
    const play = await Play.connected();
    play.membership.join(film.content);
    play.membership.widen();
    play.membership.widen();
    const { pending } = play.stage.clock;
    play.membership.leave();
    expect(play.stage.clock.pending).toBe(pending - 1);
  });
  test("among those who hold some, as far as a swarm says so", async () => {
    const play = await Play.connected();
    for (const { content } of [film, page]) play.membership.join(content);
    expect(play.membership.holdersOf(film.content)).toBe(0);
    play.answers(film, 5, 0, 2);
    play.answers(page, 5, 0, 2);
    expect([film, page].map(({ content }) => play.membership.holdersOf(content))).toEqual([2, 0]);
    const hasMore = (links: number) => play.membership.hasMoreThan(links, page.content);
    expect([hasMore(4), hasMore(5)]).toEqual([true, false]);
  });
});

describe("links are expected", () => {
  test("for a moment while the tracker is being reached, by the first requests of a visit only", async () => {
    const play = await Play.opened();
    expect(play.expects(film)).toBe(0);
    play.tracker.discovery.start();
    expect(play.expects(film)).toBe(400);
    await play.stage.pass(1300);
    expect(play.expects(film)).toBe(200);
    await play.stage.pass(1000);
    expect(play.expects(film)).toBeLessThan(0);
  });
  test("not at all from a tracker that is gone", async () => {
    const play = await Play.connected();
    play.membership.join(film.content);
    play.tracker.socket.listener.closed();
    expect(play.expects(film)).toBe(0);
  });
  test("until the tracker answers the announce", async () => {
    const play = await Play.connected();
    play.membership.join(film.content);
    expect(play.expects(film)).toBe(300);
    expect(play.expects(page)).toBe(0);
  });
  test("not when nobody else is there", async () => {
    const play = await Play.connected();
    play.membership.join(film.content);
    play.answers(film, 0, 0);
    expect(play.expects(film)).toBe(0);
    expect(play.membership.crowded(film.content)).toBe(false);
  });
  test("the first answer says how many were there before us, and stays", async () => {
    const play = await Play.connected();
    play.membership.join(film.content);
    expect(play.membership.arrival(film.content.swarm)).toBeNull();
    play.answers(film, 3, 0);
    play.answers(film, 9, 0);
    expect(play.membership.arrival(film.content.swarm)).toBe(3);
  });
  test("from the tracker's word on, while introductions are under way", async () => {
    const play = await Play.connected();
    play.membership.join(film.content);
    play.answers(film, 5, 3);
    expect(play.membership.crowded(film.content)).toBe(true);
    await play.stage.pass(500);
    expect(play.expects(film)).toBe(1500);
    play.links.introduce("ann");
    expect(play.expects(film)).toBe(2000);
  });
  test("much longer when the origin fails, for then they are all there is", async () => {
    const play = await Play.connected();
    play.membership.join(film.content);
    play.answers(film, 5, 3);
    expect(play.expects(film, "outage")).toBe(20_000);
  });
  test("not where nobody holds anything yet: a crowd that waits for itself leaves the origin idle", async () => {
    const play = await Play.connected();
    play.membership.join(film.content);
    play.answers(film, 5, 3, 0);
    expect(play.expects(film)).toBe(0);
    expect(play.membership.crowded(film.content)).toBe(true);
    expect(play.expects(film, "outage")).toBe(20_000);
  });
  test("by what is not missed yet, large or small, held or not: whoever is linked may read it in our place", async () => {
    const play = await Play.connected();
    play.membership.join(page.content);
    play.answers(page, 5, 3, 0);
    expect([play.expects(page), play.expects(page, "early")]).toEqual([0, 2000]);
    await play.stage.pass(500);
    play.links.introduce("ann");
    expect(play.expects(page, "early")).toBe(2000);
  });
  test("but not with links, and none on the way", async () => {
    const play = await Play.connected();
    play.membership.join(page.content);
    play.answers(page, 5, 3, 0);
    play.links.link("ann");
    expect(play.expects(page, "early")).toBe(0);
  });
  test("not any more once three in a row have come to nothing", async () => {
    const play = await Play.connected();
    play.membership.join(film.content);
    play.answers(film, 5, 3);
    for (const name of ["ann", "bob", "cat"]) {
      expect(play.expects(film)).toBe(2000);
      play.links.introduce(name).listener.closed("failed");
    }
    expect(play.expects(film)).toBe(0);
    expect(play.membership.crowded(film.content)).toBe(false);
    play.links.link("dan");
    expect(play.membership.crowded(film.content)).toBe(true);
  });
});
