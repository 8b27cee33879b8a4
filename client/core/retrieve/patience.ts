// How long other peers are waited for before the origin is asked: until they have said what they hold, and until they
// have brought what they said they are reading.

import type { Millis } from "../vocabulary.ts";
import type { LinkView, WantView } from "./view.ts";

/** How long an answer to "what do you hold?" is awaited before its sender counts as holding nothing. */
const ASK_PATIENCE: Millis = 100;
/** For a small asset at most this: a neighbour's answer takes a round trip of some 20 to 40 ms. */
const NEAR_PATIENCE: Millis = 60;
/** A chunk another peer said it is reading is left to it this long. */
const PENDING_PATIENCE: Millis = 3000;
const ASSET_PENDING_PATIENCE: Millis = 300;

export function askPatience({ rttMs }: LinkView): Millis {
  return Math.max(ASK_PATIENCE, 2 * (rttMs ?? 0));
}

/** The same where the page waits for something small, and the origin would have it within a moment. */
export function nearPatience({ rttMs }: LinkView): Millis {
  return Math.min(NEAR_PATIENCE, 1.5 * (rttMs ?? NEAR_PATIENCE));
}

/** Until when a chunk that a peer said it is reading is left to it; in the past when it said no such thing. */
export function readingUntil(link: LinkView, want: WantView, index: number): Millis {
  const patience = want.kind === "asset" ? ASSET_PENDING_PATIENCE : PENDING_PATIENCE;
  const since = link.pendingSince(want.content.id, index);
  return since === undefined ? 0 : since + patience;
}
