// `npm run bench:tracker`: what one tracker carries, beside a bare `ws` echo server and bittorrent-tracker, each measured
// in the same run on the same machine. Loopback only, bounded; prints a table and writes the figures as JSON.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { announces, hostile, joins, type Row, type Scale, storm } from "./figures.ts";
import { introductions } from "./introductions.ts";
import { regionRules } from "./subject.ts";

const WORKS = { joins, announces, introduce: introductions, storm, hostile } as const;
type Work = keyof typeof WORKS;
const NAMES = Object.keys(WORKS) as Work[];

const HELP = `Usage: npm run bench:tracker -- [options]

Measures what one tracker carries, beside bare ws and bittorrent-tracker (if "npm run bench" has installed it).

  --only NAMES   of ${NAMES.join(", ")}; separated by commas (default: all)
  --scale X      so much of every crowd; 1 is 15,000 peers (default: 1)
  --minutes N    how long the hostile load lasts (default: 0.5; a proper fuzz is 10)
  --out FILE     where the JSON goes (default: dist/bench-tracker.json)
  --help         says this`;

const FLAGS = {
  only: { type: "string", default: NAMES.join(",") },
  scale: { type: "string", default: "1" },
  minutes: { type: "string", default: "0.5" },
  out: { type: "string", default: "dist/bench-tracker.json" },
  help: { type: "boolean", default: false },
} as const;

/** The exit code: 1 when a figure misses what it must reach, 2 when the words are wrong. */
export async function main(words: readonly string[]): Promise<number> {
  let values: { only: string; scale: string; minutes: string; out: string; help: boolean };
  try {
    values = parseArgs({ args: [...words], options: FLAGS }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message.split(". ")[0] : error}; see --help.`);
    return 2;
  }
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const only = values.only.split(",").filter((name): name is Work => name in WORKS);
  const [scale, minutes] = [Number(values.scale), Number(values.minutes)];
  if (
    only.length !== values.only.split(",").length ||
    !(scale > 0 && scale <= 1) ||
    !(minutes > 0)
  ) {
    console.error("A value is out of bounds; see --help.");
    return 2;
  }
  const folder = await mkdtemp(join(tmpdir(), "shoal-load-"));
  const rows: Row[] = [];
  try {
    const rules = join(folder, "regions.json");
    await writeFile(rules, regionRules());
    const given: Scale = { rules, minutes, of: (count) => Math.max(50, Math.round(count * scale)) };
    for (const name of only) {
      console.error(`${name} …`);
      const measured = await WORKS[name](given);
      rows.push(...measured);
      for (const row of measured) console.log(lineOf(row));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const [core] = cpus();
  const machine = { cores: cpus().length, processor: core?.model, node: process.version };
  const figures = { date: new Date().toISOString(), machine, scale, rows };
  await writeFile(values.out, `${JSON.stringify(figures, null, 2)}\n`);
  return rows.every(({ reached }) => reached !== false) ? 0 : 1;
}

function lineOf({ figure, measured, must, reached }: Row): string {
  const verdict = reached === undefined ? "" : reached ? "reached" : "MISSED";
  return [figure.padEnd(58), measured.padEnd(34), (must ?? "").padEnd(24), verdict]
    .join(" ")
    .trimEnd();
}
