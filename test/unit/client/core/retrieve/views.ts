// Views for the plan, made of plain values: whoever is linked, whatever is wanted, at a moment the test names. What a
// test does not say is ordinary: an honest, unproven link; a large file of which nothing is here; an origin that works.

import { score } from "../../../../../client/core/retrieve/election.ts";
import type {
  Action,
  Flight,
  LinkView,
  PlanView,
  RunView,
  WantView,
} from "../../../../../client/core/retrieve/view.ts";
import type {
  ByteCount,
  Content,
  ContentId,
  Millis,
} from "../../../../../client/core/vocabulary.ts";
import type { PeerId } from "../../../../../tracker/protocol/ids.ts";

export const NOW: Millis = 100_000;
export const CHUNK: ByteCount = 256 * 1024;
export const FILM = "film" as ContentId;
/** The place of the election that tests with given ranks use. */
const CONTENT_SEED = 77;

export function contentOf(chunkCount: number, id = FILM, chunkBytes = CHUNK): Content {
  return {
    id,
    idBytes: new Uint8Array(32),
    chunkCount,
    swarm: "swarm" as Content["swarm"],
    asset: {
      url: `https://site.example/${id}`,
      size: chunkCount * chunkBytes,
      chunkBytes,
      digests: new Uint8Array(0),
      type: "video/mp4",
      epoch: 1,
      key: "",
      signature: new Uint8Array(0),
    },
  };
}

export const upTo = (count: number): number[] => [...Array(count).keys()];

export interface LinkFacts {
  readonly id?: string;
  readonly seed?: number;
  readonly ready?: boolean;
  readonly choking?: boolean;
  readonly restUntil?: Millis;
  readonly strikes?: number;
  readonly openRequests?: number;
  readonly requestLimit?: number;
  readonly owed?: ByteCount;
  readonly rttMs?: Millis | null;
  readonly rate?: number | null;
  /** Bytes a second that came from it lately; as much as it could give, if its rate is known. */
  readonly lately?: number;
  readonly silent?: Millis;
  readonly patience?: Millis;
  readonly awaitedSince?: Millis | "answered" | "unasked";
  readonly answerBy?: Millis;
  readonly holds?: readonly number[] | "all";
  readonly pending?: Readonly<Record<number, Millis>>;
  readonly wants?: boolean;
}
export function link({
  id = "peer",
  seed = 1,
  ready = true,
  choking = false,
  restUntil = 0,
  strikes = 0,
  openRequests = 0,
  requestLimit = 32,
  owed = openRequests * CHUNK,
  rttMs = null,
  rate = null,
  lately = rate ?? 0,
  silent = 0,
  patience = 1000,
  awaitedSince = "answered",
  answerBy = Number.NEGATIVE_INFINITY,
  holds = [],
  pending = {},
  wants = false,
}: LinkFacts = {}): LinkView {
  const held = new Set(holds === "all" ? [] : holds);
  return {
    id: id as PeerId,
    seed,
    ready,
    choking,
    restUntil,
    strikes,
    openRequests,
    requestLimit,
    owed,
    rttMs,
    throughput: { bytesPerSecond: rate, lately: () => lately },
    silentFor: () => silent,
    patience,
    awaitedSince: () => awaitedSince,
    answerBy: () => answerBy,
    // As a real link answers: nothing before the answer.
    has: (_content, index) => awaitedSince === "answered" && (holds === "all" || held.has(index)),
    pendingSince: (_content, index) => pending[index],
    wants: () => wants,
  };
}

export interface WantFacts
  extends Partial<Omit<WantView, "content" | "has" | "flights" | "position" | "until">> {
  readonly content?: Content;
  readonly chunks?: number;
  readonly position?: number;
  readonly until?: number;
  readonly held?: readonly number[];
  readonly flying?: Readonly<Record<number, readonly Flight[]>>;
}
export function want({
  chunks = 8,
  content = contentOf(chunks),
  kind = "bulk",
  position = 0,
  until = content.chunkCount,
  held = [],
  flying = {},
  ...facts
}: WantFacts = {}): WantView {
  const has = new Set(held);
  return {
    content,
    contentSeed: CONTENT_SEED,
    kind,
    position,
    until,
    startedAt: NOW,
    dueAt: NOW,
    peersSince: null,
    broughtAt: NOW,
    expectUntil: 0,
    headStart: 2,
    crowded: false,
    unranged: false,
    start: 0,
    runs: [],
    originIdleSince: NOW,
    originRestUntil: 0,
    ...facts,
    has: (index) => has.has(index),
    flights: (index) => flying[index] ?? [],
  };
}

/** A read at the origin, as quick as anything a peer could do unless the test says otherwise. */
export const run = (at: number, last = at, progressAt = NOW, remaining: Millis = 0): RunView => ({
  at,
  last,
  progressAt,
  bytes: 1,
  remaining: () => remaining,
});

export function view(
  wants: readonly WantView[],
  links: readonly LinkView[] = [],
  facts: Partial<PlanView> = {},
): PlanView {
  const origin = { freeReads: 12, bytesPerSecond: null };
  return { now: NOW, late: 0, selfSeed: 1, wants, links, origin, ...facts };
}

/** Seeds in the order in which the election for this group of chunks ranks them. */
export function ranked(count: number, group = 0): number[] {
  const seeds = upTo(count).map((n) => n + 1000);
  const place = (seed: number): number => score(seed, CONTENT_SEED, group);
  return seeds.sort((one, other) => place(one) - place(other));
}

export const requests = (actions: readonly Action[]): string[] =>
  actions.flatMap((one) => (one.do === "request" ? [`${one.peer}:${one.index}`] : []));
export const reads = (actions: readonly Action[]): string[] =>
  actions.flatMap((one) => (one.do === "read" ? [`${one.first}-${one.last}`] : []));
