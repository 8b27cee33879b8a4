// Who reads a chunk from the origin when nobody holds it: everybody who wants it computes the same ranking without a
// word on the wire (rendezvous hashing, Thaler and Ravishankar 1998). Ranks are per group of neighbouring chunks, so
// that a reader can ask the origin for one longer range.

/**
 * Chunks elected together: 1 MiB at the default chunk size. Fewer would mean a request to the origin for each chunk,
 * more would make the others wait longer for something to swap.
 */
export const GROUP_CHUNKS = 4;

/** A 32-bit seed of a name (FNV-1a). */
export function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  }
  return mixed(hash);
}

/** Spreads every input bit over the result (the finalizer of MurmurHash3). */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Lower reads earlier. Independent for every pair of peer and group. */
export function score(peerSeed: number, contentSeed: number, group: number): number {
  return mixed(peerSeed ^ mixed(contentSeed + Math.imul(group + 1, 0x9e3779b1)));
}

/** How many of the others come before `self`; 0 means that it is ours to read. */
export function rank(
  selfSeed: number,
  others: readonly number[],
  contentSeed: number,
  group: number,
): number {
  const own = score(selfSeed, contentSeed, group);
  let before = 0;
  for (const seed of others) {
    const theirs = score(seed, contentSeed, group);
    if (theirs < own || (theirs === own && seed < selfSeed)) before++;
  }
  return before;
}

/**
 * Where the n-th of a crowd begins, as a share of the content: as far as can be from those before it (the van der Corput
 * sequence in base 2: 0, 1/2, 1/4, 3/4, 1/8 ...).
 */
export function placeOf(arrival: number): number {
  let place = 0;
  let step = 0.5;
  for (let left = arrival; left > 0; left >>>= 1) {
    if (left & 1) place += step;
    step /= 2;
  }
  return place;
}

/** Where a bulk reader starts whose place in the crowd is not known. */
export function startOf(selfSeed: number, contentSeed: number, chunkCount: number): number {
  return chunkCount === 0 ? 0 : score(selfSeed, contentSeed, -1) % chunkCount;
}
