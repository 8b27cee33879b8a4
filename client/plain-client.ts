// The client of a page where nothing can be verified, and so nothing is shared: every request is the network's, and whoever asks
// is told why.

import { type ClientEvents, type ClientEventType, Listeners } from "./core/events.ts";
import type { ClientStats } from "./core/stats.ts";
import type { Cancel } from "./core/vocabulary.ts";
import type { Diagnosis } from "./diagnose.ts";
import { Incidents } from "./incidents.ts";
import type { Arrival, Client } from "./index.ts";
import type { Config } from "./options.ts";
import type { ShoalInit } from "./request.ts";

/** Where nothing can be verified nothing is shared: every request is the network's. */
export class PlainClient implements Client {
  readonly #listeners = new Listeners();
  #closed = false;

  readonly #network: typeof fetch;
  readonly #config: Config;
  readonly #arrival: Arrival;
  readonly #incidents = new Incidents(this.#listeners);

  constructor(config: Config, arrival: Arrival, network: typeof fetch) {
    this.#network = network;
    this.#config = config;
    this.#arrival = arrival;
    queueMicrotask(() =>
      this.#listeners.emit("degraded", {
        code: "crypto/missing",
        message: "No WebCrypto: Shoal needs a secure context (https or localhost) and is off.",
      }),
    );
  }

  readonly fetch = (input: RequestInfo | URL, init?: ShoalInit): Promise<Response> =>
    this.#network(input, init);

  stats(): ClientStats {
    return {
      state: this.#closed ? "closed" : "origin-only",
      tracker: "off",
      consent: this.#config.consent,
      upload: false,
      peerId: null,
      region: null,
      bytes: { cache: 0, peers: 0, origin: 0, wasted: 0, uploaded: 0 },
      offload: 0,
      chunks: { verified: 0, rejected: 0 },
      cache: { bytes: 0, assets: 0, budget: 0, persistent: false },
      links: [],
    };
  }
  on<T extends ClientEventType>(type: T, listener: (event: ClientEvents[T]) => void): Cancel {
    return this.#listeners.on(type, listener);
  }
  async diagnose(): Promise<Diagnosis> {
    const { diagnose } = await this.#arrival.diagnosis();
    return diagnose({
      trackerUrl: this.#config.trackerUrl,
      incidents: this.#incidents,
      stats: () => this.stats(),
      ways: null,
      circumstances: () => null,
      isAsked: () => false,
      fetch: this.#network,
    });
  }
  setConsent(): void {}
  setUpload(): void {}
  async close(): Promise<void> {
    this.#closed = true;
  }
}
