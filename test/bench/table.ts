// The table that a run of the benchmarks ends with: aligned text, a row a measure. Pure.

import { judge } from "./verdict.ts";
import type { Measure, Role, Round, Target, Work } from "./work.ts";

export interface Measured {
  readonly work: Work;
  readonly rounds: readonly Round[];
}

const HEADINGS = ["work", "figure", "plain HTTP", "rival", "Shoal", "target", "reached?"];

export function table(results: readonly Measured[]): string {
  const rows = results.flatMap(({ work, rounds }) =>
    work.measures.map((measure, at) => [
      at === 0 ? work.name : "",
      measure.unit === undefined ? measure.figure : `${measure.figure}, ${measure.unit}`,
      ...cells(work, measure, rounds),
    ]),
  );
  return aligned([HEADINGS, ...rows]);
}

function cells(work: Work, measure: Measure, rounds: readonly Round[]): readonly string[] {
  const { digits = 2, target } = measure;
  const { medians, against, verdict } = judge(measure, rounds);
  const shown = (role: Role): string => {
    const value = medians[role];
    if (value !== null) return value.toFixed(digits);
    return isAbsent(role, measure, rounds) ? "" : "failed";
  };
  const { rival } = work.variants;
  const theirs = shown("rival");
  const compared = target?.against !== undefined && against !== null;
  return [
    shown("plain"),
    rival === undefined || theirs === "" ? theirs : `${theirs} (${rival.name})`,
    shown("shoal"),
    target === undefined ? "" : targetText(target),
    (verdict === "none" ? "" : verdict) + (compared ? ` (${against.toFixed(2)})` : ""),
  ];
}

/** Nobody plays that part, or whoever does has no such figure: it came to an end of its own without. */
function isAbsent(role: Role, { figure }: Measure, rounds: readonly Round[]): boolean {
  const outcomes = rounds.flatMap((round) => round[role] ?? []);
  const ended = outcomes.filter((outcome) => "figures" in outcome);
  const hasNone = ended.length > 0 && ended.every(({ figures }) => !(figure in figures));
  return outcomes.length === 0 || hasNone;
}

function targetText({ is, bound, against }: Target): string {
  const sign = is === "at most" ? "<=" : ">=";
  if (against === undefined) return `${sign} ${bound}`;
  const { role, by } = against;
  return by === "ratio" ? `${sign} ${bound} x ${role}` : `${sign} ${role} + ${bound}`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = HEADINGS.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  const [head = [], ...others] = rows;
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...others].map(line).join("\n");
}
