// The part of the work that is the origin's: who of a crowd reads what nobody holds, how much at once, and when a read
// under way has become somebody else's.

import { knownChunksOf } from "../../../tracker/protocol/manifest.ts";
import { isGrowing } from "../catalogue/content.ts";
import type { Content, Millis } from "../vocabulary.ts";
import type { Draft } from "./draft.ts";
import { GROUP_CHUNKS, rank } from "./election.ts";
import { PENDING_AHEAD } from "./run.ts";
import { startDistance } from "./share.ts";
import { areTooSlow, type Sources } from "./sources.ts";
import type { PlanView, RunView, WantView } from "./view.ts";

/** Chunks read from the origin while links are still being made: at most a 32nd of the content, at least this. */
const LEAST_HEAD_START = 2;
const HEAD_START_SHARE = 32;
/** Per rank, before one steps in for the elected reader: for what is not missed yet, for bulk, for a small asset. */
const EARLY_STEP: Millis = 1000;
const STEP: Millis = 300;
const ASSET_STEP: Millis = 100;
/** A slow origin is no reason to wait for others longer than this. */
const MOST_PATIENCE: Millis = 5000;
/** A quick one is no reason to wait less: so long after a chunk from peers another is on its way, as a rule. */
const LEAST_PATIENCE: Millis = 500;
/** A chunk another peer said it is reading is left to it this long: a download, who plays as it comes, a small asset. */
const PENDING_PATIENCE: Millis = 3000;
const STREAM_PENDING_PATIENCE: Millis = 1000;
const ASSET_PENDING_PATIENCE: Millis = 300;
/** Chunks of one origin read while others could take a share of the work. */
const SHARED_RUN = 2 * GROUP_CHUNKS;
/** Origin reads at once for one content: the second hides the first one's round trip. */
const MOST_READS = 2;
/** A read with fewer chunks than this to go, beside the one under way, is about to end. */
const ENDING = 2;
/** Of a long read, so many chunks beyond the one under way are kept when peers turn up. */
const KEPT_AHEAD = 2;
/** The origin may take this long for a first byte, or between two; then it counts as unreachable. */
const ORIGIN_SILENCE: Millis = 10_000;

/** How many chunks of a content may be read while links are still being made. */
export function headStartOf(content: Content): number {
  // What cannot be verified yet is no use to anybody but the page, which begins with one chunk.
  if (isGrowing(content)) return 1;
  return Math.max(LEAST_HEAD_START, Math.floor(content.chunkCount / HEAD_START_SHARE));
}

/** Gives up on an origin that says nothing, and ends reads in front of what others hold, read, or can share. */
export function tendRuns(draft: Draft, want: WantView, sources: Sources): void {
  const { now } = draft.view;
  const content = want.content.id;
  for (const run of want.runs) {
    if (now - run.progressAt >= ORIGIN_SILENCE) {
      draft.actions.push({ do: "abandon", content, at: run.at });
      continue;
    }
    draft.wake(run.progressAt + ORIGIN_SILENCE);
    if (isSpare(want, sources, run)) {
      draft.trim(want, run.at, run.at - 1);
      continue;
    }
    // Beyond the window: the page has stopped reading.
    let last = Math.min(run.last, Math.max(run.at, want.until - 1));
    if (want.unranged) last = withoutOthers(draft, want, sources, { at: run.at, last });
    else {
      const shared =
        sources.rivals.length > 0 || sources.standing.some((link) => link.has(content, run.last));
      if (shared && last - run.at >= SHARED_RUN) last = run.at + KEPT_AHEAD;
      last = beforeOthers(draft, want, sources, { at: run.at, last });
    }
    if (last < run.last) draft.trim(want, run.at, last);
  }
}

/** Begun while nobody was known to hold it. A near peer that does is as soon, and costs the publisher nothing. */
function isSpare(want: WantView, { usable }: Sources, run: RunView): boolean {
  if (want.kind !== "bulk" || want.peersSince !== null || run.bytes > 0) return false;
  return usable.some((link) => link.has(want.content.id, run.at));
}

