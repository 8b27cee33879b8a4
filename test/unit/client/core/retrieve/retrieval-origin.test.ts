// What a retrieval makes of an origin that fails, or that has something else than its manifest says.

import { describe, expect, test } from "vitest";
import type { Reading } from "../../../../../client/core/retrieve/reading.ts";
import { turns } from "../stage.ts";
import { AWAY, CHUNK, COUNT, film, ONE, Play } from "./retrieval-play.ts";

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

test("an origin that is overtaken by a peer stops reading; what it had of the chunk is waste", async () => {
  const play = await Play.opened();
  play.reading();
  play.retrieval.readOrigin(0, 1);
  const read = play.origin.only;
  read.start(0, COUNT * CHUNK);
  await play.brings(0, 100);
  play.retrieval.asked(ONE, 0);
  await play.arrives(ONE, 0);
  expect(read.cancelled).toBe(true);
  expect([play.wasted, play.retrieval.runs, play.flying(1)]).toEqual([100, [], ""]);
  expect(play.told).toContain("gave up 1");
  expect(play.retrieval.originError).toBeNull();
});

/** The page gets the first ten bytes of what is not the published version. */
async function showsOtherVersion(play: Play, reading: Reading): Promise<void> {
  const next = reading.next();
  play.retrieval.readOrigin(0, 0);
  play.origin.only.start(0, COUNT * CHUNK);
  await play.brings(0, 10, true);
  await play.stage.wait(next);
}

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
  test("is one from the first bytes on that the page has seen and nobody has verified", async () => {
    const play = await Play.opened();
    const reading = play.reading();
    await showsOtherVersion(play, reading);
    // Another read is quicker with a chunk that is further back.
    for (let time = 0; time < 2; time++) {
      play.retrieval.readOrigin(3, 3);
      const later = play.origin.reads.at(-1);
      later?.start(3 * CHUNK, COUNT * CHUNK);
      later?.bytes(new Uint8Array(CHUNK));
      await turns();
    }
    expect(play.errors).toMatchObject([{ code: "origin/mismatch", details: { chunk: 0 } }]);
    await expect(reading.next()).rejects.toMatchObject({ details: { chunk: 0 } });
  });
  test("in bytes the page has seen fails that page's reading, not the other's", async () => {
    const play = await Play.opened();
    const [seen, other] = [play.reading(), play.reading(CHUNK)];
    await showsOtherVersion(play, seen);
    await play.brings(10, CHUNK, true);
    await expect(seen.next()).rejects.toMatchObject({ code: "origin/mismatch" });
    await play.arrives(ONE, 1);
    expect(await play.stage.wait(other.next())).toEqual(film.chunk(1));
  });
  test("in bytes the page has seen is not followed by what a peer brings of the other version", async () => {
    const play = await Play.opened();
    const reading = play.reading();
    await showsOtherVersion(play, reading);
    const rest = reading.next().catch((error) => error);
    await play.arrives(ONE, 0);
    expect(await play.stage.wait(rest)).toMatchObject({ code: "origin/mismatch" });
    expect(play.errors).toMatchObject([{ code: "origin/mismatch", details: { chunk: 0 } }]);
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
  test("by its end, while a chunk is still being verified, is one from that chunk on", async () => {
    const play = await Play.opened();
    const reading = play.reading();
    const next = reading.next();
    play.retrieval.readOrigin(0, COUNT - 1);
    const read = play.origin.only;
    const now = film.body.slice(0, CHUNK + 10).fill(7, 5);
    read.start(0, null);
    read.bytes(now.slice(0, 10));
    expect(await play.stage.wait(next)).toEqual(now.slice(0, 10));
    read.bytes(now.slice(10));
    read.end({ kind: "complete" });
    expect(play.errors).toMatchObject([{ code: "origin/mismatch", details: { chunk: 0 } }]);
    await expect(reading.next()).rejects.toMatchObject({ code: "origin/mismatch" });
  });
});
