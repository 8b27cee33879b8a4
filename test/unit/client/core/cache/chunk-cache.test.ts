// The cache of chunks on simulated disks: what is written when, what goes first, and what a disk that is slow, full,
// broken or lying can do to it.

import { describe, expect, test } from "vitest";
import { sample } from "../stage.ts";
import { KIB, keysOf, MIB, upTo, Visit } from "./visit.ts";

describe("writing", () => {
  test("chunks that come close together are written together, after a moment", async () => {
    const one = await sample({ size: 8 * KIB });
    const visit = await Visit.first();
    visit.add(one, 0, 1);
    await visit.stage.pass(50);
    visit.add(one, 2);
    expect(visit.chunks.puts).toEqual([]);
    await visit.stage.pass(20);
    expect(visit.chunks.puts).toEqual([keysOf(one, [0, 1, 2])]);
  });
  test("32 chunks wait for no more company", async () => {
    const one = await sample({ size: 40 * KIB });
    const visit = await Visit.first();
    visit.add(one, ...upTo(31));
    await visit.stage.pass(0);
    expect(visit.chunks.puts).toEqual([]);
    visit.add(one, 31);
    await visit.stage.pass(5);
    expect(visit.chunks.puts.map((keys) => keys.length)).toEqual([32]);
  });
  test("nor do 4 MiB", async () => {
    const one = await sample({ size: 5 * MIB, chunkBytes: MIB });
    const visit = await Visit.first();
    visit.add(one, 0, 1, 2);
    await visit.stage.pass(5);
    expect(visit.chunks.puts).toEqual([]);
    visit.add(one, 3);
    await visit.stage.pass(5);
    expect(visit.chunks.puts).toEqual([keysOf(one, [0, 1, 2, 3])]);
  });
  test("three batches are under way at most, however much comes, and all of it arrives", async () => {
    const one = await sample({ size: 150 * KIB });
    const visit = await Visit.first({ latency: 500 });
    visit.add(one, ...upTo(150));
    await visit.stage.pass(5000);
    expect(visit.chunks.most).toBe(3);
    expect(visit.chunks.puts.map((keys) => keys.length)).toEqual([32, 32, 32, 32, 22]);
    expect(await visit.keys()).toEqual(keysOf(one, upTo(150)));
  });
  test("a page that is going begins to write all of it at once", async () => {
    const one = await sample({ size: 150 * KIB });
    const visit = await Visit.first({ latency: 500 });
    visit.add(one, ...upTo(150));
    void visit.cache.settle();
    await visit.stage.pass(600);
    expect(await visit.keys()).toEqual(keysOf(one, upTo(150)));
  });
  test("a chunk that is held is not taken twice", async () => {
    const one = await sample({ size: 4 * KIB });
    const visit = await Visit.first();
    visit.add(one, 0, 0, 0);
    await visit.settle();
    expect(visit.cache.bytes).toBe(KIB);
    expect(visit.chunks.puts).toEqual([keysOf(one, [0])]);
  });
  test("closing writes what waits and leaves no timer", async () => {
    const one = await sample({ size: 4 * KIB });
    const visit = await Visit.first();
    visit.add(one, 0, 3);
    await visit.stage.wait(visit.cache.close());
    visit.add(one, 1);
    expect(visit.stage.clock.pending).toBe(0);
    const next = await visit.next();
    expect(next.held(one)).toEqual([0, 3]);
  });
});

describe("reading", () => {
  test("what was just added comes from memory, without waiting for a disk", async () => {
    const one = await sample({ size: 4 * KIB });
    const visit = await Visit.first({ latency: 1_000_000 });
    visit.add(one, 2);
    const from = visit.stage.now;
    expect(await visit.read(one, 2)).toEqual(one.chunk(2));
    expect(visit.stage.now).toBe(from);
  });
  test("what an earlier visit left comes from the disk, the short last chunk too", async () => {
    const one = await sample({ size: 2 * KIB + 100 });
    const first = await Visit.first();
    first.add(one, 1, 2);
    await first.settle();
    const visit = await first.next();
    expect(visit.held(one)).toEqual([1, 2]);
    expect(visit.cache.bytes).toBe(KIB + 100);
    expect(visit.cache.contents.map(({ id }) => id)).toEqual([one.content.id]);
    expect(await visit.read(one, 1)).toEqual(one.chunk(1));
    expect(await visit.read(one, 2)).toEqual(one.chunk(2));
    expect(await visit.read(one, 0)).toBeUndefined();
    expect(visit.gone).toEqual([]);
  });
  test.each([
    ["wrong bytes", (right: Uint8Array<ArrayBuffer>) => right.map((byte) => byte ^ 1)],
    ["bytes of the wrong length", (right: Uint8Array<ArrayBuffer>) => right.slice(1)],
    ["nothing", () => undefined],
  ])("%s on the disk are never handed out, and are held no more", async (_what, spoil) => {
    const one = await sample({ size: 4 * KIB });
    const first = await Visit.first();
    first.add(one, 0, 1);
    await first.settle();
    const visit = await first.next();
    const [key = ""] = keysOf(one, [1]);
    const spoiled = spoil(one.chunk(1));
    await visit.stage.wait(visit.disk.delete([key]));
    if (spoiled !== undefined) await visit.stage.wait(visit.disk.put([[key, spoiled]]));
    expect(await visit.read(one, 1)).toBeUndefined();
    expect(visit.gone).toEqual([[one.content.id, [1]]]);
    expect(visit.held(one)).toEqual([0]);
    await visit.stage.pass(100);
    expect(await visit.keys()).toEqual(keysOf(one, [0]));
  });
});

