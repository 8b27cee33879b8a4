// What the client tells whoever listens. Past tense, flat, structured-cloneable; nothing in Shoal depends on anybody
// listening.

import type { Proximity } from "../../tracker/protocol/ids.ts";
import type { ErrorCode } from "./errors.ts";
import type { ByteCount, Cancel, Millis } from "./vocabulary.ts";

/** How a peer broke the protocol; it is closed and remembered. */
export type Violation =
  | "malformed"
  | "too-long"
  | "out-of-range"
  | "out-of-order"
  | "unasked"
  | "flood"
  | "impostor"
  | "poisoned";

/** Where a chunk came from: this browser, others, the site. */
export type ChunkSource = "cache" | "peers" | "origin";

/** By type, what a listener is handed. Peers are named by their ids, which are others on each visit. */
export interface ClientEvents {
  /** Chunk `index` of `count`, from 0, was verified (or came verified from the cache). For progress and chunk maps. */
  chunk: {
    readonly url: string;
    readonly index: number;
    readonly count: number;
    readonly source: ChunkSource;
    readonly bytes: ByteCount;
  };
  /** A request was answered to its end: how long that took, and bytes by source. */
  retrieved: {
    readonly url: string;
    readonly elapsedMs: Millis;
    readonly cache: ByteCount;
    readonly peers: ByteCount;
    readonly origin: ByteCount;
  };
  /** A link stands; `proximity` is the tracker's word for how near its other end is. */
  "peer-joined": { readonly peer: string; readonly proximity: Proximity };
  /** `remote`: it said goodbye or went away. `local`: this side had a better use for the link, or left. */
  "peer-left": {
    readonly peer: string;
    readonly reason: "remote" | "failed" | "local" | "violation";
  };
  /** A peer broke the protocol; its link is closed, and it is not spoken to again. */
  violation: { readonly peer: string; readonly kind: Violation };
  /** `unreachable`: the last attempt failed, and there will be others. `off`: none is named, or none is wanted now. */
  "tracker-changed": { readonly tracker: "connected" | "connecting" | "unreachable" | "off" };
  /** Shoal goes on with less; `message` says what and why. */
  degraded: { readonly code: ErrorCode | DegradedCode; readonly message: string };
}
/** Reasons to go on with less that are no errors. */
export type DegradedCode =
  | "worker/insecure"
  | "worker/unsupported"
  | "worker/missing"
  | "worker/type"
  | "worker/scope"
  | "worker/occupied"
  | "worker/failed"
  | "storage/memory-only"
  | "storage/full"
  | "webrtc/missing"
  | "crypto/missing"
  | "tracker/refused";

/** What can be listened to. */
export type ClientEventType = keyof ClientEvents;

/** Listeners by type. A listener that throws hurts nobody else. */
export class Listeners {
  readonly #listeners = new Map<ClientEventType, Set<(event: never) => void>>();

  on<T extends ClientEventType>(type: T, listener: (event: ClientEvents[T]) => void): Cancel {
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  emit<T extends ClientEventType>(type: T, event: ClientEvents[T]): void {
    for (const listener of this.#listeners.get(type) ?? []) {
      try {
        (listener as (event: ClientEvents[T]) => void)(event);
      } catch {
        // The page's mistake stays the page's: transfers go on.
      }
    }
  }
}