/** The last chunk of a read in front of one that a peer holds, or reads with a better claim to it than ours. */
function beforeOthers(
  draft: Draft,
  want: WantView,
  sources: Sources,
  { at, last }: Pick<RunView, "at" | "last">,
): number {
  const { id } = want.content;
  let helps: boolean | undefined;
  for (let index = at + 1; index <= last; index++) {
    if (sources.standing.some((link) => link.has(id, index))) {
      helps ??= areTooSlow(draft, want, sources);
      if (!helps) return index - 1;
    }
    const readers = sources.rivals.filter((link) => isReading(draft, want, link, index));
    if (readers.length > 0 && place(draft, want, readers, index) > 0) return index - 1;
  }
  return last;
}

/** The same where only one read in order is worth it: up to the last chunk that nobody holds, or no further at all. */
function withoutOthers(
  draft: Draft,
  want: WantView,
  sources: Sources,
  { at, last }: Pick<RunView, "at" | "last">,
): number {
  if (isStreamedByOther(draft, want, sources)) return at;
  const { id } = want.content;
  if (areTooSlow(draft, want, sources)) return last;
  let end = last;
  while (end > at && sources.standing.some((link) => link.has(id, end))) end--;
  return end;
}

/**
 * Somebody else reads the one stream that is worth reading: whoever is furthest has least to read again. What is known of others
 * is older than what we know of ourselves, so that two never leave it to each other.
 */
function isStreamedByOther(draft: Draft, want: WantView, { rivals }: Sources): boolean {
  if (!want.unranged) return false;
  const own = Math.max(
    -1,
    ...want.runs.map(({ at, last }) => Math.min(last, at + PENDING_AHEAD - 1)),
  );
  for (let index = want.until - 1; index >= Math.max(own, want.position); index--) {
    const readers = rivals.filter((link) => isReading(draft, want, link, index));
    if (readers.length > 0) return index > own || place(draft, want, readers, index) > 0;
  }
  return false;
}

type Link = Sources["known"][number];

function isReading(draft: Draft, want: WantView, link: Link, index: number): boolean {
  const { id, asset, growth } = want.content;
  const since = link.pendingSince(id, index);
  if (since === undefined) return false;
  // Nobody can have a chunk verified before the signer has read it, so nobody gains by reading it again, but the page.
  const isUnread = isGrowing(want.content) && index >= knownChunksOf(asset);
  if (isUnread && index !== want.position) return true;
  return !draft.isPast(Math.max(since, growth?.at ?? since) + pendingPatience(draft, want));
}

function pendingPatience({ view }: Draft, { kind, dueAt }: WantView): Millis {
  const isMissed = dueAt !== "never" && view.now >= dueAt;
  if (kind === "bulk" || !isMissed) return PENDING_PATIENCE;
  return kind === "asset" ? ASSET_PENDING_PATIENCE : STREAM_PENDING_PATIENCE;
}

/** How many of these stand before us in the ranking for a chunk. */
function place(
  { view }: Draft,
  { contentSeed, unranged }: WantView,
  links: readonly Link[],
  index: number,
): number {
  const group = unranged ? 0 : Math.floor(index / GROUP_CHUNKS);
  const seeds = links.map((link) => link.seed);
  return rank(view.selfSeed, seeds, contentSeed, group);
}

/** Reads what is ours of `open`: nobody holds it, or its holders need help. */
export function readFromOrigin(
  draft: Draft,
  want: WantView,
  sources: Sources,
  open: readonly number[],
): void {
  if (open.length === 0 || !draft.isPast(want.originRestUntil)) return;
  if (isStreamedByOther(draft, want, sources)) return;
  // What is not missed yet can wait for links.
  if (sources.expecting && !draft.isPast(want.dueAt)) return;
  // What neighbours can say at once is heard first: in a crowd it is nearly always that they hold it.
  if (!draft.isPast(sources.answersBy)) return;
  const shared = sources.usable.length > 0 || sources.expecting || want.crowded;
  // A second read hides the first one's last round trip; earlier it would only halve what each of them gets.
  const isEnding = want.runs.every((run) => run.last - run.at < ENDING);
  const most = isEnding && (shared || want.runs.length > 0) ? MOST_READS : 1;
  let reads = most - want.runs.length;
  let headStart = sources.expecting ? want.headStart : Number.POSITIVE_INFINITY;
  const patient = isPatient(draft, want, sources);
  const mine = open.filter((index) =>
    isMine(draft, want, sources, { index, canWait: patient && index !== want.position }),
  );
  const left = new Set(mine);
  for (const first of ordered(want, mine, shared)) {
    if (reads <= 0 || draft.freeReads <= 0 || headStart <= 0) return;
    if (!left.has(first)) continue;
    const length = Math.min(headStart, longest(want, sources, first, shared));
    let last = first;
    while (left.has(last + 1) && last + 1 - first < length) last++;
    for (let index = first; index <= last; index++) left.delete(index);
    draft.read(want, first, last);
    headStart -= last - first + 1;
    reads--;
  }
}

