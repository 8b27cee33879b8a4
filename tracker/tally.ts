// The tracker's sums: what `/stats` shows. Totals only, nothing of any one peer or address, and nothing a stranger
// can make grow: its keys are our own words, countries and the operator's rule names.

import type { ByteReport, RefusalCode } from "./protocol/messages.ts";

export type Offence = RefusalCode | "poisoned";

export interface Totals {
  /** Present now. */
  readonly peers: number;
  readonly swarms: number;
  readonly regions: Readonly<Record<string, number>>;
  /** Since the start, as reported by peers. */
  readonly bytes: ByteReport;
  /** peers / (peers + origin); 0 before anything was reported. */
  readonly offload: number;
  readonly introductions: number;
  readonly links: { readonly made: number; readonly failed: number; readonly declined: number };
  readonly violations: Readonly<Partial<Record<Offence, number>>>;
}

/** What only the operator's view asks for: totals again, from other sides. */
export interface Operation {
  /** Received since the start, by the region of who reported it. */
  readonly regionBytes: Readonly<
    Record<string, { readonly peers: number; readonly origin: number }>
  >;
  /** From introduction to link, of the latest links; `null` before the first. Milliseconds. */
  readonly linkMs: { readonly median: number; readonly p90: number } | null;
  /** Why introductions came to nothing: a side said so · nobody said anything in time · one was full · one left. */
  readonly failures: {
    readonly reported: number;
    readonly unanswered: number;
    readonly declined: number;
    readonly left: number;
  };
}

/** Enough for a ninetieth percentile, few enough to be about now. */
const LATEST_LINKS = 200;

export class Tally {
  introductions = 0;
  readonly links = { linked: 0, failed: 0, declined: 0 };
  /** Of the failed links, those of which nobody said anything; and introductions that ended because one side left. */
  readonly silences = { unanswered: 0, left: 0 };
  readonly #linkMs: number[] = [];
  readonly #regionBytes = new Map<string, { peers: number; origin: number }>();
  readonly #regions = new Map<string, number>();
  readonly #violations = new Map<Offence, number>();
  #bytes: ByteReport = { cache: 0, peers: 0, origin: 0, uploaded: 0 };

  came(label: string): void {
    this.#regions.set(label, (this.#regions.get(label) ?? 0) + 1);
  }

  went(label: string): void {
    const left = (this.#regions.get(label) ?? 0) - 1;
    if (left > 0) this.#regions.set(label, left);
    else this.#regions.delete(label);
  }

  offended(offence: Offence): void {
    this.#violations.set(offence, (this.#violations.get(offence) ?? 0) + 1);
  }

  /** A link came of an introduction, so long after it. */
  linkedAfter(ms: number): void {
    this.links.linked++;
    this.#linkMs.push(ms);
    if (this.#linkMs.length > LATEST_LINKS) this.#linkMs.shift();
  }

  moved(bytes: ByteReport, label: string): void {
    const before = this.#regionBytes.get(label) ?? { peers: 0, origin: 0 };
    const { peers, origin } = bytes;
    this.#regionBytes.set(label, { peers: before.peers + peers, origin: before.origin + origin });
    this.#bytes = {
      cache: this.#bytes.cache + bytes.cache,
      peers: this.#bytes.peers + bytes.peers,
      origin: this.#bytes.origin + bytes.origin,
      uploaded: this.#bytes.uploaded + bytes.uploaded,
    };
  }

  operation(): Operation {
    const sorted = [...this.#linkMs].sort((one, other) => one - other);
    const at = (share: number): number =>
      Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
    const { unanswered, left } = this.silences;
    const { failed, declined } = this.links;
    return {
      regionBytes: Object.fromEntries(this.#regionBytes),
      linkMs: sorted.length === 0 ? null : { median: at(0.5), p90: at(0.9) },
      failures: { reported: failed - unanswered, unanswered, declined, left },
    };
  }

  totals(present: { readonly peers: number; readonly swarms: number }): Totals {
    const { peers, origin } = this.#bytes;
    return {
      ...present,
      regions: Object.fromEntries(this.#regions),
      bytes: this.#bytes,
      offload: peers + origin === 0 ? 0 : peers / (peers + origin),
      introductions: this.introductions,
      links: {
        made: this.links.linked,
        failed: this.links.failed,
        declined: this.links.declined,
      },
      violations: Object.fromEntries(this.#violations),
    };
  }
}
