// The words of `npm run sim`: what is understood, what is refused and with which exit code. Told without a scenario.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { run } from "../../scenario/command.ts";

const said: string[] = [];
beforeEach(() => {
  said.length = 0;
  for (const stream of ["log", "error"] as const) {
    vi.spyOn(console, stream).mockImplementation((line: string) => void said.push(line));
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

test("--list names every scenario, --help every option", async () => {
  expect(await run(["--list"])).toBe(0);
  expect(said[0]).toContain("flash-crowd");
  expect(await run(["--help"])).toBe(0);
  expect(said[1]).toContain("--seeds N");
});

test.each([
  [["--seed"], "--seed"],
  [["--sedes", "3"], "--sedes"],
  [["--seeds", "0"], "--seeds must be a whole number"],
  [["--peers", "many"], "--peers must be a whole number"],
  [["--scenario", "flood"], 'no scenario "flood"'],
  [["flash-crowd"], "flash-crowd"],
])("%j is refused with one sentence", async (words, part) => {
  expect(await run(words)).toBe(2);
  expect(said).toHaveLength(1);
  expect(said[0]).toContain(part);
  expect(said[0]).not.toContain("\n");
});
