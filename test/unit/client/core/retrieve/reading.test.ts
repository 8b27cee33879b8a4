// One request's way through a content: bytes in order, as soon as they may be seen and not before.

import { beforeAll, describe, expect, test } from "vitest";
import { ChunkCache } from "../../../../../client/core/cache/chunk-cache.ts";
import { contentOf } from "../../../../../client/core/catalogue/content.ts";
import { ShoalError } from "../../../../../client/core/errors.ts";
import type { ChunkSource } from "../../../../../client/core/events.ts";
import { Reading } from "../../../../../client/core/retrieve/reading.ts";
import type { ByteRange } from "../../../../../client/core/vocabulary.ts";
import { type Bytes, concatenated } from "../../../../../tracker/protocol/bytes.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import type { SimStore } from "../../../../sim/store.ts";
import { type Sample, Stage, sample, turns } from "../stage.ts";

const CHUNK = 1024;
const SIZE = 3 * CHUNK + 300;
let film: Sample;
beforeAll(async () => {
  film = await sample({ size: SIZE });
});
const MISMATCH = new ShoalError("origin/mismatch", { url: "u", chunk: 1 });

class Play {
  readonly stage = new Stage();
  readonly disk: SimStore;
  readonly index: SimStore;
  readonly cache: ChunkCache;
  readonly sources = new Map<number, ChunkSource>();
  readonly partials = new Map<number, Bytes>();
  readonly cached: number[] = [];
  waits = 0;
  closings = 0;
  readonly reading: Reading;

  constructor(range: ByteRange = { first: 0, last: SIZE - 1 }, before?: Play) {
    const { clock } = this.stage;
    this.disk = before?.disk.reopen(clock) ?? this.stage.store();
    this.index = before?.index.reopen(clock) ?? this.stage.store();
    this.cache = new ChunkCache({
      clock,
      hasher: simHasher,
      chunks: this.disk,
      index: this.index,
      gone: () => {},
      full: () => {},
    });
    this.reading = new Reading(film.content, range, "now", {
      clock: this.stage.clock,
      cache: this.cache,
      sourceOf: (index) => this.sources.get(index) ?? "cache",
      partial: (index) => this.partials.get(index),
      waiting: () => this.waits++,
      cached: (index) => this.cached.push(index),
      closed: () => this.closings++,
    });
  }
  static async opened(range?: ByteRange, before?: Play): Promise<Play> {
    const play = new Play(range, before);
    await play.stage.wait(play.cache.open(1e9, (asset) => contentOf(asset, simHasher)));
    return play;
  }
  /** A chunk was verified. */
  verified(index: number, source: ChunkSource): void {
    this.sources.set(index, source);
    this.cache.add(film.content, index, film.chunk(index));
    this.partials.delete(index);
    this.reading.settle(index, film.chunk(index));
    this.reading.notify();
  }
  /** So much of a chunk has come from the origin. */
  arrives(index: number, length: number): void {
    this.partials.set(index, film.chunk(index).slice(0, length));
    this.reading.notify();
  }
  next(): Promise<Bytes | null> {
    return this.stage.wait(this.reading.next());
  }
  /** What comes next, or nothing if nothing may be seen. */
  async asked(): Promise<{ readonly at: () => Bytes | null | "waiting" | Error }> {
    let got: Bytes | null | "waiting" | Error = "waiting";
    this.reading.next().then(
      (bytes) => {
        got = bytes;
      },
      (error: Error) => {
        got = error;
      },
    );
    await turns();
    return { at: () => got };
  }
}

describe("what is handed out", () => {
  test.each<[string, ByteRange]>([
    ["everything", { first: 0, last: SIZE - 1 }],
    ["one byte in the middle", { first: 1500, last: 1500 }],
    ["from the middle of one chunk to the middle of another", { first: 700, last: 2500 }],
    ["the last bytes", { first: SIZE - 10, last: SIZE - 1 }],
    ["exactly one chunk", { first: CHUNK, last: 2 * CHUNK - 1 }],
  ])("of verified chunks is %s, in order, then the end, once", async (_what, range) => {
    const play = await Play.opened(range);
    for (const index of [3, 1, 0, 2]) play.verified(index, "peers");
    const parts: Bytes[] = [];
    for (let part = await play.next(); part !== null; part = await play.next()) parts.push(part);
    expect(concatenated(parts)).toEqual(film.body.slice(range.first, range.last + 1));
    expect(play.reading.bytes).toEqual({
      cache: 0,
      peers: range.last - range.first + 1,
      origin: 0,
    });
    expect(play.reading.done).toBe(true);
    expect(play.closings).toBe(1);
  });
  test("waits for its turn: a later chunk is not handed out before an earlier", async () => {
    const play = await Play.opened();
    const next = await play.asked();
    play.verified(1, "peers");
    await turns();
    expect(next.at()).toBe("waiting");
    expect(play.waits).toBeGreaterThan(0);
    play.verified(0, "peers");
    await turns();
    expect(next.at()).toEqual(film.chunk(0));
  });
  test("from the cache is counted as that, and told", async () => {
    const play = await Play.opened();
    play.cache.add(film.content, 0, film.chunk(0));
    await play.next();
    expect(play.reading.bytes).toEqual({ cache: CHUNK, peers: 0, origin: 0 });
    expect(play.cached).toEqual([0]);
    play.verified(1, "origin");
    await play.next();
    expect(play.cached).toEqual([0]);
  });
});

