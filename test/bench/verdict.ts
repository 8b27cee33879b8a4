// From the rounds of a work to what is said about it: medians, and whether targets were reached. Pure.

import type { Measure, Role, Round, Target } from "./work.ts";

export interface Judged {
  /** Median of the rounds that came to their end; `null` when none did, or nobody plays that part. */
  readonly medians: Readonly<Record<Role, number | null>>;
  /** What the target is about: the figure, its ratio or its difference, as median over the rounds. */
  readonly against: number | null;
  /** `failed`: a run of Shoal did not come to its end, or there was nothing to compare it with. */
  readonly verdict: "yes" | "no" | "failed" | "none";
}

/** The middle one, or the mean of the two in the middle; `null` of nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)];
  const lower = sorted[Math.ceil(middle) - 1];
  return upper === undefined || lower === undefined ? null : (upper + lower) / 2;
}

export function judge(measure: Measure, rounds: readonly Round[]): Judged {
  const { figure, target } = measure;
  const medianOf = (role: Role): number | null =>
    median(rounds.flatMap((round) => figureOf(round, role, figure) ?? []));
  const medians = { plain: medianOf("plain"), rival: medianOf("rival"), shoal: medianOf("shoal") };
  if (target === undefined) return { medians, against: null, verdict: "none" };
  const against = median(rounds.flatMap((round) => compared(round, figure, target) ?? []));
  const isWhole = rounds.every((round) => figureOf(round, "shoal", figure) !== null);
  if (against === null || !isWhole) return { medians, against, verdict: "failed" };
  const isReached = target.is === "at most" ? against <= target.bound : against >= target.bound;
  return { medians, against, verdict: isReached ? "yes" : "no" };
}

function figureOf(round: Round, role: Role, figure: string): number | null {
  const outcome = round[role];
  if (outcome === undefined || "failed" in outcome) return null;
  const value = outcome.figures[figure];
  return value === undefined || !Number.isFinite(value) ? null : value;
}

/** Within the round: what slows the machine down for a while slows both. */
function compared(round: Round, figure: string, { against }: Target): number | null {
  const own = figureOf(round, "shoal", figure);
  if (own === null || against === undefined) return own;
  const theirs = figureOf(round, against.role, figure);
  if (theirs === null) return null;
  if (against.by === "difference") return own - theirs;
  return theirs === 0 ? null : own / theirs;
}
