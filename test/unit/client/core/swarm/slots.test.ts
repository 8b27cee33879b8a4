// How many peers are served at once: few, as many as the uplink feeds, and nobody for ever while others wait.

import { describe, expect, test } from "vitest";
import { type Served, UploadSlots } from "../../../../../client/core/swarm/slots.ts";
import { Stage } from "../stage.ts";

const KIB = 1024;
const served = (drainRate: number | null): Served => ({ drainRate });
const several = (count: number, rate: number | null): Served[] =>
  Array.from({ length: count }, () => served(rate));

function taken(slots: UploadSlots, all: readonly Served[]): number {
  return all.filter((one) => slots.take(one)).length;
}

describe("slots follow what the uplink gives:", () => {
  test.each([
    ["unknown: each is taken to be worth two, so that the first never hinder each other", null, 8],
    ["128 KiB/s each: two, however little they get", 128 * KIB, 2],
    ["512 KiB/s each: two", 512 * KIB, 2],
    ["1 MiB/s each: never more than eight", 1024 * KIB, 8],
    ["plenty: never more than eight", 100_000 * KIB, 8],
  ])("%s", (_what, rate, count) => {
    const slots = new UploadSlots(new Stage().clock);
    expect(taken(slots, several(20, rate))).toBe(count);
  });
});

test("who is refused gets in once a slot is free, and giving one back twice frees one", () => {
  const slots = new UploadSlots(new Stage().clock);
  const [one, other, third] = several(3, 1);
  if (one === undefined || other === undefined || third === undefined) throw new Error("three");
  expect([slots.take(one), slots.take(other), slots.take(third)]).toEqual([true, true, false]);
  slots.release(one);
  slots.release(one);
  expect(slots.take(third)).toBe(true);
  expect(slots.take(one)).toBe(false);
});

describe("a slot", () => {
  test("is kept as long as nobody waits", async () => {
    const stage = new Stage();
    const slots = new UploadSlots(stage.clock);
    const [one = served(1), other = served(1)] = several(2, 1);
    slots.take(one);
    slots.take(other);
    await stage.pass(60_000);
    expect([slots.take(one), slots.take(other)]).toEqual([true, true]);
  });
  test("is given up after four seconds while somebody waits", async () => {
    const stage = new Stage();
    const slots = new UploadSlots(stage.clock);
    const [one = served(1), other = served(1), third = served(1)] = several(3, 1);
    slots.take(one);
    slots.take(other);
    await stage.pass(3900);
    expect(slots.take(third)).toBe(false);
    expect(slots.take(one)).toBe(true);
    await stage.pass(200);
    expect(slots.take(one)).toBe(false);
    // It still holds the slot until its queue is empty.
    expect(slots.take(third)).toBe(false);
    slots.release(one);
    expect(slots.take(third)).toBe(true);
  });
  test("is kept when the one who waited has gone elsewhere", async () => {
    const stage = new Stage();
    const slots = new UploadSlots(stage.clock);
    const [one = served(1), other = served(1), third = served(1)] = several(3, 1);
    slots.take(one);
    slots.take(other);
    expect(slots.take(third)).toBe(false);
    await stage.pass(5000);
    expect(slots.take(one)).toBe(true);
  });
});
