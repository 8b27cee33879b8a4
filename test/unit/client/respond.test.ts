// A reading as a Response: what the page sees of it, when it stops wanting it, and where the rest comes from when site
// and manifest part in the middle.

import { describe, expect, test } from "vitest";
import { ChunkCache } from "../../../client/core/cache/chunk-cache.ts";
import { contentOf } from "../../../client/core/catalogue/content.ts";
import { ShoalError } from "../../../client/core/errors.ts";
import type { ChunkSource } from "../../../client/core/events.ts";
import { Reading } from "../../../client/core/retrieve/reading.ts";
import type { ByteRange, CachingFields } from "../../../client/core/vocabulary.ts";
import { respond, unsatisfiable } from "../../../client/respond.ts";
import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import { simHasher } from "../../sim/hasher.ts";
import { Stage, sample, turns } from "./core/stage.ts";

const CHUNK = 1024;
const SIZE = 4 * CHUNK;
const film = await sample({ size: SIZE });
const { url } = film.content.asset;
/** What the site has now: the manifest's first two chunks, then something else. */
const newer = film.body.map((byte, at) => (at < 2 * CHUNK ? byte : byte ^ 1));
const DIFFERS = new ShoalError("origin/mismatch", { url, chunk: 2 });

class Play {
  readonly stage = new Stage();
  readonly cache: ChunkCache;
  readonly sources = new Map<number, ChunkSource>();
  readonly reading: Reading;
  readonly abort = new AbortController();
  readonly #range: ByteRange | "whole";
  readonly #partials = new Map<number, Bytes>();
  readonly asked: (ByteRange | null)[] = [];
  /** How the network answers, if it is asked. */
  network: () => Response = () => Response.error();
  closed = false;

  constructor(range: ByteRange | "whole" = "whole") {
    const { clock } = this.stage;
    this.#range = range;
    this.cache = new ChunkCache({
      clock,
      hasher: simHasher,
      chunks: this.stage.store({ latency: 0 }),
      index: this.stage.store({ latency: 0 }),
      gone: () => {},
      full: () => {},
    });
    const bytes = range === "whole" ? { first: 0, last: SIZE - 1 } : range;
    this.reading = new Reading(film.content, bytes, "now", {
      clock,
      cache: this.cache,
      sourceOf: (index) => this.sources.get(index) ?? "cache",
      partial: (index) => this.#partials.get(index),
      waiting: () => {},
      cached: () => {},
      closed: () => {
        this.closed = true;
      },
    });
  }
  static async opened(range?: ByteRange | "whole"): Promise<Play> {
    const play = new Play(range);
    await play.stage.wait(play.cache.open(1e9, (asset) => contentOf(asset, simHasher)));
    return play;
  }
  verified(source: ChunkSource, ...indices: readonly number[]): this {
    for (const index of indices) {
      this.sources.set(index, source);
      this.#partials.delete(index);
      this.cache.add(film.content, index, film.chunk(index));
      this.reading.settle(index, film.chunk(index));
    }
    this.reading.notify();
    return this;
  }
  arrives(index: number, bytes: Bytes): void {
    this.#partials.set(index, bytes);
    this.reading.notify();
  }
  fields: CachingFields = {};
  respond(): Promise<Response> {
    return respond({
      asked: {
        url,
        range: null,
        cache: "default",
        urgency: "now",
        origins: [],
        signal: this.abort.signal,
      },
      content: film.content,
      range: this.#range,
      reading: this.reading,
      fields: () => this.fields,
      hasher: simHasher,
      network: async (range) => {
        this.asked.push(range);
        return this.network();
      },
    });
  }
}
const bytesOf = async (response: Response): Promise<Buffer> =>
  Buffer.from(await response.arrayBuffer());

describe("a response", () => {
  test("of everything is a 200 with the asset's type, length and bytes", async () => {
    const response = await (await Play.opened()).verified("peers", 0, 1, 2, 3).respond();
    expect([response.status, response.statusText, response.ok]).toEqual([200, "OK", true]);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "accept-ranges": "bytes",
      "content-length": `${SIZE}`,
      "content-type": "application/octet-stream",
    });
    expect(response.headers.has("content-range")).toBe(false);
    expect(response.url).toBe(url);
    expect((await bytesOf(response)).equals(film.body)).toBe(true);
  });
  test("of a range is a 206 with exactly these bytes", async () => {
    const play = await Play.opened({ first: 1000, last: 3000 });
    const response = await play.verified("peers", 0, 1, 2).respond();
    expect([response.status, response.statusText]).toEqual([206, "Partial Content"]);
    expect(response.headers.get("content-range")).toBe(`bytes 1000-3000/${SIZE}`);
    expect(response.headers.get("content-length")).toBe("2001");
    expect((await bytesOf(response)).equals(film.body.slice(1000, 3001))).toBe(true);
  });
  test("has bytes of its own: what the page does with them changes nothing that is kept", async () => {
    const play = await Play.opened();
    play.arrives(0, film.chunk(0).subarray(0, 100));
    const response = await play.respond();
    const reader = response.body?.getReader();
    (await reader?.read())?.value?.fill(0);
    play.verified("origin", 0, 1, 2, 3);
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
      part.value.fill(0);
    }
    for (let index = 0; index < 4; index++) {
      const kept = await play.stage.wait(play.cache.read(film.content.id, index));
      expect(kept).toEqual(film.chunk(index));
    }
  });
  test("keeps its URL in a clone, and both have every byte", async () => {
    const response = await (await Play.opened()).verified("peers", 0, 1, 2, 3).respond();
    const clone = response.clone();
    expect(clone.url).toBe(url);
    const [one, other] = await Promise.all([bytesOf(response), bytesOf(clone)]);
    expect([one.equals(film.body), other.equals(film.body)]).toEqual([true, true]);
  });
  test("comes with the first bytes, and takes no more than the page reads", async () => {
    const play = await Play.opened();
    let isThere = false;
    const coming = play.respond().then((response) => {
      isThere = true;
      return response;
    });
    await turns();
    expect(isThere).toBe(false);
    play.verified("peers", 0, 1, 2, 3);
    const response = await coming;
    await turns();
    expect(play.reading.chunk).toBe(1);
    const reader = response.body?.getReader();
    await reader?.read();
    await turns();
    expect(play.reading.chunk).toBeLessThanOrEqual(2);
    await reader?.cancel();
  });
  test("for bytes that are not there is a 416 that says how many there are", () => {
    const asked = {
      url,
      range: "bytes=9999-",
      cache: "default",
      urgency: "now",
      origins: [],
      signal: null,
    } as const;
    const response = unsatisfiable(asked, film.content);
    expect(response.status).toBe(416);
    expect(response.headers.get("content-range")).toBe(`bytes */${SIZE}`);
    expect(response.url).toBe(url);
  });
});

