// What is remembered of whom, for how long, and that it has an end.

import { expect, test } from "vitest";
import { Acquaintances } from "../../../tracker/acquaintances.ts";
import { DEFAULT_LIMITS } from "../../../tracker/limits.ts";
import { idOf } from "./stage.ts";

test("no more peers are remembered than the limit, and the one met longest ago is forgotten", () => {
  const known = new Acquaintances({ ...DEFAULT_LIMITS, knownPeers: 3 });
  for (const name of ["a", "b", "c"]) known.note(idOf(name), "linked", { now: 0 });
  known.note(idOf("a"), "failed", { now: 1 });
  known.note(idOf("d"), "linked", { now: 2 });
  const remembered = ["a", "b", "c", "d"].filter((name) => known.has(idOf(name), 3));
  expect(remembered).toEqual(["a", "c", "d"]);
  expect(known.linked(3).map(([id]) => id)).toEqual([idOf("c"), idOf("d")]);
});

test.each([
  ["linked", DEFAULT_LIMITS.linkedForMs],
  ["failed", DEFAULT_LIMITS.failedForMs],
  ["declined", DEFAULT_LIMITS.declinedForMs],
  ["poisoned", DEFAULT_LIMITS.poisonedForMs],
] as const)("%s is remembered for %i ms", (ending, span) => {
  const known = new Acquaintances(DEFAULT_LIMITS);
  known.note(idOf("a"), ending, { now: 1000 });
  expect(known.has(idOf("a"), 999 + span)).toBe(true);
  expect(known.has(idOf("a"), 1000 + span)).toBe(false);
  expect(known.linked(1000 + span)).toEqual([]);
});

test("parting ends a link, and forgives nothing", () => {
  const known = new Acquaintances(DEFAULT_LIMITS);
  known.note(idOf("a"), "linked", { now: 0 });
  known.note(idOf("b"), "failed", { now: 0 });
  for (const name of ["a", "b", "c"]) known.part(idOf(name));
  expect([known.has(idOf("a"), 1), known.has(idOf("b"), 1)]).toEqual([false, true]);
});
