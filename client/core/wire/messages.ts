// What two peers say to each other, and the bounds of it. One link carries control messages, which are numbered so
// that they are read in order although the channel is not, and data frames, which may come in any order. A peer sends
// no content that was not asked for.

import type { Bytes } from "../../../tracker/protocol/bytes.ts";

export const WIRE_VERSION = 1;

/**
 * Content bytes in one data frame. A chunk of 256 KiB goes in five nearly equal frames, each below the 64 KiB that
 * every browser takes in one message, so a control message never waits behind more than that.
 */
export const DATA_BYTES = 52 * 1024;
export const MAX_FRAME_BYTES = 64 * 1024;
/** Requests a peer may have open at another: 32 chunks of 256 KiB are half a second at 16 MiB/s. */
export const MAX_REQUESTS = 32;
/** Contents a peer may ask about at once on one link; a page with more waits or drops old ones. */
export const MAX_ASKED = 256;
export const MAX_DELTA = 1024;
/** Control messages that may wait for an earlier one; far more than SCTP ever has under way. */
export const MAX_WAITING = 256;

/** Names one asked content on one link, chosen by the asker. */
export type Handle = number;

export type DeltaKind = "have" | "pending" | "gone";
export type RejectReason = "missing" | "busy" | "choked";
export type ByeReason = "closing" | "full" | "useless";

export type ControlMessage =
  /** First on every link. `peer` is the sender's id, to be the one that the tracker introduced. */
  | {
      readonly type: "hello";
      readonly version: number;
      readonly peer: Bytes;
      readonly requests: number;
    }
  /** The sender wants this content: tell it what you hold, and go on telling. */
  | { readonly type: "ask"; readonly handle: Handle; readonly content: Bytes }
  | { readonly type: "drop"; readonly handle: Handle }
  /** What the sender holds of an asked content. `count` 0: it knows nothing of it (yet). */
  | {
      readonly type: "availability";
      readonly handle: Handle;
      readonly count: number;
      readonly bits: Bytes;
    }
  /** `pending`: being read from the origin now. `gone`: evicted, or the reading failed. */
  | {
      readonly type: "delta";
      readonly handle: Handle;
      readonly kind: DeltaKind;
      readonly indices: readonly number[];
    }
  | {
      readonly type: "request";
      readonly request: number;
      readonly handle: Handle;
      readonly index: number;
    }
  | { readonly type: "reject"; readonly request: number; readonly reason: RejectReason }
  | { readonly type: "cancel"; readonly request: number }
  /** The sender serves nobody for now (or again): do not ask it, do not elect it. */
  | { readonly type: "choke"; readonly on: boolean }
  | { readonly type: "ping"; readonly nonce: number }
  | { readonly type: "pong"; readonly nonce: number }
  | { readonly type: "bye"; readonly reason: ByeReason }
  /** What do you know of the URL with this SHA-256? From `offset` of the statement's text on. */
  | {
      readonly type: "describe";
      readonly request: number;
      readonly offset: number;
      readonly url: Bytes;
    }
  /** So much of the statement as fits. `total` 0: it knows nothing of the URL, or gives nothing now. */
  | {
      readonly type: "description";
      readonly request: number;
      readonly total: number;
      readonly bytes: Bytes;
    };

export interface DataFrame {
  readonly type: "data";
  readonly request: number;
  /** Which frame of the chunk: it begins at `part * DATA_BYTES`. */
  readonly part: number;
  /** A view over the received frame. */
  readonly bytes: Bytes;
}

export type Frame =
  | { readonly type: "control"; readonly sequence: number; readonly message: ControlMessage }
  | DataFrame;
