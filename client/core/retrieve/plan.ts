// What to do now: a pure function of what is wanted, who is linked and how the origin does. Touches nothing, waits
// for nothing; whoever performs its actions calls it again after every event and at `wakeAt`.
//
// 1. Peers before the origin; never two sources for one chunk, but for the hedge of a small asset and the end-game. I3
// 2. Bulk takes the rarest first, what the page waits for before everything; streams and small assets go in order.
// 3. A chunk nobody holds is read from the origin by whom the ranking names; the others step in by rank.
// 4. While links are still being made, the origin is read only a little, and at different places.
// 5. A silent peer loses its work within about a second; slow peers are helped by the origin.

import { chunkLengthAt } from "../../../tracker/protocol/manifest.ts";
import type { ByteCount, Millis } from "../vocabulary.ts";
import { GROUP_CHUNKS, rank, startOf } from "./election.ts";
import type { Action, LinkView, Plan, PlanView, WantView } from "./view.ts";

/** How much work a peer has in hand: enough to keep it busy for this long at its measured rate. */
const PIPELINE: Millis = 600;
/** What an unproven peer is taken to give, in bytes per second: a modest home uplink. */
const UNPROVEN_RATE = 1_000_000;
const UNPROVEN_REQUESTS = 3;
/** Chunks before the reading position that go before the rarest. */
const URGENT_CHUNKS = 2;
/** How long an answer to "what do you hold?" is awaited before its sender counts as holding nothing. */
const ASK_PATIENCE: Millis = 100;
/** Per rank, before one steps in for the elected reader: for bulk, and for an asset the page waits for. */
const STEP: Millis = 300;
const ASSET_STEP: Millis = 100;
/** A chunk another peer said it is reading is left to it this long. */
const PENDING_PATIENCE: Millis = 3000;
const ASSET_PENDING_PATIENCE: Millis = 300;
/** A hedge for a small asset starts between these, by what its source is expected to take. */
const LEAST_HEDGE: Millis = 60;
const MOST_HEDGE: Millis = 300;
/** Peers that together give this (20 Mbit/s) are good enough; below, and below half the origin, it helps. */
const GOOD_RATE = 2_500_000;
/** In a crowd the origin's rate is not ours alone: only peers that give less than this (2 Mbit/s) are helped. */
const CROWD_RATE = 250_000;
/** Before that, peers have had no time to show what they give. */
const PROVING_TIME: Millis = 1500;
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

export function plan(view: PlanView): Plan {
  const draft = new Draft(view);
  for (const link of view.links) {
    if (!link.ready) continue;
    if (draft.isSilent(link)) draft.actions.push({ do: "rest", peer: link.id });
    else if (link.openRequests > 0) {
      draft.wake(view.now - link.silentFor(view.now) + link.patience + view.late);
    }
  }
  for (const want of view.wants) planWant(draft, want);
  return { actions: draft.actions, wakeAt: draft.wakeAt };
}

/** The plan so far: what it would do to the free slots of every source. */
class Draft {
  readonly view: PlanView;
  readonly actions: Action[] = [];
  wakeAt: Millis | "never" = "never";
  freeReads: number;
  readonly #added = new Map<LinkView, { requests: number; bytes: ByteCount }>();

  constructor(view: PlanView) {
    this.view = view;
    this.freeReads = view.origin.freeReads;
  }

  wake(at: Millis): void {
    if (at > this.view.now && (this.wakeAt === "never" || at < this.wakeAt)) this.wakeAt = at;
  }

  /** After a standstill of our own, what came meanwhile is still in line: it is not their silence. */
  isSilent(link: LinkView): boolean {
    return link.silentFor(this.view.now) >= link.patience + this.view.late;
  }

  usable(link: LinkView): boolean {
    if (this.isSilent(link)) return false;
    if (link.restUntil > this.view.now) this.wake(link.restUntil);
    return link.restUntil <= this.view.now;
  }

