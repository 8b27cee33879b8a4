// The loader as hls.js uses it, on a client that answers with real Responses and lets the test decide when.

import type { FragmentLoaderConstructor } from "hls.js";
import { expect, test, vi } from "vitest";
import type { Urgency } from "../../../../client/core/vocabulary.ts";
import type { Client } from "../../../../client/index.ts";
import { hlsLoader } from "../../../../client/players/hls-loader.ts";

interface Asked {
  readonly url: string;
  readonly range: string | null;
  readonly urgency: Urgency | undefined;
  readonly signal: AbortSignal | null | undefined;
  answer(response: Response): void;
  fail(error: Error): void;
}

const QUIET = {
  bytes: { cache: 0, peers: 0, origin: 0, wasted: 0, uploaded: 0 },
  links: [],
} as unknown as ReturnType<Client["stats"]>;

/** A client whose requests the test answers, one after the other, and that has no peers. */
function scripted(): Pick<Client, "fetch" | "stats"> & { next(): Promise<Asked> } {
  const asked: Asked[] = [];
  const waiting: ((one: Asked) => void)[] = [];
  return {
    stats: () => QUIET,
    fetch: (input, init) =>
      new Promise((resolve, reject) => {
        const range = new Headers(init?.headers).get("Range");
        const { signal, shoal } = init ?? {};
        const urgency = shoal?.urgency;
        signal?.addEventListener("abort", () => reject(signal.reason));
        const one = { url: String(input), range, urgency, signal, answer: resolve, fail: reject };
        const waiter = waiting.shift();
        if (waiter === undefined) asked.push(one);
        else waiter(one);
      }),
    next: () => {
      const one = asked.shift();
      return one === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(one);
    },
  };
}

const CONFIG = { abrEwmaDefaultEstimate: 500_000, maxBufferLength: 30 };
const PATIENT = { loadPolicy: { maxTimeToFirstByteMs: 10_000, maxLoadTimeMs: 20_000 } };
const CONTEXT = { url: "https://site.example/1.ts" };
const MISS = { "Cache-Status": 'shoal; fwd=miss; detail="peers=1,origin=0"' };

type Loader = InstanceType<ReturnType<typeof hlsLoader>>;
interface Told {
  readonly what: "success" | "error" | "timeout" | "abort";
  readonly data?: ArrayBuffer;
  readonly code?: number;
}

/** Starts a load; `told` resolves with what hls.js would hear, and fails when it hears twice. */
function load(
  loader: Loader,
  context: Parameters<Loader["load"]>[0] = CONTEXT,
  config: Parameters<Loader["load"]>[1] = PATIENT,
): { told: Promise<Told>; count: () => number; progress: number[] } {
  let heard = 0;
  const progress: number[] = [];
  const told = new Promise<Told>((resolve) => {
    const hear = (one: Told): void => {
      heard++;
      resolve(one);
    };
    loader.load(context, config, {
      onSuccess: ({ data, code }) => hear({ what: "success", data, code }),
      onError: ({ code }) => hear({ what: "error", code }),
      onTimeout: () => hear({ what: "timeout" }),
      onAbort: () => hear({ what: "abort" }),
      onProgress: (_stats, _context, data) => progress.push(data.byteLength),
    });
  });
  return { told, count: () => heard, progress };
}

test("it is what hls.js takes for its fLoader", () => {
  const loader: FragmentLoaderConstructor = hlsLoader(scripted());
  expect(loader).toBeTypeOf("function");
});

test("a fragment is asked for, counted as it comes, and handed over whole", async () => {
  const client = scripted();
  const loader = new (hlsLoader(client))(CONFIG);
  const { stats } = loader;
  const { told, progress } = load(loader);
  const asked = await client.next();
  expect(asked).toMatchObject({ url: CONTEXT.url, range: null });
  asked.answer(
    new Response(new Uint8Array([1, 2, 3]), { headers: { ...MISS, "Content-Length": "3" } }),
  );
  const { what, data, code } = await told;
  expect([what, code, [...new Uint8Array(data ?? new ArrayBuffer(0))]]).toEqual([
    "success",
    200,
    [1, 2, 3],
  ]);
  expect(progress).toEqual([3]);
  // hls.js adopted the object before the load: it is still the same one.
  expect(loader.stats).toBe(stats);
  expect(stats).toMatchObject({ loaded: 3, total: 3, aborted: false });
  const { start, first, end } = stats.loading;
  expect(start).toBeGreaterThan(0);
  expect(first).toBeGreaterThanOrEqual(start);
  expect(end).toBeGreaterThanOrEqual(first);
});

