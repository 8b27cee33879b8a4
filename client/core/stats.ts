// The one flat snapshot of numbers that the demo, the tests and the simulator read.

import type { Proximity } from "../../tracker/protocol/ids.ts";
import type { ByteCount, Millis } from "./vocabulary.ts";

/** A snapshot: plain, of its own, and never changed afterwards. */
export interface ClientStats {
  /** `in-swarm`: linked, or known to the tracker. `joining`: it is just being reached. `origin-only`: neither, for whatever reason. */
  readonly state: "origin-only" | "joining" | "in-swarm" | "closed";
  readonly tracker: "connected" | "connecting" | "unreachable" | "off";
  /** What the visitor has agreed to: no peers before it is `granted`. */
  readonly consent: "granted" | "ask" | "denied";
  /** Whether others are served now: not switched off, tab visible, link not thrifty, something left to give. */
  readonly upload: boolean;
  /** This browser's id at the tracker, another on each visit; `null` before it was welcomed. */
  readonly peerId: string | null;
  /** Where the tracker thinks that this is: a rule's name, a country, `local` or `world`. */
  readonly region: string | null;
  readonly bytes: ByteStats;
  /** peers / (peers + origin); 0 before anything was received. Cache hits are counted apart. */
  readonly offload: number;
  /** Chunks whose digest was right, and was wrong. */
  readonly chunks: { readonly verified: number; readonly rejected: number };
  /** What is kept of how many assets, of what may be; `persistent`: it survives the visit. */
  readonly cache: {
    readonly bytes: ByteCount;
    readonly assets: number;
    readonly budget: ByteCount;
    readonly persistent: boolean;
  };
  readonly links: readonly LinkStats[];
}

/** What stands behind the snapshot, for whoever asks why there are no peers. */
export interface Circumstances {
  /** Swarms joined; by the tracker's last word, the others in the fullest of them, and in that which has most holders. */
  readonly swarms: { readonly joined: number; readonly others: number; readonly holders: number };
  /** Introductions since the client was made: that became links, came to nothing, or are under way. */
  readonly introductions: {
    readonly linked: number;
    readonly failed: number;
    readonly underWay: number;
  };
}

/** Bytes of content since the client was made. `wasted`: received and not used (late, doubled or wrong). */
export interface ByteStats {
  readonly cache: ByteCount;
  readonly peers: ByteCount;
  readonly origin: ByteCount;
  readonly wasted: ByteCount;
  readonly uploaded: ByteCount;
}

/** One link. Bytes of content since it was made; `rttMs` is `null` before the first answer to a ping. */
export interface LinkStats {
  readonly peer: string;
  readonly proximity: Proximity;
  readonly rttMs: Millis | null;
  readonly bytesDown: ByteCount;
  readonly bytesUp: ByteCount;
}

export const linkStatsOf = ({
  id,
  proximity,
  rttMs,
  bytesDown,
  bytesUp,
}: Omit<LinkStats, "peer"> & { readonly id: string }): LinkStats => ({
  peer: id,
  proximity,
  rttMs,
  bytesDown,
  bytesUp,
});
