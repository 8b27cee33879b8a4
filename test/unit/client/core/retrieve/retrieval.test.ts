// One content on its way home: what is under way, what turns out right or wrong, what others are told of it.

import { beforeAll, describe, expect, test } from "vitest";
import { ChunkCache } from "../../../../../client/core/cache/chunk-cache.ts";
import { contentOf } from "../../../../../client/core/catalogue/content.ts";
import type { ShoalError } from "../../../../../client/core/errors.ts";
import type { Reading } from "../../../../../client/core/retrieve/reading.ts";
import { Retrieval } from "../../../../../client/core/retrieve/retrieval.ts";
import type { Urgency } from "../../../../../client/core/vocabulary.ts";
import type { Bytes } from "../../../../../tracker/protocol/bytes.ts";
import type { PeerId } from "../../../../../tracker/protocol/ids.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { ScriptedOrigin } from "../scripted-origin.ts";
import { type Sample, Stage, sample, turns } from "../stage.ts";

const CHUNK = 1024;
const COUNT = 16;
const ONE = "one" as PeerId;
const OTHER = "other" as PeerId;
const AWAY = { kind: "unreachable" } as const;
let film: Sample;
beforeAll(async () => {
  film = await sample({ size: COUNT * CHUNK });
});

class Play {
  readonly stage = new Stage();
  readonly origin = new ScriptedOrigin();
  readonly cache: ChunkCache;
  readonly retrieval: Retrieval;
  /** Everything the retrieval told, but for `changed` and numbers. */
  readonly told: string[] = [];
  readonly errors: ShoalError[] = [];
  readonly rates: number[] = [];
  wasted = 0;
  originBytes = 0;
  changes = 0;
  expectUntil = 0;

  constructor(one: Sample = film) {
    const { clock } = this.stage;
    this.cache = new ChunkCache({
      clock,
      hasher: simHasher,
      chunks: this.stage.store(),
      index: this.stage.store(),
      gone: () => {},
      full: () => {},
    });
    this.retrieval = new Retrieval(one.content, {
      clock,
      hasher: simHasher,
      origin: this.origin,
      cache: this.cache,
      expectUntil: () => this.expectUntil,
      crowded: () => false,
      listener: {
        changed: () => this.changes++,
        verified: (_r, index, source, bytes) =>
          this.told.push(`verified ${index} ${source} ${bytes}`),
        cached: (_r, index) => this.told.push(`cached ${index}`),
        read: () => this.told.push("read"),
        poisoned: (peer) => this.told.push(`poisoned ${peer}`),
        pending: (_r, indices) => this.told.push(`pending ${indices.join()}`),
        gaveUp: (_r, indices) => this.told.push(`gave up ${indices.join()}`),
        originBytes: (bytes) => {
          this.originBytes += bytes;
        },
        originRate: (rate) => this.rates.push(rate),
        wasted: (bytes) => {
          this.wasted += bytes;
        },
        superseded: (_r, index, peer) => this.told.push(`superseded ${index} ${peer}`),
        mismatch: (error) => this.errors.push(error),
        finished: () => this.told.push("finished"),
      },
    });
  }
  static async opened(one?: Sample): Promise<Play> {
    const play = new Play(one);
    await play.stage.wait(play.cache.open(1e9, (asset) => contentOf(asset, simHasher)));
    return play;
  }
  /** A page that reads all of it, or these bytes. */
  reading(first = 0, last = film.body.length - 1, urgency: Urgency = "now"): Reading {
    return this.retrieval.read({ first, last }, urgency);
  }
  flying(index: number): string {
    return this.retrieval
      .flights(index)
      .map(({ from }) => from)
      .join();
  }
  async arrives(peer: PeerId, index: number, bytes: Bytes = film.chunk(index)): Promise<void> {
    this.retrieval.received(peer, index, bytes);
    await turns();
  }
  /** The open read brings so many bytes, as they are or spoiled. */
  async brings(from: number, to: number, spoil = false): Promise<void> {
    const bytes = film.body.slice(from, to);
    if (spoil) bytes.fill(7);
    this.origin.only.bytes(bytes);
    await turns();
  }
}
const wrong = (): Bytes => new Uint8Array(CHUNK);

