// The one flat snapshot of numbers that the demo, the tests and the simulator read.

import type { Proximity } from "../../tracker/protocol/ids.ts";
import type { ByteCount, Millis } from "./vocabulary.ts";

export interface ClientStats {
  readonly state: "origin-only" | "joining" | "in-swarm" | "closed";
  readonly tracker: "connected" | "connecting" | "unreachable" | "off";
  /** What the visitor has agreed to: no peers before it is `granted`. */
  readonly consent: "granted" | "ask" | "denied";
  /** Whether others are served now: not switched off, tab visible, link not thrifty, something left to give. */
  readonly upload: boolean;
  readonly peerId: string | null;
  readonly region: string | null;
  readonly bytes: ByteStats;
  /** peers / (peers + origin); 0 before anything was received. Cache hits are counted apart. */
  readonly offload: number;
  readonly chunks: { readonly verified: number; readonly rejected: number };
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

export interface LinkStats {
  readonly peer: string;
  readonly proximity: Proximity;
  readonly rttMs: Millis | null;
  readonly bytesDown: ByteCount;
  readonly bytesUp: ByteCount;
}