/** Chunks of one read from here. Strangers of a crowd all begin with the first chunk: only that is read by each. */
function longest(want: WantView, { usable }: Sources, first: number, shared: boolean): number {
  if (!shared) return Number.POSITIVE_INFINITY;
  return want.kind === "bulk" && usable.length === 0 && first === want.position ? 1 : SHARED_RUN;
}

/** Whether it is our turn to read a chunk; `canWait`: somebody else may be about to bring it. */
function isMine(
  draft: Draft,
  want: WantView,
  sources: Sources,
  { index, canWait }: { readonly index: number; readonly canWait: boolean },
): boolean {
  const { known, faltering, rivals } = sources;
  const { id } = want.content;
  if (known.some((link) => isReading(draft, want, link, index))) return false;
  if (canWait && faltering.some((link) => link.has(id, index))) return false;
  const others = rivals.filter((link) => !link.has(id, index));
  const before = place(draft, want, others, index);
  if (before === 0) return true;
  if (want.kind !== "asset" && want.runs.length > 0) return false;
  return draft.isPast(turnOf(draft, want, before)) && !canWait;
}

/**
 * In a crowd after a large file there is something else to do while peers bring any of it. Others' shares are left to them:
 * whoever is not linked to us, or whose word is still on its way, holds as a rule what seems to be read by nobody.
 */
function isPatient(draft: Draft, want: WantView, sources: Sources): boolean {
  if (want.kind !== "bulk" || sources.rivals.length < 2 || want.peersSince === null) return false;
  const patience = Math.max(LEAST_PATIENCE, patienceWithReaders(draft.view.origin, want));
  return !draft.isPast(want.broughtAt + patience) && !areTooSlow(draft, want, sources);
}

/** When it is our turn, behind so many others. */
function turnOf({ view }: Draft, want: WantView, before: number): Millis {
  const { kind, startedAt, dueAt } = want;
  // Chunks that only now are near enough to what can be verified: nobody has had time for them before.
  const originIdleSince = Math.max(want.originIdleSince, want.content.growth?.at ?? 0);
  const turn =
    kind === "asset"
      ? startedAt + before * ASSET_STEP
      : originIdleSince + Math.max(before * STEP, patienceWithReaders(view.origin, want));
  if (dueAt !== "never" && view.now >= dueAt) return turn;
  const early = Math.max(originIdleSince, startedAt) + before * EARLY_STEP;
  return dueAt === "never" ? early : Math.min(early, Math.max(turn, dueAt));
}

/**
 * As slow as the origin is for us, it is for whom the ranking names: stepping in before he can have read his share
 * would not make it quicker, only read it twice.
 */
function patienceWithReaders(
  { bytesPerSecond }: PlanView["origin"],
  { content, kind }: WantView,
): Millis {
  if (kind !== "bulk" || bytesPerSecond === null) return 0;
  const share = GROUP_CHUNKS * content.asset.chunkBytes;
  return Math.min(MOST_PATIENCE, (2 * share * 1000) / bytesPerSecond);
}

/** Alone, or for a stream: in order. A crowd after the same large file: what the page waits for, then each elsewhere. */
function ordered(want: WantView, indices: readonly number[], shared: boolean): readonly number[] {
  if (want.kind !== "bulk" || !shared || want.unranged) return indices;
  return [...indices].sort(
    (one, other) =>
      Number(other === want.position) - Number(one === want.position) ||
      startDistance(want, one) - startDistance(want, other),
  );
}
