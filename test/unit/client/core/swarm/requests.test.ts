// What one peer owes us: open, cancelled and refused requests, and what may still come for each of them.

import { beforeAll, describe, expect, test } from "vitest";
import { Requests } from "../../../../../client/core/swarm/requests.ts";
import { DATA_BYTES } from "../../../../../client/core/wire/messages.ts";
import { type Sample, sample } from "../stage.ts";

const PART = DATA_BYTES;
/** Chunks of two parts: a full one and 100 bytes. */
const CHUNK = PART + 100;
let film: Sample;
beforeAll(async () => {
  film = await sample({ size: 3 * CHUNK, chunkBytes: CHUNK });
});
const parts = (index: number): readonly [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] => {
  const chunk = film.chunk(index);
  return [chunk.subarray(0, PART), chunk.subarray(PART)];
};

describe("an open request", () => {
  test("is owed until its last part, and silence counts from the last part", () => {
    const requests = new Requests({});
    expect([requests.owed, requests.silentFor(500)]).toEqual([0, 0]);
    const number = requests.add(film.content, 1, 1000);
    requests.add(film.content, 2, 1500);
    expect([requests.count, requests.owed]).toEqual([2, 2 * CHUNK]);
    expect(requests.silentFor(1800)).toBe(800);
    const [first, second] = parts(1);
    expect(requests.data(number, 1, second, 1900)).toBe("more");
    expect(requests.owed).toBe(2 * CHUNK - 100);
    expect(requests.silentFor(2000)).toBe(100);
    const outcome = requests.data(number, 0, first, 2100);
    expect(outcome).toMatchObject({ incoming: { index: 1, askedAt: 1000 } });
    expect(outcome).toHaveProperty("chunk", film.chunk(1));
    expect([requests.count, requests.owed]).toEqual([1, CHUNK]);
  });
  test("is not copied where a link has it in one piece", () => {
    const chunk = film.chunk(0);
    const requests = new Requests({
      whole: ([, second]) => (second?.length === 100 ? chunk : undefined),
    });
    const number = requests.add(film.content, 0, 0);
    const [first, second] = parts(0);
    requests.data(number, 1, second, 0);
    const outcome = requests.data(number, 0, first, 0);
    expect(typeof outcome === "object" && outcome.chunk === chunk).toBe(true);
  });
  test("may pause twice as long as its peer paused before, within one to three seconds", () => {
    const paused = (gap: number): number => {
      const requests = new Requests({});
      const number = requests.add(film.content, 0, 0);
      requests.data(number, 0, parts(0)[0], gap);
      return requests.patience;
    };
    expect([100, 500, 800, 1500, 9000].map(paused)).toEqual([1000, 1000, 1600, 3000, 3000]);
  });
  test("a pause is forgotten chunk by chunk", () => {
    const requests = new Requests({});
    const wait = (index: number, at: number, gap: number): void => {
      const number = requests.add(film.content, index, at);
      parts(index).forEach((bytes, part) => {
        requests.data(number, part, bytes, at + gap);
      });
    };
    wait(0, 0, 1000);
    expect(requests.patience).toBe(1800);
    for (let n = 1; n < 8; n++) wait(n % 3, 2000 + n, 0);
    expect(requests.patience).toBe(1000);
  });
  test("is the only thing that may be answered", () => {
    const requests = new Requests({});
    const number = requests.add(film.content, 0, 0);
    expect(requests.data(number + 1, 0, parts(0)[0], 0)).toBe("unasked");
    expect(requests.rejected(number + 1)).toBe("unasked");
    const [first, second] = parts(0);
    requests.data(number, 0, first, 0);
    requests.data(number, 1, second, 0);
    expect(requests.data(number, 1, second, 0)).toBe("unasked");
    expect(requests.rejected(number)).toBe("unasked");
  });
});

describe("after a cancel", () => {
  test("what was under way is late, and one byte more was never asked for", () => {
    const requests = new Requests({});
    const number = requests.add(film.content, 0, 0);
    const [first, second] = parts(0);
    requests.data(number, 1, second, 0);
    expect(requests.cancel(film.content.id, 0)).toEqual({ requests: [number], received: 100 });
    expect(requests.count).toBe(0);
    expect(requests.data(number, 0, first, 0)).toBe("late");
    expect(requests.data(number, 0, new Uint8Array(1), 0)).toBe("unasked");
  });
  test("a refusal that crossed it is late", () => {
    const requests = new Requests({});
    const number = requests.add(film.content, 0, 0);
    requests.cancel(film.content.id, 0);
    expect(requests.rejected(number)).toBe("late");
  });
  test("of another chunk nothing changes", () => {
    const requests = new Requests({});
    requests.add(film.content, 0, 0);
    expect(requests.cancel(film.content.id, 1)).toEqual({ requests: [], received: 0 });
    expect(requests.count).toBe(1);
  });
});

describe("after a refusal", () => {
  // The channel is unordered: a refusal may overtake what was sent before it.
  test("parts that it overtook are late, and more than the chunk was never asked for", () => {
    const requests = new Requests({});
    const number = requests.add(film.content, 0, 0);
    const [first, second] = parts(0);
    requests.data(number, 1, second, 0);
    expect(requests.rejected(number)).toMatchObject({ index: 0, received: 100 });
    expect(requests.count).toBe(0);
    expect(requests.data(number, 0, first, 0)).toBe("late");
    expect(requests.data(number, 0, first, 0)).toBe("unasked");
  });
  test("that crossed a cancel, parts that it overtook are late as well", () => {
    const requests = new Requests({});
    const number = requests.add(film.content, 0, 0);
    requests.cancel(film.content.id, 0);
    requests.rejected(number);
    expect(requests.data(number, 0, parts(0)[0], 0)).toBe("late");
  });
});

test("clearing says how much had come for nothing", () => {
  const requests = new Requests({});
  const one = requests.add(film.content, 0, 0);
  requests.data(one, 1, parts(0)[1], 0);
  requests.add(film.content, 1, 0);
  expect(requests.clear()).toBe(100);
  expect([requests.count, requests.owed]).toEqual([0, 0]);
});
