// The words of `npm run sim`: what is understood, what is refused, and what a run that fails leaves to read.

import { expect, test } from "vitest";
import { run } from "../../../scenario/command.ts";
import type { Scenario, Setting } from "../../../scenario/scenario.ts";
import { World } from "../../../sim/world.ts";

const calm = scenario("calm", async ({ seed }) => new World({ seed }));
const stormy = scenario("stormy", async ({ seed }) => {
  if (seed === 8) throw new Error("a wave");
  return new World({ seed });
});

function scenario(name: string, tell: Scenario["tell"]): Scenario {
  return { name, about: `about ${name}`, peers: 7, tell };
}

async function told(
  words: readonly string[],
  scenarios: readonly Scenario[] = [calm, stormy],
): Promise<{ readonly code: number; readonly said: string[]; readonly complained: string[] }> {
  const said: string[] = [];
  const complained: string[] = [];
  const stand = {
    scenarios,
    say: (line: string) => void said.push(line),
    complain: (line: string) => void complained.push(line),
  };
  return { code: await run(words, stand), said, complained };
}

test("--list names every scenario, --help every option", async () => {
  const list = await told(["--list"]);
  expect(list.code).toBe(0);
  expect(list.said[0]).toMatch(/calm +about calm\nstormy +about stormy/);
  const help = await told(["--help"]);
  expect(help.code).toBe(0);
  expect(help.said[0]).toContain("--seeds N");
});

test.each([
  [["--seed"], "--seed"],
  [["--sedes", "3"], "--sedes"],
  [["--seeds", "0"], "--seeds must be a whole number"],
  [["--peers", "many"], "--peers must be a whole number"],
  [["--scenario", "flood"], 'no scenario "flood"'],
  [["calm"], "calm"],
])("%j is refused with one sentence", async (words, part) => {
  const { code, said, complained } = await told(words);
  expect(code).toBe(2);
  expect(said).toEqual([]);
  expect(complained).toHaveLength(1);
  expect(complained[0]).toContain(part);
  expect(complained[0]).not.toContain("\n");
});

test("every seed of every scenario is told, in the scenario's size or in the one asked for", async () => {
  const settings: Setting[] = [];
  const both = ["one", "other"].map((name) =>
    scenario(name, async (setting) => {
      settings.push(setting);
      return new World(setting);
    }),
  );
  const { code, said } = await told(["--seeds", "2", "--seed", "5"], both);
  expect(code).toBe(0);
  expect(said).toHaveLength(4);
  expect(said[0]).toMatch(/^one {2}seed 5 {2}peers 7 {2}offload/);
  await told(["--scenario", "other", "--peers", "3"], both);
  expect(settings.map(({ seed, peers }) => [seed, peers])).toEqual([
    [5, 7],
    [6, 7],
    [5, 7],
    [6, 7],
    [1, 3],
  ]);
});

test("a run that fails says its seed and how to see it again, and the others are told all the same", async () => {
  const { code, said, complained } = await told(["--seeds", "3", "--seed", "7"]);
  expect(code).toBe(1);
  expect(said).toHaveLength(5);
  expect(complained).toEqual([
    "stormy  seed 8  peers 7  FAILED\na wave",
    "again: npm run sim -- --scenario stormy --seed 8 --peers 7",
    "1 failed",
  ]);
});
