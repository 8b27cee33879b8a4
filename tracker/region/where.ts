// Where a connection comes from, as the tracker core sees it, and the groups that follow from it, nearest first.
// Pure, and part of the core: looking addresses up is `locate`'s business. Keys are compared, never shown to anyone.

import { PROXIMITIES, type Proximity } from "../protocol/ids.ts";

/** In a border: all who are not of the region itself. */
export const EVERYONE_ELSE = "*";

/** A region as the operator's rules draw it. */
export interface Region {
  readonly name: string;
  /** Names of the regions its peers never meet; with `EVERYONE_ELSE`, they meet nobody outside. */
  readonly barred: ReadonlySet<string>;
}

interface Bordered {
  /** Of the operator's rules, if one holds the address. */
  readonly region?: Region | undefined;
}

export interface Place extends Bordered {
  /** Keys of networks, nearest first: an operator's rule, the public address, its /24 or /48. */
  readonly networks: readonly string[];
  readonly asn?: string;
  readonly country?: string;
  readonly continent?: string;
  /** What the peer and the totals are told: a rule's name, a country such as `CZ`, `local` or `world`. */
  readonly label: string;
}

export interface Where extends Place {
  /** The page's origin. Pages of different sites never meet. */
  readonly site: string;
}

/** One group a peer belongs to: whoever shares `key` is as near as `proximity`. */
export interface Level {
  readonly key: string;
  readonly proximity: Proximity;
}

const WORLD: Level = { key: "world", proximity: "world" };

/**
 * A peer's groups, nearest first, always ending with the world. `refinement` is what the page says of its place
 * (`data-region`): it splits a network or a country further, and nobody comes nearer by it than the address says.
 */
export function levelsOf(place: Place, refinement = ""): readonly Level[] {
  const levels: Level[] = [];
  const add = (key: string, proximity: Proximity, refines: boolean): void => {
    if (refines && refinement !== "") levels.push({ key: `${key}\n${refinement}`, proximity });
    levels.push({ key, proximity });
  };
  for (const key of place.networks) add(`network ${key}`, "network", true);
  if (place.asn !== undefined) add(`asn ${place.asn}`, "asn", false);
  if (place.country !== undefined) add(`country ${place.country}`, "country", true);
  if (place.continent !== undefined) add(`continent ${place.continent}`, "continent", false);
  levels.push(WORLD);
  return levels;
}

/** Whether the operator's borders let peers of these places meet. */
export function mayMeet(one: Bordered, other: Bordered): boolean {
  if (one.region?.name === other.region?.name) return true;
  return !isBarred(one, other) && !isBarred(other, one);
}

const isBarred = ({ region }: Bordered, other: Bordered): boolean =>
  region !== undefined &&
  (region.barred.has(EVERYONE_ELSE) || region.barred.has(other.region?.name ?? ""));

/** How near two peers are: the nearest group they share. */
export function proximityOf(one: readonly Level[], other: readonly Level[]): Proximity {
  for (const level of one) {
    if (other.some(({ key }) => key === level.key)) return level.proximity;
  }
  return "world";
}

/** 0 is nearest. */
export const distanceOf = (proximity: Proximity): number => PROXIMITIES.indexOf(proximity);