describe("the budget", () => {
  test("what was not used for longest goes first, and everybody is told", async () => {
    const one = await sample({ size: 20 * KIB });
    const visit = await Visit.first({}, 10 * KIB);
    visit.add(one, ...upTo(10));
    await visit.settle();
    expect(visit.gone).toEqual([]);
    await visit.read(one, 0);
    visit.add(one, 10);
    // Down to 95 % of the budget: nine chunks.
    expect(visit.gone).toEqual([[one.content.id, [1, 2]]]);
    expect(visit.cache.bytes).toBe(9 * KIB);
    await visit.settle();
    expect(await visit.keys()).toEqual(keysOf(one, [0, 3, 4, 5, 6, 7, 8, 9, 10]));
  });
  test("the oldest content goes whole before the next loses anything", async () => {
    const [one, other] = [
      await sample({ size: 4 * KIB }),
      await sample({ size: 8 * KIB, seed: 2 }),
    ];
    const visit = await Visit.first({}, 10 * KIB);
    visit.add(one, ...upTo(4));
    visit.add(other, ...upTo(6));
    await visit.settle();
    visit.add(other, 6, 7);
    await visit.settle();
    expect(visit.held(other)).toEqual(upTo(8));
    expect(visit.held(one)).toEqual([2, 3]);
  });
  test("content of which nothing is left is forgotten on both disks", async () => {
    const [one, other] = [
      await sample({ size: 4 * KIB }),
      await sample({ size: 8 * KIB, seed: 2 }),
    ];
    const visit = await Visit.first({}, 8 * KIB);
    visit.add(one, ...upTo(4));
    await visit.settle();
    visit.add(other, ...upTo(8));
    await visit.settle();
    visit.add(other, 0);
    await visit.settle();
    expect(visit.held(one)).toEqual([]);
    const names = await visit.stage.wait(visit.index.keys());
    expect(names).toEqual([`content.${other.content.id}`]);
  });
  test("a smaller budget than in the visit before holds from the beginning", async () => {
    const one = await sample({ size: 20 * KIB });
    const first = await Visit.first();
    first.add(one, ...upTo(20));
    await first.settle();
    const visit = await first.next(10 * KIB);
    expect(visit.cache.bytes).toBeLessThanOrEqual(10 * KIB);
    expect(visit.held(one).length).toBe(9);
    await visit.stage.pass(100);
    expect((await visit.keys()).length).toBe(9);
  });
});

describe("a disk that", () => {
  test("is full is given room once, and takes it", async () => {
    const one = await sample({ size: 30 * KIB });
    const visit = await Visit.first({ room: 20 * KIB });
    visit.add(one, ...upTo(20));
    await visit.settle();
    visit.add(one, 20);
    await visit.settle();
    // A tenth of 21 chunks and a little: the three oldest.
    expect(visit.gone).toEqual([[one.content.id, [0, 1, 2]]]);
    expect(visit.fulls).toBe(0);
    expect(await visit.keys()).toEqual(keysOf(one, upTo(21).slice(3)));
  });
  test("is full whatever goes leaves chunks in memory, says so, and they can be read", async () => {
    const one = await sample({ size: 8 * KIB });
    const visit = await Visit.first({ room: 100 });
    visit.add(one, 0, 1);
    await visit.settle();
    expect(visit.fulls).toBe(1);
    expect(visit.held(one)).toEqual([0, 1]);
    expect(await visit.read(one, 1)).toEqual(one.chunk(1));
    expect((await visit.next()).held(one)).toEqual([]);
  });
  test("is broken leaves a cache in memory, within its bound", async () => {
    const one = await sample({ size: 40 * MIB, chunkBytes: 4 * MIB });
    const visit = await Visit.first();
    visit.disk.behaviour = "broken";
    expect(visit.cache.persistent).toBe(false);
    for (const index of upTo(10)) {
      visit.add(one, index);
      await visit.settle();
    }
    // 32 MiB stay; what cooled down is held no more, and that is said.
    expect(visit.held(one)).toEqual(upTo(10).slice(2));
    expect(visit.gone.flatMap(([, indices]) => indices)).toEqual([0, 1]);
    expect(Buffer.compare((await visit.read(one, 5)) ?? one.body, one.chunk(5))).toBe(0);
    expect(visit.fulls).toBe(0);
  });
  test("is slower than the network never holds up more than 64 MiB of memory", async () => {
    const one = await sample({ size: 80 * MIB, chunkBytes: 4 * MIB });
    const visit = await Visit.first({ latency: 1000 });
    visit.add(one, ...upTo(20));
    expect(visit.cache.bytes).toBe(64 * MIB);
    expect(visit.gone.flatMap(([, indices]) => indices)).toEqual([0, 1, 2, 3]);
    await visit.settle();
    // The first was being written when it was let go: it is not there either.
    expect(await visit.stage.wait(visit.disk.keys())).toHaveLength(16);
    expect((await visit.next()).held(one)).toEqual(upTo(20).slice(4));
  });
});

test("a chunk let go while it was being written, and taken again, is written again", async () => {
  const one = await sample({ size: 80 * MIB, chunkBytes: 4 * MIB });
  const visit = await Visit.first({ latency: 1000 });
  visit.add(one, ...upTo(16));
  await visit.stage.pass(10);
  visit.add(one, ...upTo(20).slice(16));
  expect(visit.held(one)).toEqual(upTo(20).slice(4));
  visit.add(one, 0);
  await visit.settle();
  expect(visit.held(one)).toEqual([0, ...upTo(20).slice(5)]);
  expect((await visit.next()).held(one)).toEqual(visit.held(one));
});
