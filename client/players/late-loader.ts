// The same for the script tag: what brings fragments is a script of its own, loaded when a page is about to make a player.
// A fragment waits for it; hls.js's own loader brings those that have waited long enough.

import type { Client } from "../index.ts";
import type { hlsLoader } from "./hls-loader.ts";

type Loader = ReturnType<typeof hlsLoader>;
type Fragments = InstanceType<Loader>;
type Loading = Parameters<Fragments["load"]>;
type Configuration = ConstructorParameters<Loader>[0];

/** A script of three kilobytes that is not here by then is not coming, or not before the player misses the fragment. */
const PATIENCE_MS = 3000;

/** hls.js has it among its settings. */
const itsOwn = (config: Configuration): Loader =>
  (config as Configuration & { loader: Loader }).loader;

export function lateHlsLoader(
  client: Pick<Client, "fetch" | "stats">,
  script: Promise<{ readonly hlsLoader: typeof hlsLoader }>,
): Loader {
  let ours: Loader | null = null;
  const arrival = script.then((loaded) => {
    ours = loaded.hlsLoader(client);
  });
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const soon = Promise.race([arrival.catch(() => {}), late]);

  class LateLoader implements Fragments {
    context: Fragments["context"] = null;
    // hls.js keeps this very object from the beginning: whoever loads goes on with it.
    stats: Fragments["stats"] = {
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
    readonly #config: Configuration;
    #loading: Loading | null = null;
    #loader: Fragments | null = null;

    constructor(config: Configuration) {
      this.#config = config;
    }

    load(...loading: Loading): void {
      this.context = loading[0];
      this.#loading = loading;
      void soon.then(() => {
        if (this.#loading === null) return;
        const loader = new (ours ?? itsOwn(this.#config))(this.#config);
        loader.stats = this.stats;
        this.#loader = loader;
        loader.load(...loading);
      });
    }
    abort(): void {
      if (this.#loader !== null) return this.#loader.abort();
      if (this.#loading === null) return;
      const [context, , callbacks] = this.#loading;
      this.#loading = null;
      this.stats.aborted = true;
      callbacks.onAbort?.(this.stats, context, null);
    }
    destroy(): void {
      this.#loading = null;
      this.context = null;
      this.#loader?.destroy();
    }
  }
  return LateLoader as Loader;
}
