// The last hour of the tracker's totals, a sample every ten seconds: what the operator's view draws. Aggregates only, of a
// bounded number of regions. Pure but for its own samples; reads no clock.

import type { Operation, Totals } from "../tally.ts";

export const SAMPLE_MS = 10_000;
const SAMPLES = 360;
/** By name in each sample: as many as colours can be told apart. The rest are one. */
const NAMED_REGIONS = 6;
const OTHERS = "others";

export interface Sample {
  /** Of the host's clock, in milliseconds. */
  readonly at: number;
  readonly peers: Readonly<Record<string, number>>;
  /** Received since the sample before, by region; all regions together for `offload`. */
  readonly peerBytes: Readonly<Record<string, number>>;
  /** peers / (peers + origin) since the sample before; `null` when nothing was received. */
  readonly offload: number | null;
  readonly violations: number;
  readonly links: { readonly made: number; readonly failed: number };
}

/** What `/dashboard/data` answers. Ages instead of times, so that clocks need not agree. */
export interface DashboardData {
  readonly sampleMs: number;
  readonly samples: readonly (Omit<Sample, "at"> & { readonly ageMs: number })[];
  readonly totals: Totals;
  readonly operation: Operation;
}

export class History {
  readonly #samples: Sample[] = [];
  #before: { readonly totals: Totals; readonly operation: Operation } | undefined;

  /** To be called every `SAMPLE_MS`. */
  note(totals: Totals, operation: Operation, now: number): void {
    const { bytes, links } = this.#before?.totals ?? totals;
    const regionsBefore = (this.#before?.operation ?? operation).regionBytes;
    const peers = totals.bytes.peers - bytes.peers;
    const origin = totals.bytes.origin - bytes.origin;
    const moved = Object.entries(operation.regionBytes).map(
      ([name, sum]) => [name, sum.peers - (regionsBefore[name]?.peers ?? 0)] as const,
    );
    this.#samples.push({
      at: now,
      peers: largest(Object.entries(totals.regions)),
      peerBytes: largest(moved),
      offload: peers + origin === 0 ? null : peers / (peers + origin),
      violations: sumOf(totals) - sumOf(this.#before?.totals ?? totals),
      links: { made: totals.links.made - links.made, failed: totals.links.failed - links.failed },
    });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    this.#before = { totals, operation };
  }

  data(totals: Totals, operation: Operation, now: number): DashboardData {
    const samples = this.#samples.map(({ at, ...sample }) => ({ ageMs: now - at, ...sample }));
    return { sampleMs: SAMPLE_MS, samples, totals, operation };
  }
}

function largest(entries: readonly (readonly [name: string, value: number])[]) {
  const sorted = entries.filter(([, value]) => value > 0).sort(([, one], [, other]) => other - one);
  const rest = sorted.slice(NAMED_REGIONS).reduce((sum, [, value]) => sum + value, 0);
  const named = Object.fromEntries(sorted.slice(0, NAMED_REGIONS));
  return rest === 0 ? named : { ...named, [OTHERS]: rest };
}

const sumOf = ({ violations }: Totals): number =>
  Object.values(violations).reduce((sum, count) => sum + count, 0);
