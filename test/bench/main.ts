// The command: reads the options, gets the rivals, runs the works, prints the table and writes the JSON. Owns the
// signals: Ctrl-C closes browser and servers first.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { openHall } from "./hall.ts";
import { machine } from "./machine.ts";
import { HELP, parseOptions } from "./options.ts";
import { installRivals } from "./rivals.ts";
import { runRounds } from "./rounds.ts";
import { type Measured, table } from "./table.ts";
import { judge } from "./verdict.ts";
import { WORKS } from "./works.ts";

const say = (line: string): void => console.error(`bench: ${line}`);

/** Resolves with the exit code: 0 measured, 1 a run failed, 2 wrong options, 130 interrupted. */
export async function main(words: readonly string[]): Promise<number> {
  const parsed = parseOptions(
    words,
    WORKS.map(({ name }) => name),
  );
  if (!parsed.ok) {
    console.error(parsed.problem);
    return 2;
  }
  const { options } = parsed;
  if (options.do === "help") console.log(HELP);
  if (options.do === "list") {
    const width = Math.max(...WORKS.map(({ name }) => name.length));
    for (const { name, about } of WORKS) console.log(`${name.padEnd(width)}  ${about}`);
  }
  if (options.do !== "run") return 0;

  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort(new Error("interrupted"));
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  const results: Measured[] = [];
  try {
    installRivals(say);
    const facts = await machine();
    say(`Chromium ${facts.chromium}, ${facts.cores} cores, commit ${facts.commit}`);
    for (const work of WORKS.filter(({ name }) => options.only.includes(name))) {
      const needs = { open: openHall, say, signal: interruption.signal };
      results.push({ work, rounds: await runRounds(work, options.rounds, needs) });
      // After every work: what has been measured is kept if the rest is not.
      writeReport(options.out, { machine: facts, works: results.map(reportOf) });
    }
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return interruption.signal.aborted ? 130 : 1;
  }
  console.log(table(results));
  const outcomes = results.flatMap(({ rounds }) => rounds.flatMap((round) => Object.values(round)));
  return outcomes.some((outcome) => "failed" in outcome) ? 1 : 0;
}

function writeReport(path: string, report: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
}

function reportOf({ work, rounds }: Measured): unknown {
  const { name, about, variants, measures } = work;
  const names = Object.fromEntries(
    Object.entries(variants).map(([role, variant]) => [role, variant.name]),
  );
  return {
    name,
    about,
    variants: names,
    measures: measures.map((measure) => ({ ...measure, ...judge(measure, rounds) })),
    rounds,
  };
}
