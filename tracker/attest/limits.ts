// How much a tracker reads from content origins, and how much anybody may make it read: every bound, with its reason.

import type { Rate } from "../limits.ts";

export interface AttestLimits {
  readonly reads: number;
  readonly waitingReads: number;
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  readonly assetBytes: number;
  readonly inflatedBytes: number;
  readonly comparedBytes: number;
  readonly handedBytes: number;
  readonly handedSeconds: number;
  readonly answerMs: number;
  readonly idleMs: number;
  readonly readMs: number;
  readonly leastBytesPerSecond: number;
  readonly headerBytes: number;
  readonly entries: number;
  readonly digestBytes: number;
  readonly patienceMs: number;
  readonly openAsks: number;
  readonly asksPerAddress: Rate;
  readonly readsPerAddress: Rate;
}

const MIB = 1024 * 1024;

export const DEFAULT_ATTEST_LIMITS: AttestLimits = {
  /** A site's own server is a neighbour, not a target: no more than one busy browser opens to it. */
  reads: 8,
  /** Behind those, a page or two of new assets; whoever comes on top comes back. */
  waitingReads: 512,
  /** A quarter of a gigabit for reading in all; hashing keeps up with twenty times that on one core. */
  bytesPerSecond: 32 * MIB,
  /** Small sites whole, at once. */
  burstBytes: 256 * MIB,
  /** A long film. Larger files are better published: their digests are made where they lie. */
  assetBytes: 4096 * MIB,
  /** Only text is worth compressing, and text of this size is a mistake or a bomb. */
  inflatedBytes: 64 * MIB,
  /** Up to here an answer without validators is read a second time; what is larger is not composed for each visitor. */
  comparedBytes: 4 * MIB,
  /**
   * Up to here whoever waits for a read is handed the body with the statement, if it lasts no longer than the other: what
   * changes every few seconds would be another when it is read again. Scores and prices, and not the site's pictures.
   */
  handedBytes: 32 * 1024,
  handedSeconds: 30,
  /** From connecting to the last header. Slower origins exist; their visitors do not wait that long either. */
  answerMs: 10_000,
  /** Nothing at all for so long: the other end is gone. */
  idleMs: 10_000,
  /** On average, once `answerMs` has passed: slower ones hold a place that others wait for. */
  leastBytesPerSecond: 16 * 1024,
  /** The whole of it: 4 GiB at 10 MiB/s. */
  readMs: 420_000,
  /** Node's own default, said here because it is part of the promise. */
  headerBytes: 16 * 1024,
  /** Statements and refusals remembered, the least recently asked for go first. */
  entries: 20_000,
  /** All their digests together; a 4 GiB film has half a MiB of them. */
  digestBytes: 64 * MIB,
  /** An asker is told "still reading" after that, and asks again. Below the idle time-outs of common proxies. */
  patienceMs: 10_000,
  /** Questions that wait for answers at the same time, from everybody; one has some kilobytes of buffers. */
  openAsks: 2000,
  /** URLs asked for: an office behind one address opening a page of a hundred assets, ten times at once. */
  asksPerAddress: { burst: 1000, perSecond: 20 },
  /** Of those, URLs that nobody asked for before, so that they cost a read: two pages at once, then one URL a second. */
  readsPerAddress: { burst: 256, perSecond: 1 },
};
