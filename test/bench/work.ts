// What a benchmark is: the same thing done in several ways, the figures that come of it, and what is hoped for. Types
// only.

import type { Hall } from "./hall.ts";

/** The columns of the table. Where nobody does the same, `rival` is another way of our own, and says so in its name. */
export type Role = "plain" | "rival" | "shoal";

/** Of one run, by name; in the units that the measures name. */
export type Figures = Readonly<Record<string, number>>;

export interface Variant {
  /** Who does it, for the terminal and the JSON. */
  readonly name: string;
  /** Does it once, in a fresh hall. Rejects when it did not come to its end. */
  run(hall: Hall): Promise<Figures>;
}

/** A bound on Shoal's figure, or on what it is against another's in the same round. */
export interface Target {
  readonly is: "at most" | "at least";
  readonly bound: number;
  /** Default: the figure by itself. */
  readonly against?: { readonly role: Role; readonly by: "ratio" | "difference" };
}

export interface Measure {
  /** Name of the figure. */
  readonly figure: string;
  /** After the number; none for counts and ratios. */
  readonly unit?: string;
  /** Behind the point; default 2. */
  readonly digits?: number;
  readonly target?: Target;
}

export interface Work {
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** They take turns in this order. */
  readonly variants: { readonly [role in Role]?: Variant };
  readonly measures: readonly Measure[];
  /** What a run that has not ended by then is: failed. */
  readonly limitSeconds: number;
}

/** One run of one variant. */
export type Outcome = { readonly figures: Figures } | { readonly failed: string };
export type Round = { readonly [role in Role]?: Outcome };
