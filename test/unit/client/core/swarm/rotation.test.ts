// Which link gives its place: the idle first, one in use now and then, none that has just come.

import { expect, test } from "vitest";
import { expendable } from "../../../../../client/core/swarm/rotation.ts";

const NOW = 1_000_000;
const link = (name: string, age: number, idle: number) => ({
  name,
  openedAt: NOW - age,
  movedAt: NOW - idle,
});
const chosen = (links: readonly ReturnType<typeof link>[], since = 0): string | undefined =>
  expendable(links, { now: NOW, madeRoomAt: NOW - since })?.name;

test("of idle links the one idle for longest goes, however lately another one went", () => {
  const links = [link("a", 90_000, 31_000), link("b", 90_000, 60_000), link("c", 90_000, 10)];
  expect(chosen(links)).toBe("b");
});
test("while all are in use one goes every half minute, and no sooner", () => {
  const links = [link("a", 90_000, 20), link("b", 90_000, 29_000)];
  expect(chosen(links, 29_999)).toBeUndefined();
  expect(chosen(links, 30_000)).toBe("b");
});
test("a link that has just come has its trial", () => {
  expect(chosen([link("a", 9_999, 9_999)], 60_000)).toBeUndefined();
  expect(chosen([link("a", 10_000, 10_000)], 60_000)).toBe("a");
  expect(chosen([], 60_000)).toBeUndefined();
});
