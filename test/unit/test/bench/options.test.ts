// What may be said after `npm run bench --`, and the one sentence about what may not.

import { expect, test } from "vitest";
import { HELP, parseOptions } from "../../../bench/options.ts";

const WORKS = ["crowd", "live", "pair"];
const DEFAULTS = { do: "run", only: WORKS, rounds: 3, out: "dist/bench.json" };

const right: readonly (readonly [words: string[], change: object])[] = [
  [[], {}],
  [["--only", "live"], { only: ["live"] }],
  [["--only", "pair, crowd"], { only: ["crowd", "pair"] }],
  [["--only=live", "--rounds=1"], { only: ["live"], rounds: 1 }],
  [["--rounds", "100"], { rounds: 100 }],
  [["--out", "there.json"], { out: "there.json" }],
  [["--out=a=b.json"], { out: "a=b.json" }],
  [["--list"], { do: "list" }],
  [["--help"], { do: "help" }],
];
test.each(right)("%j is understood", (words, change) => {
  expect(parseOptions(words, WORKS)).toEqual({ ok: true, options: { ...DEFAULTS, ...change } });
});

const wrong: readonly (readonly [words: string[], problem: RegExp])[] = [
  [["--fast"], /^--fast is no option/],
  [["live"], /^live is no option/],
  [["--list=all"], /^--list takes no value/],
  [["--only"], /^--only needs a value/],
  [["--only", "--list"], /^--only needs a value/],
  [["--only="], /^--only needs a value/],
  [["--only", "live,vod"], /^--only: there is no work "vod"/],
  [["--rounds", "0"], /^--rounds takes a number from 1 to 100/],
  [["--rounds", "101"], /^--rounds takes a number/],
  [["--rounds", "1.5"], /^--rounds takes a number/],
];
test.each(wrong)("%j is refused in one sentence", (words, problem) => {
  const parsed = parseOptions(words, WORKS);
  expect(parsed.ok ? "" : parsed.problem).toMatch(problem);
});

test("the help names every option", () => {
  for (const flag of ["--only", "--rounds", "--out", "--list", "--help"]) {
    expect(HELP).toContain(flag);
  }
});
