// Who may open a socket: the right path, an admitted site, and no more connections from one address than fair. Counts
// households (an IPv4 address, an IPv6 /64) in memory only and forgets them as soon as they are quiet.

import { type EdgeLimits, TokenBucket } from "./limits.ts";
import { type Address, householdOf } from "./region/address.ts";
import { admittedSite } from "./site.ts";

export interface Knock {
  readonly path: string;
  readonly origin: string | undefined;
  readonly address: Address | undefined;
}
export type Verdict =
  | { readonly ok: true; readonly site: string; readonly household: string }
  | { readonly ok: false; readonly status: 403 | 404 | 429 | 503; readonly sentence: string };

interface Household {
  connections: number;
  readonly upgrades: TokenBucket;
}

/** Requests whose address cannot be read (a socket closed in the same moment) share one allowance. */
const NO_ADDRESS = "unknown";

export class Admission {
  readonly #sites: ReadonlySet<string>;
  readonly #limits: EdgeLimits;
  readonly #households = new Map<string, Household>();
  #connections = 0;

  constructor(sites: ReadonlySet<string>, limits: EdgeLimits) {
    this.#sites = sites;
    this.#limits = limits;
  }

  /** Counts the connection when it admits it; `released` must follow. */
  admit({ path, origin, address }: Knock, now: number): Verdict {
    if (path !== "/") return no(404, "Signalling is at /.");
    const site = admittedSite(origin, this.#sites);
    if (site === undefined) return no(403, "Pages of this origin may not join here.");
    const household = address === undefined ? NO_ADDRESS : householdOf(address);
    const known = this.#households.get(household) ?? {
      connections: 0,
      upgrades: new TokenBucket(this.#limits.upgradesPerAddress, now),
    };
    this.#households.set(household, known);
    if (!known.upgrades.take(1, now) || known.connections >= this.#limits.connectionsPerAddress) {
      return no(429, "Too many connections from this address.");
    }
    if (this.#connections >= this.#limits.connections) return no(503, "This tracker is full.");
    known.connections++;
    this.#connections++;
    return { ok: true, site, household };
  }

  released(household: string): void {
    const known = this.#households.get(household);
    if (known === undefined) return;
    known.connections--;
    this.#connections--;
  }

  sweep(now: number): void {
    for (const [key, { connections, upgrades }] of this.#households) {
      if (connections === 0 && upgrades.isFull(now)) this.#households.delete(key);
    }
  }
}

const no = (status: 403 | 404 | 429 | 503, sentence: string): Verdict => ({
  ok: false,
  status,
  sentence,
});
