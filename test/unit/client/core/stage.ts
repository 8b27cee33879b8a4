// What the tests of the core stand on: virtual time, contents with true digests, and bytes that differ everywhere.
// Nothing here decides anything; ports are the simulator's.

import { contentOf } from "../../../../client/core/catalogue/content.ts";
import type { Content, Millis } from "../../../../client/core/vocabulary.ts";
import { type Bytes, base64url, concatenated } from "../../../../tracker/protocol/bytes.ts";
import { chunkCountOf, KEY_BYTES, SIGNATURE_BYTES } from "../../../../tracker/protocol/manifest.ts";
import { patterned } from "../../../contract/battery.ts";
import { SimClock, Timeline } from "../../../sim/clock.ts";
import { sha256, simHasher } from "../../../sim/hasher.ts";
import { SimStore, type SimStoreSettings } from "../../../sim/store.ts";

/** Events a test may need at most; more means that something runs in circles. */
const PATIENCE = 100_000;

/** A few rounds of the event loop, so that promises under way settle without any time passing. */
export async function turns(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Virtual time, and the ways tests move it. */
export class Stage {
  readonly timeline = new Timeline();
  readonly clock = new SimClock(this.timeline);

  get now(): Millis {
    return this.timeline.now;
  }

  /** Lets so much time pass, with all that happens in it. */
  async pass(time: Millis): Promise<void> {
    await turns();
    let passed = false;
    this.timeline.at(this.now + time, () => {
      passed = true;
    });
    while (!passed) await this.timeline.step();
    await turns();
  }

  /** Lets time pass until the promise has settled, and answers as it does. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    await turns();
    for (let events = 0; !settled; events++) {
      if (events > PATIENCE) throw new Error("events without end");
      if (!(await this.timeline.step())) {
        await turns();
        if (!settled) throw new Error("nothing more will happen, and the promise has not settled");
      }
    }
    return promise;
  }

  store(settings: Partial<SimStoreSettings> = {}): SimStore {
    return new SimStore({
      clock: this.clock,
      room: Number.POSITIVE_INFINITY,
      latency: 3,
      ...settings,
    });
  }
}

export interface Sample {
  readonly content: Content;
  readonly body: Bytes;
  /** A fresh copy of one chunk. */
  chunk(index: number): Bytes;
}

/** A content of so many bytes with its true digests; signed by nobody. */
export async function sample({
  size,
  chunkBytes = 1024,
  seed = 1,
  url = `https://site.example/files/${seed}.bin`,
}: {
  readonly size: number;
  readonly chunkBytes?: number;
  readonly seed?: number;
  readonly url?: string;
}): Promise<Sample> {
  const body = patterned(size, seed);
  const chunk = (index: number): Bytes => body.slice(index * chunkBytes, (index + 1) * chunkBytes);
  const digests: Bytes[] = [];
  for (let index = 0; index < chunkCountOf(size, chunkBytes); index++) {
    digests.push(sha256(chunk(index)));
  }
  const asset = {
    url,
    size,
    chunkBytes,
    digests: concatenated(digests),
    type: "application/octet-stream",
    epoch: 1,
    key: base64url(new Uint8Array(KEY_BYTES)),
    signature: new Uint8Array(SIGNATURE_BYTES),
  };
  return { content: await contentOf(asset, simHasher), body, chunk };
}
