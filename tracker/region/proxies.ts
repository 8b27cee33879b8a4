// Whose address counts when proxies stand between: the socket's, unless the operator says which proxies to believe.
// The header is walked from the right, where our own proxies write; what is left of the first stranger is hearsay.

import { type Address, parseAddress, parseSubnet, Subnets } from "./address.ts";

/** How many proxies stand in front, or the subnets they are in. 0 believes nobody. */
export type TrustProxy = number | readonly string[];

/** Ten hops with IPv6 addresses and ports. Longer headers are cut at the left, the part that strangers write. */
const MAX_HEADER_LENGTH = 512;

export class Proxies {
  readonly #hops: number;
  readonly #subnets: Subnets<true> | undefined;

  private constructor(hops: number, subnets?: Subnets<true>) {
    this.#hops = hops;
    this.#subnets = subnets;
  }

  /** The rule for finding clients, or what is wrong with it. */
  static trusting(trust: TrustProxy): Proxies | string {
    if (typeof trust === "number") return new Proxies(trust);
    const subnets = new Subnets<true>();
    for (const text of trust) {
      const subnet = parseSubnet(text);
      if (typeof subnet === "string") return `${JSON.stringify(text)} is ${subnet}`;
      subnets.add(subnet, true);
    }
    return new Proxies(Number.POSITIVE_INFINITY, subnets);
  }

  /** Whether the other end of a socket may be a proxy that is believed. */
  includes(socket: string | undefined): boolean {
    if (this.#subnets === undefined) return this.#hops > 0;
    const address = parseAddress(socket ?? "");
    return address !== undefined && this.#subnets.find(address) !== undefined;
  }

  /** The address of the browser, as far as it is vouched for. */
  clientOf(socket: string | undefined, forwardedFor: string | undefined): Address | undefined {
    let client = parseAddress(socket ?? "");
    const claims = claimsIn(forwardedFor ?? "");
    for (let hop = 0; hop < this.#hops && client !== undefined; hop++) {
      if (this.#subnets !== undefined && this.#subnets.find(client) === undefined) break;
      const claim = claims.pop();
      const earlier = claim === undefined ? undefined : parseClaim(claim);
      if (earlier === undefined) break;
      client = earlier;
    }
    return client;
  }
}

function claimsIn(header: string): string[] {
  if (header.length <= MAX_HEADER_LENGTH) return header.split(",");
  // The first one left may be cut in half, and half an address can be another address.
  return header.slice(-MAX_HEADER_LENGTH).split(",").slice(1);
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`. */
function parseClaim(claim: string): Address | undefined {
  const text = claim.trim();
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1];
  if (bracketed !== undefined) return parseAddress(bracketed);
  const withPort = /^([\d.]+):\d{1,5}$/.exec(text)?.[1];
  return parseAddress(withPort ?? text);
}