describe("Cache-Status (RFC 9211)", () => {
  test.each([
    ["all from the cache", ["cache", "cache", "cache", "cache"], "shoal; hit"],
    [
      "peers and origin",
      ["peers", "origin", "peers", "peers"],
      'shoal; fwd=miss; detail="peers=3072,origin=1024"',
    ],
    [
      "the origin alone",
      ["origin", "origin", "origin", "origin"],
      'shoal; fwd=miss; detail="peers=0,origin=4096"',
    ],
    [
      "some of it from the cache",
      ["cache", "origin", "peers", "cache"],
      'shoal; fwd=partial; detail="peers=1024,origin=1024"',
    ],
  ] as const)("says where %s came from, once the body is read", async (_what, sources, status) => {
    const play = await Play.opened();
    for (const [index, source] of sources.entries()) play.verified(source, index);
    const response = await play.respond();
    await response.arrayBuffer();
    expect(response.headers.get("cache-status")).toBe(status);
  });
});

describe("a page that wants no more", () => {
  test("by aborting before the first byte gets its own reason", async () => {
    const play = await Play.opened();
    const coming = play.respond();
    play.abort.abort("my reason");
    await expect(coming).rejects.toBe("my reason");
    expect(play.closed).toBe(true);
  });
  test("by having aborted already gets it too", async () => {
    const play = await Play.opened();
    play.abort.abort("my reason");
    await expect(play.respond()).rejects.toBe("my reason");
  });
  test("by aborting in the middle gets it from the body, and the reading is over", async () => {
    const play = await Play.opened();
    const response = await play.verified("peers", 0).respond();
    const body = response.arrayBuffer();
    await turns();
    play.abort.abort("my reason");
    await expect(body).rejects.toBe("my reason");
    expect(play.closed).toBe(true);
  });
  test("by cancelling the body ends the reading", async () => {
    const play = await Play.opened();
    const response = await play.verified("peers", 0).respond();
    await response.body?.cancel();
    expect(play.closed).toBe(true);
  });
});

describe("a failure", () => {
  test("before the first byte is the reading's own, so that the network can be asked", async () => {
    const play = await Play.opened();
    const coming = play.respond();
    play.reading.fail(new ShoalError("origin/unreachable", { url }));
    await expect(coming).rejects.toMatchObject({ code: "origin/unreachable" });
  });
  test("in the middle is what fetch would say, with the cause", async () => {
    const play = await Play.opened();
    const response = await play.verified("peers", 0).respond();
    const body = response.arrayBuffer();
    await turns();
    play.reading.fail(new ShoalError("origin/unreachable", { url }));
    await expect(body).rejects.toMatchObject({
      name: "TypeError",
      cause: { code: "origin/unreachable" },
    });
    expect(play.asked).toEqual([]);
  });
});

describe("when site and manifest part in the middle, the rest comes from the network", () => {
  /** The page has seen two verified chunks of the origin, and some bytes of the newer version. */
  async function parted(): Promise<readonly [Play, Promise<Buffer>]> {
    const play = await Play.opened();
    play.verified("origin", 0, 1);
    const body = play.respond().then(bytesOf);
    await turns();
    play.arrives(2, newer.slice(2 * CHUNK, 2 * CHUNK + 100));
    await turns();
    return [play, body];
  }
  test("if it is the version that the page has seen the beginning of", async () => {
    const [play, body] = await parted();
    play.network = () => new Response(newer);
    play.reading.fail(DIFFERS);
    expect((await body).equals(newer)).toBe(true);
    expect(play.asked).toEqual([null]);
  });
  test("but not if that is another version again", async () => {
    const [play, body] = await parted();
    play.network = () => new Response(newer.map((byte) => byte ^ 2));
    play.reading.fail(DIFFERS);
    await expect(body).rejects.toMatchObject({ cause: { code: "origin/mismatch" } });
  });
  test("nor if the network fails as well", async () => {
    const [play, body] = await parted();
    play.network = () => new Response(null, { status: 503 });
    play.reading.fail(DIFFERS);
    await expect(body).rejects.toMatchObject({ cause: { code: "origin/mismatch" } });
  });
  test("whoever the beginning came from, for it is compared", async () => {
    for (const [now, isSame] of [
      [newer, true],
      [film.body.map((byte) => byte ^ 2), false],
    ] as const) {
      const play = await Play.opened();
      play.verified("peers", 0);
      const body = play.respond().then(bytesOf);
      await turns();
      play.network = () => new Response(now);
      play.reading.fail(DIFFERS);
      if (isSame) expect((await body).equals(newer)).toBe(true);
      else await expect(body).rejects.toMatchObject({ cause: { code: "origin/mismatch" } });
    }
  });
});