  hasRoom(link: LinkView, chunkBytes: ByteCount): boolean {
    const rate = link.throughput.bytesPerSecond;
    const window =
      rate === null ? UNPROVEN_REQUESTS : Math.ceil((rate * PIPELINE) / 1000 / chunkBytes) + 1;
    const open = link.openRequests + (this.#added.get(link)?.requests ?? 0);
    return open < Math.min(window, link.requestLimit);
  }

  /** When this link would have delivered so many more bytes, from now. */
  eta(link: LinkView, bytes: ByteCount): Millis {
    const owed = link.owed + (this.#added.get(link)?.bytes ?? 0);
    const rate = Math.max(1, link.throughput.bytesPerSecond ?? UNPROVEN_RATE);
    return ((owed + bytes) * 1000) / rate + (link.rttMs ?? 0);
  }

  request(link: LinkView, want: WantView, index: number): void {
    const added = this.#added.get(link) ?? { requests: 0, bytes: 0 };
    added.requests++;
    added.bytes += chunkLengthAt(want.content.asset, index);
    this.#added.set(link, added);
    this.actions.push({ do: "request", peer: link.id, content: want.content.id, index });
  }

  read(want: WantView, first: number, last: number): void {
    this.freeReads--;
    this.actions.push({ do: "read", content: want.content.id, first, last });
  }
}

interface Sources {
  /** Links that serve and have said what they hold and read, even if they rest just now. */
  readonly known: readonly LinkView[];
  /** Those of them that may be asked. */
  readonly usable: readonly LinkView[];
  /** They want it too and would serve it: the electorate. */
  readonly rivals: readonly LinkView[];
  /** More may come: links being made, or answers under way. */
  readonly expecting: boolean;
}

function planWant(draft: Draft, want: WantView): void {
  const sources = sourcesOf(draft, want);
  tendRuns(draft, want, sources);
  const missing: number[] = [];
  for (let index = want.position; index < want.until; index++) {
    if (!want.has(index) && want.flights(index).length === 0) missing.push(index);
  }
  const unheld = requestFromPeers(draft, want, sources, missing);
  readFromOrigin(draft, want, sources, unheld);
  if (want.kind === "asset") hedge(draft, want);
  else if (missing.length === 0) endGame(draft, want, sources);
}

function sourcesOf(draft: Draft, want: WantView): Sources {
  const { now, links } = draft.view;
  const { id } = want.content;
  const known: LinkView[] = [];
  const usable: LinkView[] = [];
  let expecting = now < want.expectUntil;
  if (expecting) draft.wake(want.expectUntil);
  for (const link of links) {
    // Whoever chokes takes and does not give: what it reads is no use to us.
    if (!link.ready || link.choking) continue;
    const since = link.awaitedSince(id);
    if (since === "answered") {
      known.push(link);
      if (draft.usable(link)) usable.push(link);
      continue;
    }
    if (!draft.usable(link)) continue;
    const until = since === "unasked" ? now : since + Math.max(ASK_PATIENCE, 2 * (link.rttMs ?? 0));
    if (now < until) {
      expecting = true;
      draft.wake(until);
    }
  }
  return { known, usable, rivals: known.filter((link) => link.wants(id)), expecting };
}

/** Cuts long reads when others can share the work, and gives up on an origin that says nothing. */
function tendRuns(draft: Draft, want: WantView, sources: Sources): void {
  const { now } = draft.view;
  const content = want.content.id;
  for (const run of want.runs) {
    if (now - run.progressAt >= ORIGIN_SILENCE) {
      draft.actions.push({ do: "abandon", content, at: run.at });
      continue;
    }
    draft.wake(run.progressAt + ORIGIN_SILENCE);
    // Begun while nobody was known to hold it. A near peer that does is as soon, and costs the publisher nothing.
    const isSpare = want.kind === "bulk" && want.peersSince === null && run.bytes === 0;
    if (isSpare && sources.usable.some((link) => link.has(content, run.at))) {
      draft.actions.push({ do: "trim", content, at: run.at, last: run.at - 1 });
      continue;
    }
    // Beyond the window: the page has stopped reading.
    if (run.last >= want.until) {
      const last = Math.max(run.at, want.until - 1);
      draft.actions.push({ do: "trim", content, at: run.at, last });
      continue;
    }
    const keep = run.at + KEPT_AHEAD;
    if (run.last <= keep || run.last - run.at < SHARED_RUN) continue;
    const shared =
      sources.rivals.length > 0 ||
      sources.usable.some((link) => link.has(content, keep + 1) || link.has(content, run.last));
    if (shared) draft.actions.push({ do: "trim", content, at: run.at, last: keep });
  }
}

/** Asks peers for what they hold; returns what none of them holds (or holds too slowly), in reading order. */
function requestFromPeers(
  draft: Draft,
  want: WantView,
  { usable, rivals }: Sources,
  missing: readonly number[],
): number[] {
  const { id, asset } = want.content;
  if (usable.length === 0) return [...missing];
  const unheld: number[] = [];
  const held: { readonly index: number; readonly holders: readonly LinkView[] }[] = [];
  for (const index of missing) {
    const holders = usable.filter((link) => link.has(id, index));
    if (holders.length === 0) unheld.push(index);
    else held.push({ index, holders });
  }
  if (want.kind === "bulk") {
    const urgent = want.position + URGENT_CHUNKS;
    const tie = (index: number): number => startDistance(draft, want, index);
    held.sort((one, other) => {
      const first = Number(other.index < urgent) - Number(one.index < urgent);
      if (first !== 0) return first;
      return one.holders.length - other.holders.length || tie(one.index) - tie(other.index);
    });
  }
  let left = 0;
  for (const { index, holders } of held) {
    const bytes = chunkLengthAt(asset, index);
    const free = holders.filter((link) => draft.hasRoom(link, asset.chunkBytes));
    const best = least(free, (link) => draft.eta(link, bytes));
    if (best === undefined) left++;
    else draft.request(best, want, index);
  }
  const holders = held.flatMap((one) => one.holders);
  if (left > 0 && peersAreTooSlow(draft, want, rivals, holders)) {
    const asked = new Set(
      draft.actions.map((one) => (one.do === "request" && one.content === id ? one.index : -1)),
    );
    for (const { index } of held) if (!asked.has(index)) unheld.push(index);
    unheld.sort((one, other) => one - other);
  }
  return unheld;
}

function peersAreTooSlow(
  draft: Draft,
  want: WantView,
  rivals: readonly LinkView[],
  holders: readonly LinkView[],
): boolean {
  const { now, origin } = draft.view;
  const provedAt = (want.peersSince ?? now) + PROVING_TIME;
  if (now < provedAt) {
    draft.wake(provedAt);
    return false;
  }
  let rate = 0;
  for (const link of new Set(holders)) rate += link.throughput.bytesPerSecond ?? 0;
  const good = want.crowded || rivals.length > 1 ? CROWD_RATE : GOOD_RATE;
  const enough = Math.min(good, (origin.bytesPerSecond ?? Number.POSITIVE_INFINITY) / 2);
  return rate < enough;
}

function readFromOrigin(
  draft: Draft,
  want: WantView,
  sources: Sources,
  unheld: readonly number[],
): void {
  const { now } = draft.view;
  if (unheld.length === 0) return;
  if (want.originRestUntil > now) return draft.wake(want.originRestUntil);
  const shared = sources.usable.length > 0 || sources.expecting || want.crowded;
  // A second read hides the first one's last round trip; earlier it would only halve what each of them gets.
  const isEnding = want.runs.every((run) => run.last - run.at < ENDING);
  const most = isEnding && (shared || want.runs.length > 0) ? MOST_READS : 1;
  let reads = most - want.runs.length;
  let headStart = sources.expecting ? want.headStart : Number.POSITIVE_INFINITY;
  const mine = unheld.filter((index) => isMine(draft, want, sources, index));
  const open = new Set(mine);
  for (const first of ordered(draft, want, mine, shared)) {
    if (reads <= 0 || draft.freeReads <= 0 || headStart <= 0) return;
    if (!open.has(first)) continue;
    const length = Math.min(headStart, longest(want, sources, first, shared));
    let last = first;
    while (open.has(last + 1) && last + 1 - first < length) last++;
    for (let index = first; index <= last; index++) open.delete(index);
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

/** Whether it is our turn to read a chunk that no linked peer holds. */
function isMine(draft: Draft, want: WantView, { known, rivals }: Sources, index: number): boolean {
  const { now, selfSeed } = draft.view;
  const { id } = want.content;
  const patience = want.kind === "asset" ? ASSET_PENDING_PATIENCE : PENDING_PATIENCE;
  for (const link of known) {
    const since = link.pendingSince(id, index);
    if (since === undefined || now >= since + patience) continue;
    draft.wake(since + patience);
    return false;
  }
  const others = rivals.filter((link) => !link.has(id, index)).map((link) => link.seed);
  const group = Math.floor(index / GROUP_CHUNKS);
  const place = rank(selfSeed, others, want.contentSeed, group);
  if (place === 0) return true;
  if (want.kind !== "asset" && want.runs.length > 0) return false;
  const stepAt =
    want.kind === "asset"
      ? want.startedAt + place * ASSET_STEP
      : want.originIdleSince + place * STEP;
  if (now >= stepAt) return true;
  draft.wake(stepAt);
  return false;
}

/** Alone, or for a stream: in order. A crowd after the same large file: what the page waits for, then each elsewhere. */
function ordered(
  draft: Draft,
  want: WantView,
  indices: readonly number[],
  shared: boolean,
): readonly number[] {
  if (want.kind !== "bulk" || !shared) return indices;
  return [...indices].sort(
    (one, other) =>
      Number(other === want.position) - Number(one === want.position) ||
      startDistance(draft, want, one) - startDistance(draft, want, other),
  );
}

/** How far after our own starting place a chunk lies, going round. */
function startDistance(draft: Draft, want: WantView, index: number): number {
  const { chunkCount } = want.content;
  const start = startOf(draft.view.selfSeed, want.contentSeed, chunkCount);
  return (index - start + chunkCount) % chunkCount;
}

/** The page waits for a small asset: a source that takes longer than expected gets the origin as a rival. */
function hedge(draft: Draft, want: WantView): void {
  const { now, links } = draft.view;
  if (want.originRestUntil > now) return;
  for (let index = want.position; index < want.until; index++) {
    const flights = want.flights(index);
    const flight = flights[0];
    if (flight === undefined || flight.from === "origin" || flights.length > 1) continue;
    const link = links.find(({ id }) => id === flight.from);
    const expected = link === undefined ? 0 : draft.eta(link, 0);
    const at = flight.since + Math.min(MOST_HEDGE, Math.max(LEAST_HEDGE, 2 * expected));
    if (now < at) draft.wake(at);
    else if (draft.freeReads > 0) draft.read(want, index, index);
  }
}

/** Everything left is under way: a chunk that a much quicker holder could bring sooner is asked of it as well. */
function endGame(draft: Draft, want: WantView, { usable }: Sources): void {
  const { id, asset } = want.content;
  for (let index = want.position; index < want.until; index++) {
    const flights = want.flights(index);
    const flight = flights[0];
    if (flight === undefined || flights.length > 1) continue;
    const bytes = chunkLengthAt(asset, index);
    const slow = usable.find((link) => link.id === flight.from);
    if (slow === undefined) continue;
    const quick = least(
      usable.filter(
        (link) => link !== slow && link.has(id, index) && draft.hasRoom(link, asset.chunkBytes),
      ),
      (link) => draft.eta(link, bytes),
    );
    if (quick !== undefined && draft.eta(quick, bytes) * 2 < draft.eta(slow, 0)) {
      draft.request(quick, want, index);
    }
  }
}

function least<T>(items: readonly T[], cost: (item: T) => number): T | undefined {
  let best: T | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const price = cost(item);
    if (price < lowest) {
      lowest = price;
      best = item;
    }
  }
  return best;
}
