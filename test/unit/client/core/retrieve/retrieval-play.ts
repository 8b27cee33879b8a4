// A retrieval with its books open: the real cache and hasher, an origin that the test speaks for, peers by name only.

import { ChunkCache } from "../../../../../client/core/cache/chunk-cache.ts";
import { contentOf } from "../../../../../client/core/catalogue/content.ts";
import type { ShoalError } from "../../../../../client/core/errors.ts";
import type { Reading } from "../../../../../client/core/retrieve/reading.ts";
import { Retrieval } from "../../../../../client/core/retrieve/retrieval.ts";
import type { Urgency } from "../../../../../client/core/vocabulary.ts";
import type { Bytes } from "../../../../../tracker/protocol/bytes.ts";
import type { PeerId } from "../../../../../tracker/protocol/ids.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { ScriptedOrigin } from "../scripted-origin.ts";
import { type Sample, Stage, sample, turns } from "../stage.ts";

export const CHUNK = 1024;
export const COUNT = 16;
export const ONE = "one" as PeerId;
export const OTHER = "other" as PeerId;
export const AWAY = { kind: "unreachable" } as const;
export const film: Sample = await sample({ size: COUNT * CHUNK });

export class Play {
  readonly stage = new Stage();
  readonly origin = new ScriptedOrigin();
  readonly cache: ChunkCache;
  readonly retrieval: Retrieval;
  /** Everything the retrieval told, but for `changed` and numbers. */
  readonly told: string[] = [];
  readonly errors: ShoalError[] = [];
  readonly rates: number[] = [];
  wasted = 0;
  originBytes = 0;
  changes = 0;
  expectUntil = 0;

  constructor(one: Sample = film) {
    const { clock } = this.stage;
    this.cache = new ChunkCache({
      clock,
      hasher: simHasher,
      chunks: this.stage.store(),
      index: this.stage.store(),
      gone: () => {},
      full: () => {},
    });
    this.retrieval = new Retrieval(one.content, {
      clock,
      hasher: simHasher,
      origin: this.origin,
      cache: this.cache,
      expectUntil: () => this.expectUntil,
      crowded: () => false,
      start: () => 0,
      listener: {
        changed: () => this.changes++,
        verified: (_r, index, source, bytes) =>
          this.told.push(`verified ${index} ${source} ${bytes}`),
        cached: (_r, index) => this.told.push(`cached ${index}`),
        read: () => this.told.push("read"),
        poisoned: (peer) => this.told.push(`poisoned ${peer}`),
        pending: (_r, indices) => this.told.push(`pending ${indices.join()}`),
        gaveUp: (_r, indices) => this.told.push(`gave up ${indices.join()}`),
        originBytes: (bytes) => {
          this.originBytes += bytes;
        },
        originRate: (rate) => this.rates.push(rate),
        wasted: (bytes) => {
          this.wasted += bytes;
        },
        superseded: (_r, index, peer) => this.told.push(`superseded ${index} ${peer}`),
        mismatch: (error) => this.errors.push(error),
        finished: () => this.told.push("finished"),
      },
    });
  }
  static async opened(one?: Sample): Promise<Play> {
    const play = new Play(one);
    await play.stage.wait(play.cache.open(1e9, (asset) => contentOf(asset, simHasher)));
    return play;
  }
  /** A page that reads all of it, or these bytes. */
  reading(first = 0, last = film.body.length - 1, urgency: Urgency = "now"): Reading {
    return this.retrieval.read({ first, last }, urgency);
  }
  flying(index: number): string {
    return this.retrieval
      .flights(index)
      .map(({ from }) => from)
      .join();
  }
  async arrives(peer: PeerId, index: number, bytes: Bytes = film.chunk(index)): Promise<void> {
    this.retrieval.received(peer, index, bytes);
    await turns();
  }
  /** The open read brings so many bytes, as they are or spoiled. */
  async brings(from: number, to: number, spoil = false): Promise<void> {
    const bytes = film.body.slice(from, to);
    if (spoil) bytes.fill(7);
    this.origin.only.bytes(bytes);
    await turns();
  }
}
