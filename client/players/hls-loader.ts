// Fragments of hls.js through Shoal: `new Hls({ fLoader: hlsLoader(client) })`, hls.js 1.7. Playlists and keys stay with
// hls.js. Owns one request a loader; hands out buffers it keeps no reference to, because hls.js transfers them.

import type { Client } from "../index.ts";
import { type Fragment, Lead } from "./lead.ts";
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

/**
 * A fragment that can be missed only after so many seconds need not come at once: three of the usual two-second segments,
 * time to ask peers, wait for one that is reading it, and still read it from the origin.
 */
const COMFORT_SECONDS = 6;

/** What a page's video does when what was in its buffer says nothing any more of when the next fragment is due. */
const JUMPS = ["seeking", "waiting", "ratechange"];

/** A loader class for hls.js's `fLoader`. All its loaders share one idea of the network's speed. */
export function hlsLoader(
  client: Pick<Client, "fetch">,
): new <Context extends LoaderContext>(
  config: HlsConfiguration,
) => FragmentLoader<Context> {
  const speed = new NetworkSpeed();
  /** By kind, since sound and pictures may come apart. Two players at once only make each other less comfortable. */
  const leads = new Map<string, Lead>();
  for (const jump of JUMPS) {
    // These do not bubble, but they are captured.
    globalThis.document?.addEventListener(jump, () => leads.clear(), { capture: true });
  }

  function leadOf({ type }: Fragment): Lead {
    const lead = leads.get(type) ?? new Lead();
    leads.set(type, lead);
    return lead;
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
      const urgency = this.#isComfortable(context) ? "soon" : "now";
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
      const isHere = response.headers.get("Cache-Status")?.startsWith("shoal; hit") === true;
      if (isHere) speed.pretend(loading, stats.loaded, this.#config.abrEwmaDefaultEstimate);
      else speed.learn(loading, stats.loaded, this.#firstBytes);
      stats.bwEstimate = speed.bitsPerSecond ?? 0;
      if (context.frag) leadOf(context.frag).delivered(context.frag, performance.now());
      const code = response.status;
      this.#end()?.onSuccess(
        { url: response.url, data: data.buffer, code },
        stats,
        context,
        response,
      );
    }

    #isComfortable({ frag }: Context): boolean {
      if (frag === undefined) return false;
      return leadOf(frag).before(frag, performance.now()) >= COMFORT_SECONDS;
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
