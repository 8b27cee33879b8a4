// One content on its way home: what is under way, what turns out right or wrong, what others are told of it.

import { describe, expect, test } from "vitest";
import type { Bytes } from "../../../../../tracker/protocol/bytes.ts";
import { sample, turns } from "../stage.ts";
import { CHUNK, COUNT, film, ONE, OTHER, Play } from "./retrieval-play.ts";

const wrong = (): Bytes => new Uint8Array(CHUNK);

describe("what is wanted", () => {
  test("is an asset when small, bulk when whole, a stream when a part", async () => {
    const large = await sample({ size: 4 * 1024 * 1024, chunkBytes: 256 * 1024 });
    const play = await Play.opened(large);
    const small = play.reading(0, 512 * 1024 - 1);
    expect(play.retrieval.kind).toBe("asset");
    const part = play.reading(0, 512 * 1024);
    expect(play.retrieval.kind).toBe("stream");
    part.close();
    play.reading(0, 4 * 1024 * 1024 - 1);
    small.close();
    expect(play.retrieval.kind).toBe("bulk");
  });
  test("is a stream when whole but no large file: a segment, of which the front is played first", async () => {
    const play = await Play.opened(await sample({ size: 1024 * 1024, chunkBytes: 256 * 1024 }));
    play.reading(0, 1024 * 1024 - 1);
    expect(play.retrieval.kind).toBe("stream");
  });
  test("is missed as soon as its most urgent reader misses it", async () => {
    const play = await Play.opened();
    play.reading(0, 10, "idle");
    expect(play.retrieval.dueAt).toBe("never");
    const soon = play.reading(0, 10, "soon");
    expect(play.retrieval.dueAt).toBe(soon.startedAt + 4000);
    const sooner = play.reading(0, 10, 700);
    expect(play.retrieval.dueAt).toBe(sooner.startedAt + 700);
    const now = play.reading(0, 10, "now");
    expect(play.retrieval.dueAt).toBe(now.startedAt);
  });
  test("reaches from the first page that waits to the end of the last one", async () => {
    const play = await Play.opened();
    const one = play.reading(5 * CHUNK, 7 * CHUNK);
    play.reading(3 * CHUNK, 4 * CHUNK - 1);
    expect([play.retrieval.position, play.retrieval.until]).toEqual([3, 8]);
    one.close();
    expect([play.retrieval.position, play.retrieval.until]).toEqual([3, 4]);
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
  test("is under way from nobody else any more", async () => {
    const play = await Play.opened();
    play.reading();
    play.retrieval.asked(ONE, 0);
    play.retrieval.asked(OTHER, 0);
    await play.arrives(OTHER, 0);
    expect(play.told).toEqual(["verified 0 peers 1024"]);
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
