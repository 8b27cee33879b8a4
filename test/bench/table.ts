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
    if (work.variants[role] === undefined) return "";
    return value === null ? "failed" : value.toFixed(digits);
  };
  const rival = work.variants.rival === undefined ? "" : ` (${work.variants.rival.name})`;
  const compared = target?.against !== undefined && against !== null;
  return [
    shown("plain"),
    shown("rival") + rival,
    shown("shoal"),
    target === undefined ? "" : targetText(target),
    (verdict === "none" ? "" : verdict) + (compared ? ` (${against.toFixed(2)})` : ""),
  ];
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
