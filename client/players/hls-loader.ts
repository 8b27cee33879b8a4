// Fragments of hls.js through Shoal: `new Hls({ fLoader: hlsLoader(client) })`, hls.js 1.7. Playlists and keys stay with
// hls.js. Owns one request a loader; hands out buffers it keeps no reference to, because hls.js transfers them.

import type { Urgency } from "../core/vocabulary.ts";
import type { Client } from "../index.ts";
import { playersIn, secondsBefore, secondsBehind } from "./in-hand.ts";
import { type Fragment, LookAhead } from "./look-ahead.ts";
import { type Loading, NetworkSpeed } from "./network-speed.ts";

/* hls.js's own types, as far as a loader meets them, so that Shoal's do not depend on that package. */
interface LoaderStats {
  aborted: boolean;
  loaded: number;
  retry: number;
  total: number;
  chunkCount: number;
  bwEstimate: number;
  loading: Loading;
  parsing: { start: number; end: number };
  buffering: Loading;
}
interface LoaderContext {
  readonly url: string;
  readonly headers?: Record<string, string>;
  /** Exclusive end, unlike HTTP's. */
  readonly rangeStart?: number;
  readonly rangeEnd?: number;
  readonly frag?: Fragment;
  /** A part of it, in low-latency streams. */
  readonly part?: unknown;
}
interface LoaderConfiguration {
  readonly loadPolicy: { readonly maxTimeToFirstByteMs: number; readonly maxLoadTimeMs: number };
}
interface LoaderCallbacks<Context> {
  onSuccess(
    response: { url: string; data: ArrayBuffer; code: number },
    stats: LoaderStats,
    context: Context,
    details: unknown,
  ): void;
  onError(
    error: { code: number; text: string },
    context: Context,
    details: unknown,
    stats: LoaderStats,
  ): void;
  onTimeout(stats: LoaderStats, context: Context, details: unknown): void;
  onAbort?(stats: LoaderStats, context: Context, details: unknown): void;
  onProgress?(stats: LoaderStats, context: Context, data: ArrayBuffer, details: unknown): void;
}
/** One object a player. */
interface HlsConfiguration {
  readonly abrEwmaDefaultEstimate: number;
  /** Seconds that the player wants to have in hand. */
  readonly maxBufferLength: number;
}
interface FragmentLoader<Context extends LoaderContext> {
  context: Context | null;
  stats: LoaderStats;
  load(context: Context, config: LoaderConfiguration, callbacks: LoaderCallbacks<Context>): void;
  abort(): void;
  destroy(): void;
}

/** What a fragment is taken to take before any has come: a slow line's whole time for two seconds of film. */
const SUPPOSED_LOAD_MS = 2000;
/** And at least: the next one may be many times larger. */
const LEAST_LOAD_MS = 400;
/** Peers are left alone with a fragment for so long at most; hls.js itself waits ten seconds for a first byte. */
const MOST_SPARE_MS = 4000;
/** Less than this is not worth a word to peers. */
const LEAST_SPARE_MS = 200;

/**
 * A loader class for hls.js's `fLoader`. All its loaders share one idea of the network's speed. Where there are peers, what
 * the playlist says comes next is fetched ahead of the player.
 */
