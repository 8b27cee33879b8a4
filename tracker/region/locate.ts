// From an address to a place: the operator's rules first, then the address itself, then what databases know. The
// only input is the connection's address, so nobody can choose whose neighbour to be.

import { type Address, householdOf, isLocal, neighbourhoodOf } from "./address.ts";
import type { Geography } from "./geography.ts";
import type { Rules } from "./rules.ts";
import type { Place } from "./where.ts";

export interface Maps {
  readonly rules: Rules;
  readonly atlas: { find(address: string): Geography };
}

/** For an address nobody knows anything of; also the label of countries unknown. */
const NOWHERE: Place = { networks: [], label: "world" };

/**
 * 1. a rule names the network and the label;
 * 2. without a rule, all local addresses are one network: they reach this tracker over their own wires;
 * 3. local addresses under different rules are different networks of one organisation, so they share the next
 *    level (`asn`), as neighbouring networks of one provider do;
 * 4. a public address is near its household, then its neighbourhood, then its network, country and continent.
 */
export function locate(address: Address | undefined, maps: Maps): Place {
  if (address === undefined) return NOWHERE;
  const region = maps.rules.find(address);
  const named = region === undefined ? [] : [`rule ${region.name}`];
  const ruled = region === undefined ? {} : { region };
  if (isLocal(address)) {
    const networks = region === undefined ? ["local"] : named;
    return { ...ruled, networks, asn: "local", label: region?.name ?? "local" };
  }
  const geography = maps.atlas.find(address.toString());
  return {
    ...ruled,
    networks: [...named, householdOf(address), neighbourhoodOf(address)],
    ...geography,
    label: region?.name ?? geography.country ?? "world",
  };
}
