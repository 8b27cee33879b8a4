// `npm run sim`: seeds of scenarios, one line a run. Reads its words, prints, and says how it ended.

import { parseArgs } from "node:util";
import { type Scenario, type Setting, summary } from "./scenario.ts";

const USAGE = `npm run sim -- [options]

  --seeds N        so many seeds of each scenario, from --seed on (1)
  --seed S         the first seed (1)
  --scenario NAME  only this one
  --peers N        so many visitors instead of the scenario's own number
  --list           the scenarios
  --help           this
`;

interface Words {
  readonly seeds: number;
  readonly seed: number;
  readonly peers: number | null;
  readonly scenarios: readonly Scenario[];
}

/** What the command has to tell from, and where it prints. */
export interface Stand {
  readonly scenarios: readonly Scenario[];
  say(line: string): void;
  complain(line: string): void;
}

/** Exit code: 0 as told, 1 when a scenario failed, 2 for words that mean nothing here. */
export async function run(words: readonly string[], stand: Stand): Promise<number> {
  const read = readWords(words, stand.scenarios);
  if (typeof read === "string") {
    stand.complain(read);
    return 2;
  }
  if ("print" in read) {
    stand.say(read.print);
    return 0;
  }
  let failures = 0;
  for (const scenario of read.scenarios) {
    for (let seed = read.seed; seed < read.seed + read.seeds; seed++) {
      const setting = { seed, peers: read.peers ?? scenario.peers };
      if (!(await isTold(scenario, setting, stand))) failures++;
    }
  }
  if (failures > 0) stand.complain(`${failures} failed`);
  return failures === 0 ? 0 : 1;
}

async function isTold(
  { name, tell }: Scenario,
  { seed, peers }: Setting,
  { say, complain }: Stand,
): Promise<boolean> {
  const begin = process.cpuUsage();
  const title = `${name}  seed ${seed}  peers ${peers}`;
  try {
    const world = await tell({ seed, peers });
    const { user, system } = process.cpuUsage(begin);
    say(`${title}  ${summary(world)}  cpu ${((user + system) / 1e6).toFixed(1)} s`);
    return true;
  } catch (error) {
    complain(`${title}  FAILED\n${error instanceof Error ? error.message : String(error)}`);
    complain(`again: npm run sim -- --scenario ${name} --seed ${seed} --peers ${peers}`);
    return false;
  }
}

function readWords(
  words: readonly string[],
  all: readonly Scenario[],
): Words | { readonly print: string } | string {
  const parsed = parsedOrWhy(words);
  if (typeof parsed === "string") return parsed;
  if (parsed.help === true) return { print: USAGE };
  if (parsed.list === true) {
    return { print: all.map(({ name, about }) => `${name.padEnd(18)}${about}`).join("\n") };
  }
  for (const flag of ["seeds", "seed", "peers"] as const) {
    const word = parsed[flag];
    if (word !== undefined && !/^[1-9]\d{0,8}$/.test(word)) {
      return `--${flag} must be a whole number from 1 on, not "${word}".`;
    }
  }
  const only = parsed.scenario;
  const scenarios = all.filter(({ name }) => only === undefined || name === only);
  if (scenarios.length === 0) return `There is no scenario "${only}"; --list names them all.`;
  return {
    seeds: Number(parsed.seeds ?? 1),
    seed: Number(parsed.seed ?? 1),
    peers: parsed.peers === undefined ? null : Number(parsed.peers),
    scenarios,
  };
}

function parsedOrWhy(words: readonly string[]) {
  try {
    const value = { type: "string" } as const;
    const flag = { type: "boolean" } as const;
    const options = {
      seeds: value,
      seed: value,
      scenario: value,
      peers: value,
      list: flag,
      help: flag,
    };
    return parseArgs({ args: [...words], options }).values;
  } catch (error) {
    const [sentence = ""] = String(error instanceof Error ? error.message : error).split(". ");
    return `${sentence.replace(/\.?$/, "")}; --help says what there is.`;
  }
}
