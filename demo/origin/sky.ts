// Public data that is old after five seconds: where sun and moon are, computed for the moment by a real ephemeris. Everybody
// gets the same bytes within five seconds, so that one visitor can have them from another. Pure, and reads no clock.

import {
  Body,
  Equator,
  GeoVector,
  Horizon,
  Illumination,
  KM_PER_AU,
  MoonPhase,
  Observer,
  SiderealTime,
} from "astronomy-engine";

export const SKY_SECONDS = 5;

/** Distances in kilometres from the earth's centre, angles in degrees. */
export interface Sky {
  /** The moment it speaks of, in milliseconds since 1970. */
  readonly at: number;
  readonly sunKm: number;
  readonly moonKm: number;
  /** 0 is new, 90 the first quarter, 180 full. */
  readonly moonPhase: number;
  /** Share of the moon's disc that is lit. */
  readonly moonLit: number;
  /** At Greenwich, in hours. */
  readonly siderealHours: number;
  /** How high the sun stands; below -18 it is night for astronomers. */
  readonly cities: readonly { readonly name: string; readonly sun: number }[];
}

const CITIES: readonly (readonly [name: string, latitude: number, longitude: number])[] = [
  ["Honolulu", 21.31, -157.86],
  ["Lima", -12.05, -77.04],
  ["Reykjavík", 64.15, -21.94],
  ["Nairobi", -1.29, 36.82],
  ["Kathmandu", 27.72, 85.32],
  ["Sydney", -33.87, 151.21],
];

/** The last moment of which there is a sky, for a time in milliseconds since 1970. */
export const skyMoment = (now: number): number => now - (now % (SKY_SECONDS * 1000));

export function skyAt(at: number): Sky {
  const date = new Date(at);
  const km = (body: Body): number => Math.round(GeoVector(body, date, true).Length() * KM_PER_AU);
  return {
    at,
    sunKm: km(Body.Sun),
    moonKm: km(Body.Moon),
    moonPhase: rounded(MoonPhase(date), 2),
    moonLit: rounded(Illumination(Body.Moon, date).phase_fraction, 4),
    siderealHours: rounded(SiderealTime(date), 5),
    cities: CITIES.map(([name, latitude, longitude]) => {
      const observer = new Observer(latitude, longitude, 0);
      const { ra, dec } = Equator(Body.Sun, date, observer, true, true);
      return { name, sun: rounded(Horizon(date, observer, ra, dec, "normal").altitude, 2) };
    }),
  };
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