describe("what is wanted", () => {
  test("is an asset when small, bulk when whole, a stream when a part", async () => {
    const large = await sample({ size: 1024 * 1024, chunkBytes: 256 * 1024 });
    const play = await Play.opened(large);
    const small = play.reading(0, 512 * 1024 - 1);
    expect(play.retrieval.kind).toBe("asset");
    const part = play.reading(0, 512 * 1024);
    expect(play.retrieval.kind).toBe("stream");
    part.close();
    play.reading(0, 1024 * 1024 - 1);
    small.close();
    expect(play.retrieval.kind).toBe("bulk");
  });
  test("reaches from the first page that waits to the end of the last one", async () => {
    const play = await Play.opened();
    const one = play.reading(5 * CHUNK, 7 * CHUNK);
    play.reading(3 * CHUNK, 4 * CHUNK - 1);
    expect([play.retrieval.position, play.retrieval.until]).toEqual([3, 8]);
    one.close();
    expect([play.retrieval.position, play.retrieval.until]).toEqual([3, 4]);
  });
  test("is as urgent as the most urgent of its readers", async () => {
    const play = await Play.opened();
    play.reading(0, 10, "idle");
    expect(play.retrieval.urgency).toBe("idle");
    play.reading(0, 10, "soon");
    expect(play.retrieval.urgency).toBe("soon");
    play.reading(0, 10, "now");
    expect(play.retrieval.urgency).toBe("now");
  });
  test("is a window ahead, a small one once the page has stopped reading", async () => {
    const large = await sample({ size: 12 * 1024 * 1024, chunkBytes: 1024 * 1024 });
    const play = await Play.opened(large);
    play.reading(0, large.body.length - 1);
    expect(play.retrieval.until).toBe(12);
    await play.stage.pass(1001);
    expect(play.retrieval.until).toBe(4);
  });
});

describe("a chunk from a peer", () => {
  test("that is right is kept, told, and handed to the page", async () => {
    const play = await Play.opened();
    const reading = play.reading();
    play.retrieval.asked(ONE, 0);
    expect(play.flying(0)).toBe("one");
    await play.arrives(ONE, 0);
    expect(play.told).toEqual(["verified 0 peers 1024"]);
    expect(play.flying(0)).toBe("");
    expect(await play.stage.wait(reading.next())).toEqual(film.chunk(0));
    expect(reading.bytes.peers).toBe(CHUNK);
  });
  test("counts as there while it is verified, so that nobody else is asked", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.asked(ONE, 0);
    play.retrieval.received(ONE, 0, wrong());
    expect(play.retrieval.has(0)).toBe(true);
    expect(play.retrieval.underWay).toBe(true);
    await turns();
    expect(play.retrieval.has(0)).toBe(false);
  });
  test("that is wrong is waste, its sender is named, and nothing of it is seen or kept", async () => {
    const play = await Play.opened();
    const reading = play.reading();
    const next = reading.next();
    play.retrieval.asked(ONE, 0);
    await play.arrives(ONE, 0, wrong());
    expect(play.told).toEqual(["poisoned one"]);
    expect(play.wasted).toBe(CHUNK);
    expect(play.cache.holding(film.content.id)?.held).toBe(0);
    await play.arrives(OTHER, 0);
    expect(await play.stage.wait(next)).toEqual(film.chunk(0));
  });
  test("that is there already is waste", async () => {
    const play = await Play.opened();
    play.reading();
    await play.arrives(ONE, 0);
    await play.arrives(OTHER, 0);
    expect(play.wasted).toBe(CHUNK);
    expect(play.told).toEqual(["verified 0 peers 1024"]);
  });
  test("spares whoever else was asked for it", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.asked(ONE, 0);
    play.retrieval.asked(OTHER, 0);
    await play.arrives(OTHER, 0);
    expect(play.told).toEqual(["superseded 0 one", "verified 0 peers 1024"]);
    expect(play.flying(0)).toBe("");
  });
  test("is missing again when the peer refuses or goes", async () => {
    const play = await Play.opened();
    play.reading();
    for (const index of [0, 1, 2]) play.retrieval.asked(ONE, index);
    play.retrieval.asked(OTHER, 2);
    play.retrieval.unasked(ONE, 0);
    expect(play.retrieval.lost(ONE)).toEqual([1, 2]);
    expect([0, 1, 2].map((index) => play.flying(index))).toEqual(["", "", "other"]);
  });
});

