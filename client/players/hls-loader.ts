// Fragments of hls.js through Shoal: `new Hls({ fLoader: hlsLoader(client) })`, hls.js 1.7. Playlists and keys stay with
// hls.js. Owns one request a loader; hands out buffers it keeps no reference to, because hls.js transfers them.
//
// What it tells hls.js of times is what the network gave: hls.js chooses the quality by it. A fragment that came out of
// this browser's cache says nothing of the network, so it is reported at the speed that the last ones came at.

import type { Client } from "../index.ts";

/* hls.js's own types, as far as a loader meets them, so that Shoal's do not depend on that package. */
interface Timing {
  start: number;
  first: number;
  end: number;
}
interface LoaderStats {
  aborted: boolean;
  loaded: number;
  retry: number;
  total: number;
  chunkCount: number;
  bwEstimate: number;
  loading: Timing;
  parsing: { start: number; end: number };
  buffering: Timing;
}
interface LoaderContext {
  readonly url: string;
  readonly headers?: Record<string, string>;
  /** Exclusive end, unlike HTTP's. */
  readonly rangeStart?: number;
  readonly rangeEnd?: number;
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
interface HlsConfiguration {
  readonly abrEwmaDefaultEstimate: number;
}
interface FragmentLoader<Context extends LoaderContext> {
  context: Context | null;
  stats: LoaderStats;
  load(context: Context, config: LoaderConfiguration, callbacks: LoaderCallbacks<Context>): void;
  abort(): void;
  destroy(): void;
}

/** The weight of a new fragment in the speed that cached ones are reported at. */
const WEIGHT = 0.3;

/** A loader class for hls.js's `fLoader`. All its loaders share one idea of the network's speed. */
export function hlsLoader(
  client: Pick<Client, "fetch">,
): new <Context extends LoaderContext>(
  config: HlsConfiguration,
) => FragmentLoader<Context> {
  let bitsPerSecond: number | null = null;

  function learn(bits: number, ms: number): void {
    const rate = (bits * 1000) / Math.max(1, ms);
    bitsPerSecond = bitsPerSecond === null ? rate : bitsPerSecond + WEIGHT * (rate - bitsPerSecond);
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
    #timer: ReturnType<typeof setTimeout> | undefined;

    constructor(config: HlsConfiguration) {
      this.#config = config;
    }

    load(context: Context, config: LoaderConfiguration, callbacks: LoaderCallbacks<Context>): void {
      if (this.context !== null) throw new Error("A loader loads once.");
      this.context = context;
      this.#callbacks = callbacks;
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
      this.#abort.abort();
      callbacks.onAbort?.(this.stats, context, this.#response);
    }

    destroy(): void {
      this.#end();
      this.#abort.abort();
      this.#response = null;
      this.context = null;
    }

    async #load(context: Context, maxLoadTimeMs: number): Promise<void> {
      const { url, rangeStart, rangeEnd } = context;
      const headers = new Headers(context.headers);
      if (rangeEnd) headers.set("Range", `bytes=${rangeStart ?? 0}-${rangeEnd - 1}`);
      const { signal } = this.#abort;
      const response = await client.fetch(url, { headers, signal });
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
      const bits = stats.loaded * 8;
      if (response.headers.get("Cache-Status")?.startsWith("shoal; hit")) this.#backdate(bits);
      else learn(bits, loading.end - loading.first);
      stats.bwEstimate = bitsPerSecond ?? 0;
      const code = response.status;
      this.#end()?.onSuccess(
        { url: response.url, data: data.buffer, code },
        stats,
        context,
        response,
      );
    }

    /** As if it had come at the speed of the network. */
    #backdate(bits: number): void {
      const { loading } = this.stats;
      const took = (bits * 1000) / (bitsPerSecond ?? this.#config.abrEwmaDefaultEstimate);
      loading.first = Math.min(loading.first, loading.end - took);
      loading.start = Math.min(loading.start, loading.first);
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
