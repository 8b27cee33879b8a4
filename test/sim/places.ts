// Where visitors are: four countries on three continents, and how long a packet takes between any two.

import type { Millis } from "../../client/core/vocabulary.ts";

export interface Place {
  readonly order: number;
  readonly country: string;
  readonly continent: string;
}

/** Where the origin and the tracker stand. */
export const HOME_PLACE: Place = { order: 0, country: "CZ", continent: "EU" };
export const PLACES: readonly Place[] = [
  HOME_PLACE,
  { order: 1, country: "ES", continent: "EU" },
  { order: 2, country: "US", continent: "NA" },
  { order: 3, country: "JP", continent: "AS" },
];

/** One way, beyond what each end adds: light in fibre needs 5 ms for 1000 km, and cables make detours. */
const WAYS: readonly (readonly Millis[])[] = [
  [0, 15, 50, 110],
  [15, 0, 45, 115],
  [50, 45, 0, 70],
  [110, 115, 70, 0],
];

export const wayBetween = (one: Place, other: Place): Millis => WAYS[one.order]?.[other.order] ?? 0;