describe("bytes of the origin that nobody has verified yet", () => {
  test("are the page's at once, and no byte comes twice", async () => {
    const play = await Play.opened();
    play.arrives(0, 100);
    expect(await play.next()).toEqual(film.body.slice(0, 100));
    expect(play.reading.exposed(0)).toBe(true);
    const next = await play.asked();
    play.arrives(0, 250);
    await turns();
    expect(next.at()).toEqual(film.body.slice(100, 250));
    play.verified(0, "origin");
    expect(await play.next()).toEqual(film.body.slice(250, CHUNK));
    expect(play.reading.exposed(0)).toBe(false);
    expect(play.reading.bytes.origin).toBe(CHUNK);
  });
  test("do not follow bytes from elsewhere", async () => {
    const play = await Play.opened();
    play.verified(0, "peers");
    await play.next();
    const next = await play.asked();
    play.arrives(1, 100);
    await turns();
    expect(next.at()).toBe("waiting");
    play.verified(1, "origin");
    await turns();
    expect(next.at()).toEqual(film.chunk(1));
  });
  test("are not followed by bytes that others vouch for", async () => {
    const play = await Play.opened();
    play.arrives(0, CHUNK);
    await play.next();
    play.verified(1, "peers");
    const next = await play.asked();
    expect(next.at()).toBe("waiting");
    play.verified(0, "origin");
    await turns();
    expect(next.at()).toEqual(film.chunk(1));
  });
});

describe("an end", () => {
  test("by failure rejects whoever waits and whoever asks later, with the first reason", async () => {
    const play = await Play.opened();
    const next = await play.asked();
    play.reading.fail(MISMATCH);
    play.reading.fail(new ShoalError("client/closed", {}));
    await turns();
    expect(next.at()).toBe(MISMATCH);
    await expect(play.reading.next()).rejects.toBe(MISMATCH);
    expect(play.closings).toBe(1);
  });
  test("by closing rejects as closed, tells once, and runs what was left to do", async () => {
    const play = await Play.opened();
    const closers: string[] = [];
    play.reading.whenClosed(() => closers.push("one"));
    const next = await play.asked();
    play.reading.close();
    play.reading.close();
    await turns();
    expect(next.at()).toMatchObject({ code: "client/closed" });
    expect([play.closings, closers]).toEqual([1, ["one"]]);
  });
  test.each(["fail", "close"] as const)(
    "by %s while the disk is asked in vain is not overslept",
    async (how) => {
      const before = await Play.opened();
      before.verified(0, "peers");
      await before.stage.wait(before.cache.settle());
      const play = await Play.opened(undefined, before);
      await play.stage.wait(play.disk.delete([`${film.content.id}.0`]));
      expect(play.cache.holding(film.content.id)?.has(0)).toBe(true);
      const asked = play.reading.next();
      await turns();
      if (how === "fail") play.reading.fail(MISMATCH);
      else play.reading.close();
      await expect(play.stage.wait(asked)).rejects.toMatchObject({
        code: how === "fail" ? "origin/mismatch" : "client/closed",
      });
    },
  );
});

test("a page that asks is not idle; one that does not, is since it got its bytes", async () => {
  const play = await Play.opened();
  const from = play.stage.now;
  await play.asked();
  await play.stage.pass(5000);
  expect(play.reading.idleFor(play.stage.now)).toBe(0);
  play.verified(0, "peers");
  await turns();
  await play.stage.pass(700);
  expect(play.reading.idleFor(play.stage.now)).toBe(700);
  expect(play.stage.now - from).toBe(5700);
});

test("a part of the content is a sequential reader's, all of it is not", () => {
  const isSequential = (first: number, last: number): boolean =>
    new Play({ first, last }).reading.sequential;
  expect(isSequential(0, SIZE - 1)).toBe(false);
  expect(isSequential(1, SIZE - 1)).toBe(true);
  expect(isSequential(0, SIZE - 2)).toBe(true);
});