describe("a read at the origin", () => {
  test("is told to others a group ahead, and goes on with every chunk", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.readOrigin(2, 9);
    expect(play.told).toEqual(["pending 2,3,4,5"]);
    expect(play.flying(9)).toBe("origin");
    play.origin.only.start(2 * CHUNK, COUNT * CHUNK);
    await play.brings(2 * CHUNK, 4 * CHUNK);
    expect(play.told).toEqual([
      "pending 2,3,4,5",
      "pending 6",
      "pending 7",
      "verified 2 origin 1024",
      "verified 3 origin 1024",
    ]);
    expect([play.flying(3), play.flying(4)]).toEqual(["", "origin"]);
    expect(play.originBytes).toBe(2 * CHUNK);
  });
  test("shows the page what it has at once", async () => {
    const play = await Play.opened();
    const reading = play.reading();
    const next = reading.next();
    play.retrieval.readOrigin(0, 3);
    play.origin.only.start(0, COUNT * CHUNK);
    await play.brings(0, 10);
    expect(await play.stage.wait(next)).toEqual(film.body.slice(0, 10));
  });
  test("is measured from its first byte", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.readOrigin(0, 3);
    await play.stage.pass(400);
    play.origin.only.start(0, COUNT * CHUNK);
    await play.stage.pass(100);
    await play.brings(0, 4 * CHUNK);
    expect(play.rates).toEqual([4 * CHUNK * 10]);
    expect(play.retrieval.runs).toEqual([]);
    expect(play.retrieval.originIdleSince).toBe(play.stage.now);
  });
  test("uses up the head start only while links are expected", async () => {
    const play = await Play.opened();
    play.reading();
    expect(play.retrieval.headStart).toBe(2);
    play.retrieval.readOrigin(0, 0);
    expect(play.retrieval.headStart).toBe(2);
    play.expectUntil = play.stage.now + 100;
    play.retrieval.readOrigin(1, 1);
    expect(play.retrieval.headStart).toBe(1);
  });
  test("that is cut gives back the rest, and says so of what it had announced", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.readOrigin(0, 9);
    play.retrieval.trim(0, 2);
    expect([2, 3, 9].map((index) => play.flying(index))).toEqual(["origin", "", ""]);
    expect(play.told).toEqual(["pending 0,1,2,3", "gave up 3"]);
    play.origin.only.start(0, COUNT * CHUNK);
    await play.brings(0, 3 * CHUNK);
    expect(play.retrieval.runs).toEqual([]);
  });
  test("stops in front of a chunk that came from elsewhere meanwhile", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.readOrigin(0, 3);
    const read = play.origin.only;
    read.start(0, COUNT * CHUNK);
    await play.arrives(ONE, 1);
    await play.brings(0, CHUNK);
    expect(read.cancelled).toBe(true);
    expect([2, 3].map((index) => play.flying(index))).toEqual(["", ""]);
    expect(play.told.filter((one) => one.startsWith("gave up"))).toEqual(["gave up 2,3"]);
  });
});

describe("an origin that fails", () => {
  test("is left alone twice as long each time, up to eight seconds, and what it owed is missing", async () => {
    const play = await Play.opened();
    play.reading();
    const rests: number[] = [];
    for (let failure = 0; failure < 6; failure++) {
      play.retrieval.readOrigin(0, 5);
      play.origin.only.end(AWAY);
      rests.push(play.retrieval.originRestUntil - play.stage.now);
      expect(play.flying(0)).toBe("");
      await play.stage.pass(10);
    }
    expect(rests).toEqual([500, 1000, 2000, 4000, 8000, 8000]);
    expect(play.told.slice(0, 2)).toEqual(["pending 0,1,2,3", "gave up 0,1,2,3"]);
    expect(play.retrieval.originError?.code).toBe("origin/unreachable");
  });
  test("is well again with the first chunk it gives", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.readOrigin(0, 1);
    play.origin.only.end(AWAY);
    play.retrieval.readOrigin(0, 1);
    play.origin.only.start(0, COUNT * CHUNK);
    await play.brings(0, CHUNK);
    expect(play.retrieval.originError).toBeNull();
    play.origin.only.end(AWAY);
    expect(play.retrieval.originRestUntil - play.stage.now).toBe(500);
  });
  test("is hoped for only by a page that has begun, and not when it says no", async () => {
    const begun = async (): Promise<Play> => {
      const play = await Play.opened();
      const reading = play.reading();
      await play.arrives(ONE, 0);
      await play.stage.wait(reading.next());
      return play;
    };
    const fresh = await Play.opened();
    fresh.reading();
    expect(fresh.retrieval.originMayRecover).toBe(true);
    fresh.retrieval.readOrigin(0, 1);
    fresh.origin.only.end(AWAY);
    expect(fresh.retrieval.originMayRecover).toBe(false);

    const refused = await begun();
    refused.retrieval.readOrigin(1, 1);
    refused.origin.only.end({ kind: "status", status: 404 });
    expect(refused.retrieval.originMayRecover).toBe(false);
    expect(refused.retrieval.originError?.details).toMatchObject({ status: 404 });

    const busy = await begun();
    for (const hopes of [true, true, true, false]) {
      busy.retrieval.readOrigin(1, 1);
      busy.origin.only.end({ kind: "status", status: 503 });
      expect(busy.retrieval.originMayRecover).toBe(hopes);
    }
  });
  test("by saying nothing is given up, and half a chunk is waste", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.readOrigin(0, 1);
    const read = play.origin.only;
    read.start(0, COUNT * CHUNK);
    await play.brings(0, 100);
    play.retrieval.abandon(0);
    expect(read.cancelled).toBe(true);
    expect(play.wasted).toBe(100);
    expect(play.retrieval.originError?.code).toBe("origin/unreachable");
  });
});

