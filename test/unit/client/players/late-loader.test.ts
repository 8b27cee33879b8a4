// A loader whose script comes later, or never, as hls.js uses it.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Client } from "../../../../client/index.ts";
import type { hlsLoader } from "../../../../client/players/hls-loader.ts";
import { lateHlsLoader } from "../../../../client/players/late-loader.ts";

type Loader = ReturnType<typeof hlsLoader>;
type Loading = Parameters<InstanceType<Loader>["load"]>;

const CLIENT = {} as Client;
const CONTEXT = { url: "https://site.example/1.ts" };
const POLICY = { loadPolicy: { maxTimeToFirstByteMs: 1000, maxLoadTimeMs: 1000 } };

/** What loaders of this kind were told to do, in order. */
function recorded(): { Kind: Loader; done: string[] } {
  const done: string[] = [];
  class Recorded {
    context = null;
    stats = { loaded: 0 };
    load({ url }: Loading[0]): void {
      done.push(`load ${url}`);
      this.stats.loaded = 7;
    }
    abort(): void {
      done.push("abort");
    }
    destroy(): void {
      done.push("destroy");
    }
  }
  return { Kind: Recorded as unknown as Loader, done };
}

function play(script: Promise<{ hlsLoader: typeof hlsLoader }>, own: Loader) {
  const Late = lateHlsLoader(CLIENT, script);
  const config = { abrEwmaDefaultEstimate: 500_000, maxBufferLength: 30, loader: own };
  const loader = new Late(config);
  const aborted: unknown[] = [];
  const nothing = (): void => {};
  const callbacks = {
    onSuccess: nothing,
    onError: nothing,
    onTimeout: nothing,
    onAbort: (stats: unknown) => aborted.push(stats),
  };
  loader.load(CONTEXT, POLICY, callbacks);
  return { loader, aborted };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a fragment waits for the script, and hls.js's object of its times stays the same", async () => {
  const [ours, own] = [recorded(), recorded()];
  let arrive: (loaded: { hlsLoader: typeof hlsLoader }) => void = () => {};
  const { loader } = play(
    new Promise((resolve) => {
      arrive = resolve;
    }),
    own.Kind,
  );
  const { stats } = loader;
  await vi.advanceTimersByTimeAsync(2900);
  expect([...ours.done, ...own.done]).toEqual([]);
  arrive({ hlsLoader: () => ours.Kind });
  await vi.advanceTimersByTimeAsync(0);
  loader.abort();
  loader.destroy();
  expect(ours.done).toEqual([`load ${CONTEXT.url}`, "abort", "destroy"]);
  expect(loader.stats).toBe(stats);
  expect(stats.loaded).toBe(7);
});

test("where it does not come, hls.js's own loader brings the fragment: at once, or when it is late", async () => {
  const own = recorded();
  play(Promise.reject(new Error("not there")), own.Kind);
  await vi.advanceTimersByTimeAsync(0);
  expect(own.done).toHaveLength(1);
  play(new Promise(() => {}), own.Kind);
  await vi.advanceTimersByTimeAsync(3000);
  expect(own.done).toHaveLength(2);
});

test("what is given up meanwhile is not loaded, and told of once", async () => {
  const [ours, own] = [recorded(), recorded()];
  const script = Promise.resolve({ hlsLoader: () => ours.Kind });
  const { loader, aborted } = play(script, own.Kind);
  loader.abort();
  loader.abort();
  play(script, own.Kind).loader.destroy();
  await vi.advanceTimersByTimeAsync(3000);
  expect(aborted).toEqual([loader.stats]);
  expect(loader.stats.aborted).toBe(true);
  expect([...ours.done, ...own.done]).toEqual([]);
});
