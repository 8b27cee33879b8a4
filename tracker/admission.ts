// Who may open a socket: the right path, an admitted site, and no more connections from one address than fair. Counts
// households (an IPv4 address, an IPv6 /64) in memory only and forgets them as soon as they are quiet.

import { Household } from "./household.ts";
import { type EdgeLimits, type HouseholdLimits, TokenBucket } from "./limits.ts";
import { type Address, allowanceKeyOf } from "./region/address.ts";
import { admittedSite } from "./site.ts";

export interface Knock {
  readonly path: string;
  readonly origin: string | undefined;
  readonly address: Address | undefined;
}
export type Verdict =
  | { readonly ok: true; readonly site: string; readonly household: Household }
  | { readonly ok: false; readonly status: 403 | 404 | 429 | 503; readonly sentence: string };

interface Visits {
  readonly key: string;
  readonly household: Household;
  readonly upgrades: TokenBucket;
  connections: number;
}

export class Admission {
  readonly #sites: ReadonlySet<string>;
  readonly #limits: EdgeLimits;
  readonly #householdLimits: HouseholdLimits;
  readonly #addresses = new Map<string, Visits>();
  readonly #visits = new Map<Household, Visits>();
  #connections = 0;

  constructor(
    sites: ReadonlySet<string>,
    limits: { readonly edge: EdgeLimits; readonly household: HouseholdLimits },
  ) {
    this.#sites = sites;
    this.#limits = limits.edge;
    this.#householdLimits = limits.household;
  }

  /** Addresses that are remembered, by household. */
  get size(): number {
    return this.#addresses.size;
  }

  /** Counts the connection when it admits it; `released` must follow. */
  admit({ path, origin, address }: Knock, now: number): Verdict {
    if (path !== "/") return no(404, "Signalling is at /.");
    const site = admittedSite(origin, this.#sites);
    if (site === undefined) return no(403, "Pages of this origin may not join here.");
    const key = allowanceKeyOf(address);
    const known = this.#addresses.get(key) ?? this.#firstVisit(key, now);
    if (known.household.isBlocked(now)) return no(429, "This address is blocked for a while.");
    if (!known.upgrades.take(1, now) || known.connections >= this.#limits.connectionsPerAddress) {
      return no(429, "Too many connections from this address.");
    }
    if (this.#connections >= this.#limits.connections) return no(503, "This tracker is full.");
    known.connections++;
    this.#connections++;
    return { ok: true, site, household: known.household };
  }

  released(household: Household): void {
    const known = this.#visits.get(household);
    if (known === undefined) return;
    known.connections--;
    this.#connections--;
  }

  /** What stands for the household's address here; it must not be shown to anybody. */
  keyOf(household: Household): string | undefined {
    return this.#visits.get(household)?.key;
  }

  sweep(now: number): void {
    for (const [key, { household, connections, upgrades }] of this.#addresses) {
      if (connections > 0 || !upgrades.isFull(now) || !household.isQuiet(now)) continue;
      this.#addresses.delete(key);
      this.#visits.delete(household);
    }
  }

  #firstVisit(key: string, now: number): Visits {
    const visits = {
      key,
      household: new Household(this.#householdLimits, now),
      upgrades: new TokenBucket(this.#limits.upgradesPerAddress, now),
      connections: 0,
    };
    this.#addresses.set(key, visits);
    this.#visits.set(visits.household, visits);
    return visits;
  }
}

const no = (status: 403 | 404 | 429 | 503, sentence: string): Verdict => ({
  ok: false,
  status,
  sentence,
});
