// Looking at a few bytes in place of all: a large world moves hundreds of gigabytes, and each byte of them is one of the
// same few megabytes. Every thousandth byte or so, and the last of each data frame, which is where simulated liars lie.

import type { ByteCount } from "../../client/core/vocabulary.ts";
import { DATA_BYTES } from "../../client/core/wire/messages.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";

/** Below this every byte is looked at: ids and statements. */
export const SAMPLED_FROM: ByteCount = 4096;
/** A prime, so that no pattern of powers of two hides between the places. */
const STEP = 1021;

const known = new Map<ByteCount, readonly number[]>();

/** The places to look at in so many bytes, counted from their beginning. */
export function sampledPlaces(length: ByteCount): readonly number[] {
  const places = known.get(length) ?? placesIn(length);
  known.set(length, places);
  return places;
}

function placesIn(length: ByteCount): readonly number[] {
  const places: number[] = [];
  for (let at = 0; at < length; at += STEP) places.push(at);
  for (let end = DATA_BYTES; end < length; end += DATA_BYTES) places.push(end - 1);
  places.push(length - 1);
  return places;
}

export function looksEqual(one: Bytes, other: Bytes): boolean {
  const { length } = one;
  if (length !== other.length) return false;
  if (length < SAMPLED_FROM) return Buffer.compare(one, other) === 0;
  return sampledPlaces(length).every((at) => one[at] === other[at]);
}
