// What the plan is made from and what it says: the view of links, wants and origin that it looks at, and its actions.

import type { PeerId } from "../../../tracker/protocol/ids.ts";
import type { ByteCount, Content, ContentId, Millis } from "../vocabulary.ts";

export interface LinkView {
  readonly id: PeerId;
  readonly seed: number;
  readonly ready: boolean;
  readonly choking: boolean;
  /** Not asked before then: it was silent, or said that it is busy. */
  readonly restUntil: Millis;
  /** How often in a row it was silent. Nobody rests without one but who is busy. */
  readonly strikes: number;
  readonly openRequests: number;
  readonly requestLimit: number;
  readonly owed: ByteCount;
  readonly rttMs: Millis | null;
  readonly throughput: {
    /** What it gives while it has work. */
    readonly bytesPerSecond: number | null;
    /** Bytes a second that came from it during the last moments. */
    lately(now: Millis): number;
  };
  silentFor(now: Millis): Millis;
  /** So long it may be silent while it owes something. */
  readonly patience: Millis;
  awaitedSince(content: ContentId): Millis | "answered" | "unasked";
  /** Until when its answer is worth waiting for where the page waits as well; long past when it is not. */
  answerBy(content: ContentId): Millis;
  has(content: ContentId, index: number): boolean;
  pendingSince(content: ContentId, index: number): Millis | undefined;
  wants(content: ContentId): boolean;
}

export interface Flight {
  readonly from: PeerId | "origin";
  readonly since: Millis;
}

/** One open read of neighbouring chunks at the origin. `at`: the chunk under way; `last` may be cut. */
export interface RunView {
  readonly at: number;
  readonly last: number;
  readonly progressAt: Millis;
  /** What it has brought so far. */
  readonly bytes: ByteCount;
  /** How long the rest of the chunk under way will take, as this read has been going. */
  remaining(now: Millis): Millis;
}

export type WantKind = "bulk" | "stream" | "asset";

export interface WantView {
  readonly content: Content;
  readonly contentSeed: number;
  readonly kind: WantKind;
  /** Chunks [position, until) are wanted; `position` is what the page waits for. */
  readonly position: number;
  readonly until: number;
  readonly startedAt: Millis;
  /** When the page will miss it; before that, others are given more time. */
  readonly dueAt: Millis | "never";
  /** When a peer was first asked for some of it. */
  readonly peersSince: Millis | null;
  /** When a peer last brought some of it. */
  readonly broughtAt: Millis;
  /** Links are on their way until then; the origin is read only for `headStart` more chunks. */
  readonly expectUntil: Millis;
  readonly headStart: number;
  /** Others are after the same, linked or not: what each reads first is worth swapping. */
  readonly crowded: boolean;
  /** Where a bulk reader begins, unlike others, so that what each reads first is worth swapping. */
  readonly start: number;
  readonly runs: readonly RunView[];
  /** The origin sends all of it whatever part is asked for: one read in order, by one of us, is the cheapest. */
  readonly unranged: boolean;
  readonly originIdleSince: Millis;
  /** After a failure the origin is left alone until then. */
  readonly originRestUntil: Millis;
  /** Held, or being verified. */
  has(index: number): boolean;
  flights(index: number): readonly Flight[];
}

export interface PlanView {
  readonly now: Millis;
  /** By how much this look comes later than it was due: the page stood still. */
  readonly late: Millis;
  readonly selfSeed: number;
  /** Most urgent first. */
  readonly wants: readonly WantView[];
  readonly links: readonly LinkView[];
  readonly origin: { readonly freeReads: number; readonly bytesPerSecond: number | null };
}

export type Action =
  | {
      readonly do: "request";
      readonly peer: PeerId;
      readonly content: ContentId;
      readonly index: number;
    }
  /** Silent: everything asked of it is asked elsewhere. */
  | { readonly do: "rest"; readonly peer: PeerId }
  | {
      readonly do: "read";
      readonly content: ContentId;
      readonly first: number;
      readonly last: number;
    }
  /** Ends a read after `last`. */
  | { readonly do: "trim"; readonly content: ContentId; readonly at: number; readonly last: number }
  | { readonly do: "abandon"; readonly content: ContentId; readonly at: number };

export interface Plan {
  readonly actions: readonly Action[];
  readonly wakeAt: Millis | "never";
}