describe("an origin that differs from the manifest", () => {
  test("is read once more, past every cache, before anybody is told", async () => {
    const play = await Play.opened();
    const reading = play.reading();
    play.retrieval.readOrigin(0, 0);
    play.origin.only.start(0, COUNT * CHUNK);
    await play.brings(0, CHUNK, true);
    expect(play.errors).toEqual([]);
    expect(play.wasted).toBe(CHUNK);
    play.retrieval.readOrigin(0, 0);
    expect(play.origin.reads.map(({ request }) => request.cache)).toEqual(["default", "reload"]);
    play.origin.only.start(0, COUNT * CHUNK);
    await play.brings(0, CHUNK);
    expect(await play.stage.wait(reading.next())).toEqual(film.chunk(0));
  });
  test("twice in one chunk fails every reading, and says which", async () => {
    const play = await Play.opened();
    const reading = play.reading();
    for (let time = 0; time < 2; time++) {
      play.retrieval.readOrigin(1, 1);
      play.origin.only.start(CHUNK, COUNT * CHUNK);
      await play.brings(CHUNK, 2 * CHUNK, true);
    }
    expect(play.errors).toMatchObject([{ code: "origin/mismatch", details: { chunk: 1 } }]);
    await expect(reading.next()).rejects.toMatchObject({ code: "origin/mismatch" });
    expect(play.told.slice(-2)).toEqual(["read", "finished"]);
  });
  test("in bytes the page has seen fails that page's reading, not the other's", async () => {
    const play = await Play.opened();
    const [seen, other] = [play.reading(), play.reading(CHUNK)];
    const next = seen.next();
    play.retrieval.readOrigin(0, 0);
    play.origin.only.start(0, COUNT * CHUNK);
    await play.brings(0, 10, true);
    await play.stage.wait(next);
    await play.brings(10, CHUNK, true);
    await expect(seen.next()).rejects.toMatchObject({ code: "origin/mismatch" });
    await play.arrives(ONE, 1);
    expect(await play.stage.wait(other.next())).toEqual(film.chunk(1));
  });
  test("by its size fails at once", async () => {
    const play = await Play.opened();
    const reading = play.reading();
    play.retrieval.readOrigin(0, 3);
    const read = play.origin.only;
    read.start(0, COUNT * CHUNK + 1);
    expect(read.cancelled).toBe(true);
    expect(play.errors).toMatchObject([{ code: "origin/mismatch" }]);
    await expect(reading.next()).rejects.toMatchObject({ code: "origin/mismatch" });
  });
});

describe("when the last reading is over", () => {
  test("reads end, peers are spared, and nothing is under way", async () => {
    const play = await Play.opened();
    const [one, other] = [play.reading(), play.reading(CHUNK)];
    play.retrieval.readOrigin(0, 5);
    play.retrieval.asked(ONE, 7);
    one.close();
    expect(play.told).not.toContain("finished");
    other.close();
    expect(play.told.slice(-4)).toEqual([
      "read",
      "gave up 0,1,2,3",
      "superseded 7 one",
      "finished",
    ]);
    expect(play.origin.open).toEqual([]);
    expect(play.retrieval.underWay).toBe(false);
  });
  test("a chunk that is here is not given up, though a read for it was still open", async () => {
    const play = await Play.opened();
    const reading = play.reading(0, CHUNK - 1);
    play.retrieval.asked(ONE, 0);
    play.retrieval.readOrigin(0, 0);
    await play.arrives(ONE, 0);
    await play.stage.wait(reading.next());
    await play.stage.wait(reading.next());
    expect(play.told).toContain("finished");
    expect(play.told.filter((one) => one.startsWith("gave up"))).toEqual([]);
    expect(play.origin.open).toEqual([]);
  });
});
