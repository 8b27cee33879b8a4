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

export class Tally {
  introductions = 0;
  readonly links = { linked: 0, failed: 0, declined: 0 };
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

  moved(bytes: ByteReport): void {
    this.#bytes = {
      cache: this.#bytes.cache + bytes.cache,
      peers: this.#bytes.peers + bytes.peers,
      origin: this.#bytes.origin + bytes.origin,
      uploaded: this.#bytes.uploaded + bytes.uploaded,
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