test("hls.js's exclusive end of a range becomes HTTP's inclusive one", async () => {
  const client = scripted();
  load(new (hlsLoader(client))(CONFIG), { ...CONTEXT, rangeStart: 100, rangeEnd: 200 });
  expect((await client.next()).range).toBe("bytes=100-199");
});

test("an answer that is no success is an error with its status", async () => {
  const client = scripted();
  const { told } = load(new (hlsLoader(client))(CONFIG));
  (await client.next()).answer(new Response("gone", { status: 404 }));
  expect(await told).toMatchObject({ what: "error", code: 404 });
});

test("a request that fails is an error with status 0", async () => {
  const client = scripted();
  const { told } = load(new (hlsLoader(client))(CONFIG));
  (await client.next()).fail(new TypeError("Failed to fetch"));
  expect(await told).toMatchObject({ what: "error", code: 0 });
});

test("an abort is told once, stops the request, and nothing is told after it", async () => {
  const client = scripted();
  const loader = new (hlsLoader(client))(CONFIG);
  const { told, count } = load(loader);
  const asked = await client.next();
  loader.abort();
  loader.abort();
  asked.answer(new Response(new Uint8Array(3)));
  expect(await told).toEqual({ what: "abort" });
  expect(asked.signal?.aborted).toBe(true);
  expect(loader.stats.aborted).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(count()).toBe(1);
});

test("a loader destroyed without an abort says nothing more and stops its request", async () => {
  const client = scripted();
  const loader = new (hlsLoader(client))(CONFIG);
  const { count } = load(loader);
  const asked = await client.next();
  loader.destroy();
  asked.answer(new Response(new Uint8Array(3)));
  await new Promise((resolve) => setImmediate(resolve));
  expect(count()).toBe(0);
  expect(asked.signal?.aborted).toBe(true);
});

test("without a first byte in time it is a timeout, and the request is stopped", async () => {
  const client = scripted();
  const policy = { loadPolicy: { maxTimeToFirstByteMs: 1, maxLoadTimeMs: 20_000 } };
  const { told } = load(new (hlsLoader(client))(CONFIG), CONTEXT, policy);
  const asked = await client.next();
  expect(await told).toEqual({ what: "timeout" });
  expect(asked.signal?.aborted).toBe(true);
});

test("a second load of one loader is refused", () => {
  const loader = new (hlsLoader(scripted()))(CONFIG);
  load(loader);
  const nothing = { onSuccess: () => {}, onError: () => {}, onTimeout: () => {} };
  expect(() => loader.load(CONTEXT, PATIENT, nothing)).toThrow("once");
});

test("what the cache had is reported at the speed of the network, not of the disk", async () => {
  const client = scripted();
  const Loader = hlsLoader(client);
  const bytes = new Uint8Array(250_000);
  const loader = new Loader(CONFIG);
  const { told } = load(loader);
  (await client.next()).answer(new Response(bytes, { headers: { "Cache-Status": "shoal; hit" } }));
  await told;
  const { first, end } = loader.stats.loading;
  // Nothing was measured yet, so it is hls.js's own first guess: 2 Mbit at half a Mbit/s are four seconds.
  expect(end - first).toBeCloseTo(4000, 0);
});

test("a fragment that is not missed yet need not come at once, as far as there is time for a second try", async () => {
  const client = scripted();
  const Loader = hlsLoader(client);
  /** `inHand`: seconds in the player's buffer, up to the fragment. */
  async function urgencyOf(inHand: number, bytes: number): Promise<unknown> {
    const player = {
      currentSrc: "blob:x",
      currentTime: 10 - inHand,
      playbackRate: 1,
      ended: false,
    };
    const buffered = { length: 1, start: () => 0, end: () => 10 };
    vi.stubGlobal("document", { querySelectorAll: () => [{ ...player, buffered }] });
    const frag = { sn: 5, start: 10, duration: 2, type: "main", baseurl: "https://site.example/" };
    const { told } = load(new Loader(CONFIG), { ...CONTEXT, frag });
    const asked = await client.next();
    // Not Shoal's, so all of it counts as the network's.
    asked.answer(new Response(new Uint8Array(bytes)));
    await told;
    return asked.urgency;
  }
  // Small ones say nothing of how long others take: two tries of two seconds are left for them.
  for (const inHand of [0, 2, 4]) expect(await urgencyOf(inHand, 3)).toBe("now");
  expect(await urgencyOf(6, 3)).toBe(2000);
  expect(await urgencyOf(10, 3)).toBe(4000);
  expect(await urgencyOf(0, 100_000)).toBe("now");
  // They come in no time, and the next may take a little more.
  expect(await urgencyOf(2, 100_000)).toBe(1200);
  vi.unstubAllGlobals();
});