export function hlsLoader(
  client: Pick<Client, "fetch" | "stats">,
): new <Context extends LoaderContext>(
  config: HlsConfiguration,
) => FragmentLoader<Context> {
  const speed = new NetworkSpeed();
  /** By player, and by kind of fragment, since sound and pictures may come apart. */
  const looking = new WeakMap<HlsConfiguration, Map<string, LookAhead>>();

  function lookAheadOf(config: HlsConfiguration, { type }: Fragment): LookAhead {
    const tracks = looking.get(config) ?? new Map<string, LookAhead>();
    looking.set(config, tracks);
    const ahead = tracks.get(type) ?? new LookAhead(client);
    tracks.set(type, ahead);
    return ahead;
  }

  /** What the network has brought so far, for whatever. */
  function networkBytes(): number {
    const { peers, origin } = client.stats().bytes;
    return peers + origin;
  }

  return class ShoalLoader<Context extends LoaderContext> implements FragmentLoader<Context> {
    context: Context | null = null;
    // hls.js keeps this very object from the beginning: it is changed, never replaced.
    stats: LoaderStats = {
      aborted: false,
      loaded: 0,
      retry: 0,
      total: 0,
      chunkCount: 0,
      bwEstimate: 0,
      loading: { start: 0, first: 0, end: 0 },
      parsing: { start: 0, end: 0 },
      buffering: { start: 0, first: 0, end: 0 },
    };
    readonly #config: HlsConfiguration;
    readonly #abort = new AbortController();
    #callbacks: LoaderCallbacks<Context> | null = null;
    #response: Response | null = null;
    /** Of the piece that came first. */
    #firstBytes = 0;
    #networkBefore = 0;
    #isUrgent = true;
    /** `null`: parts and what is no fragment have none. */
    #ahead: LookAhead | null = null;
    #timer: ReturnType<typeof setTimeout> | undefined;

    constructor(config: HlsConfiguration) {
      this.#config = config;
    }

    load(context: Context, config: LoaderConfiguration, callbacks: LoaderCallbacks<Context>): void {
      if (this.context !== null) throw new Error("A loader loads once.");
      this.context = context;
      this.#callbacks = callbacks;
      const { frag, part } = context;
      if (frag && !part) this.#ahead = lookAheadOf(this.#config, frag);
      if (frag) this.#ahead?.asked(frag);
      this.#networkBefore = networkBytes();
      this.stats.loading.start = performance.now();
      const { maxTimeToFirstByteMs, maxLoadTimeMs } = config.loadPolicy;
      this.#patience(maxTimeToFirstByteMs);
      this.#load(context, maxLoadTimeMs).catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        this.#end()?.onError(
          { code: this.#response?.status ?? 0, text },
          context,
          this.#response,
          this.stats,
        );
      });
    }

    abort(): void {
      const { context } = this;
      const callbacks = this.#end();
      if (callbacks === null || context === null) return;
      this.stats.aborted = true;
      this.#leave();
      callbacks.onAbort?.(this.stats, context, this.#response);
    }

    destroy(): void {
      if (this.#end() !== null) this.#leave();
      this.#abort.abort();
      this.#response = null;
      this.context = null;
    }

    async #load(context: Context, maxLoadTimeMs: number): Promise<void> {
      const { url, rangeStart, rangeEnd } = context;
      const headers = new Headers(context.headers);
      if (rangeEnd) headers.set("Range", `bytes=${rangeStart ?? 0}-${rangeEnd - 1}`);
      const { signal } = this.#abort;
      const urgency = this.#urgencyOf(context);
      this.#isUrgent = urgency === "now";
      const response = await client.fetch(url, { headers, signal, shoal: { urgency } });
      this.#response = response;
      const reader = response.body?.getReader();
      if (!response.ok || reader === undefined) {
        const error = { code: response.status, text: response.statusText };
        this.#end()?.onError(error, context, response, this.stats);
        return;
      }
      this.stats.total = Number(response.headers.get("Content-Length") ?? 0);
      const parts: Uint8Array[] = [];
      for (;;) {
        const { value, done } = await reader.read();
        if (this.#callbacks === null) return;
        if (done) break;
        this.#received(value, context, maxLoadTimeMs);
        parts.push(value);
      }
      this.#finished(parts, context, response);
    }

    #received(bytes: Uint8Array, context: Context, maxLoadTimeMs: number): void {
      const { stats } = this;
      const now = performance.now();
      if (stats.loading.first === 0) {
        stats.loading.first = now;
        this.#firstBytes = bytes.length;
        this.#patience(maxLoadTimeMs - (now - stats.loading.start));
      }
      stats.loaded += bytes.length;
      stats.total = Math.max(stats.total, stats.loaded);
      if (this.#callbacks?.onProgress === undefined) return;
      stats.chunkCount++;
      this.#callbacks.onProgress(stats, context, bytes.slice().buffer, this.#response);
    }

    #finished(parts: readonly Uint8Array[], context: Context, response: Response): void {
      const { stats } = this;
      const { loading } = stats;
      const data = new Uint8Array(stats.loaded);
      let at = 0;
      for (const part of parts) {
        data.set(part, at);
        at += part.length;
      }
      stats.total = stats.loaded;
      loading.end = Math.max(performance.now(), loading.first);
      const status = response.headers.get("Cache-Status") ?? "";
      const arrival = {
        bytes: stats.loaded,
        firstBytes: this.#firstBytes,
        isUrgent: this.#isUrgent,
        fromPeers: /\bpeers=[1-9]/.test(status),
        // What was not Shoal's to answer came from the network, and nobody counted it.
        network: status.startsWith("shoal;") ? networkBytes() - this.#networkBefore : stats.loaded,
      };
      speed.told(loading, arrival, this.#config.abrEwmaDefaultEstimate);
      if (context.frag) this.#lookAhead(context.frag, context.url);
      const code = response.status;
      this.#end()?.onSuccess(
        { url: response.url, data: data.buffer, code },
        stats,
        context,
        response,
      );
    }

    #lookAhead(frag: Fragment, url: string): void {
      const inHand = secondsBehind(frag, playersIn(globalThis.document));
      const room = this.#config.maxBufferLength - inHand - frag.duration;
      void this.#ahead?.delivered(frag, url, { inHand, room });
    }

    /** When the origin has to be asked at the latest: with time for a second try before the player misses it. */
    #urgencyOf({ frag, part }: Context): Urgency {
      if (frag === undefined || part) return "now";
      const inHand = secondsBefore(frag.start, playersIn(globalThis.document)) * 1000;
      const load = Math.max(LEAST_LOAD_MS, speed.loadMs ?? SUPPOSED_LOAD_MS);
      const spare = Math.min(MOST_SPARE_MS, inHand - 2 * load);
      return spare < LEAST_SPARE_MS ? "now" : spare;
    }

    /** The player does not want it any more, and so nothing behind it. */
    #leave(): void {
      this.#abort.abort();
      this.#ahead?.stop();
    }

    /** Counts from now on; the one before is over. */
    #patience(ms: number): void {
      clearTimeout(this.#timer);
      if (!Number.isFinite(ms)) return;
      this.#timer = setTimeout(() => {
        const { context } = this;
        const callbacks = this.#end();
        this.#abort.abort();
        if (context !== null) callbacks?.onTimeout(this.stats, context, this.#response);
      }, ms);
    }

    /** From now on nothing is told to hls.js; returns whom to tell the end. */
    #end(): LoaderCallbacks<Context> | null {
      clearTimeout(this.#timer);
      const callbacks = this.#callbacks;
      this.#callbacks = null;
      return callbacks;
    }
  };
}
