// Who could give some of a wanted content: the links that serve, and whether what they give is enough.

import type { Millis } from "../vocabulary.ts";
import type { Draft } from "./draft.ts";
import type { LinkView, WantView } from "./view.ts";

/** How long an answer to "what do you hold?" is awaited before its sender counts as holding nothing. */
const ASK_PATIENCE: Millis = 100;
/** The same while the page does not miss it yet: a page busy with film needs so long to answer. */
const EARLY_ASK_PATIENCE: Millis = 500;
/** Peers that together give this (20 Mbit/s) are good enough, even if the origin would give more. */
const GOOD_RATE = 2_500_000;
/** In a crowd the origin's rate is not ours alone: only peers that give less than this (2 Mbit/s) are helped. */
const CROWD_RATE = 250_000;
/** Before that, peers have had no time to show what they give. */
const PROVING_TIME: Millis = 1500;

/** Silences in a row that are put down to a busy machine; a peer that only pretends to give gets no more credit. */
const MOST_FALTERS = 2;

export interface Sources {
  /** Links that serve and have said what they hold and read, even if they rest just now. */
  readonly known: readonly LinkView[];
  /** Those of them that may be asked, now or as soon as they are less busy. */
  readonly standing: readonly LinkView[];
  /** Silent, or resting after it, no more often than a busy visitor is: they will be back. */
  readonly faltering: readonly LinkView[];
  /** Those that may be asked now. */
  readonly usable: readonly LinkView[];
  /** They want it too and would serve it: the electorate. */
  readonly rivals: readonly LinkView[];
  /** More may come: links being made, or answers under way. */
  readonly expecting: boolean;
  /** Until when an answer under way is worth waiting for, even where the page waits. */
  readonly answersBy: Millis;
}

export function sourcesOf(draft: Draft, want: WantView): Sources {
  const { links } = draft.view;
  const { id } = want.content;
  const known: LinkView[] = [];
  const standing: LinkView[] = [];
  const faltering: LinkView[] = [];
  const usable: LinkView[] = [];
  let answersBy = Number.NEGATIVE_INFINITY;
  let expecting = !draft.isPast(want.expectUntil);
  const patience = draft.isPast(want.dueAt) ? ASK_PATIENCE : EARLY_ASK_PATIENCE;
  for (const link of links) {
    // Whoever chokes takes and does not give: what it reads is no use to us.
    if (!link.ready || link.choking) continue;
    const since = link.awaitedSince(id);
    const isUsable = draft.usable(link);
    if (since === "answered") {
      known.push(link);
      if (isUsable) usable.push(link);
      if (isUsable || (link.strikes === 0 && !draft.isSilent(link))) standing.push(link);
      else if (link.strikes <= MOST_FALTERS) faltering.push(link);
    } else if (isUsable && since !== "unasked") {
      const until = since + Math.max(patience, 2 * (link.rttMs ?? 0));
      if (!draft.isPast(until)) expecting = true;
      answersBy = Math.max(answersBy, link.answerBy(id));
    }
  }
  const rivals = known.filter((link) => link.wants(id));
  return { known, standing, faltering, usable, rivals, expecting, answersBy };
}

/** Whether the origin should help with what peers hold: they are slow, and the page minds. */
export function areTooSlow(draft: Draft, want: WantView, sources: Sources): boolean {
  const { now, origin } = draft.view;
  const holders = sources.standing.filter((link) => holdsAny(link, want));
  if (holders.length === 0 || !draft.isPast(want.dueAt)) return false;
  if (!draft.isPast((want.peersSince ?? now) + PROVING_TIME)) return false;
  // Who is busy counts as long as anybody brings something.
  const isMoving = !draft.isPast(want.broughtAt + PROVING_TIME);
  let rate = 0;
  for (const link of isMoving ? holders : holders.filter((one) => sources.usable.includes(one))) {
    rate += link.throughput.bytesPerSecond ?? 0;
  }
  const isCrowd = want.crowded || sources.rivals.length > 1;
  const enough = isCrowd ? CROWD_RATE : GOOD_RATE;
  return rate < Math.min(enough, origin.bytesPerSecond ?? Number.POSITIVE_INFINITY);
}

function holdsAny(link: LinkView, want: WantView): boolean {
  for (let index = want.position; index < want.until; index++) {
    if (!want.has(index) && link.has(want.content.id, index)) return true;
  }
  return false;
}
