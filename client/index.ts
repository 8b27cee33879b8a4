// The public door: createClient and its types. The composition root of a page: the one file that knows which adapters
// there are.

import { whenJoined } from "./browser/browser-tabs.ts";
import { browserClock } from "./browser/clock.ts";
import { currentConditions, storageQuota, watchConditions } from "./browser/conditions.ts";
import { recallConsent, rememberConsent, watchConsent } from "./browser/consent-memory.ts";
import { webCryptoHasher } from "./browser/hasher.ts";
import { fetchOrigin } from "./browser/origin-fetch.ts";
import { browserRandom } from "./browser/random.ts";
import { idbStore } from "./browser/store-idb.ts";
import { memoryStore } from "./browser/store-memory.ts";
import { webSocketConnector } from "./browser/tracker-websocket.ts";
import { webRtcTransport } from "./browser/transport-simple-peer.ts";
import { CHUNKS_DATABASE, INDEX_DATABASE } from "./core/cache/stored-chunk.ts";
import * as attested from "./core/catalogue/attested.ts";
import type { Found } from "./core/catalogue/catalogue.ts";
import { isGrowing } from "./core/catalogue/content.ts";
import { ShoalError } from "./core/errors.ts";
import type { ClientEvents, ClientEventType } from "./core/events.ts";
import { LocalPeer } from "./core/local-peer.ts";
import type { Hasher, Store } from "./core/ports.ts";
import type { Reading } from "./core/retrieve/reading.ts";
import type { ClientStats } from "./core/stats.ts";
import type { ByteCount, Cancel, Content } from "./core/vocabulary.ts";
import type { Diagnosis } from "./diagnose.ts";
import * as diagnosis from "./diagnose.ts";
import { Incidents } from "./incidents.ts";
import { type ClientOptions, type Config, readOptions } from "./options.ts";
import * as otherTabs from "./other-tabs.ts";
import { OwnReads } from "./own-reads.ts";
import { PlainClient } from "./plain-client.ts";
import { type Asked, askedOf, initOf, rangeOf, type ShoalInit, unlessAborted } from "./request.ts";
import { respond, unsatisfiable } from "./respond.ts";
import { warmUp } from "./warm-up.ts";
import * as liaison from "./worker/liaison.ts";

export { type ErrorCode, type ErrorDetails, ShoalError } from "./core/errors.ts";
export type { ClientEvents, ClientEventType } from "./core/events.ts";
export type { ByteStats, ClientStats, LinkStats } from "./core/stats.ts";
export type { Diagnosis, Evidence } from "./diagnose.ts";
export type { ClientOptions } from "./options.ts";
export { hlsLoader } from "./players/hls-loader.ts";
export { prepareMedia } from "./players/media-element.ts";
export type { ShoalInit } from "./request.ts";
export { unregister } from "./worker/liaison.ts";

/** A running client; one a page is enough. Its methods may be called at any time, also after `close`. */
export interface Client {
  /**
   * Like `window.fetch`: same resolution, same abort, streamed body, Range honoured. What Shoal may not or cannot serve
   * goes to the network untouched. What it answers has `Cache-Status`. Rejects as `fetch` does, and bodies fail as its do:
   * with the signal's reason, or with a `TypeError` where neither network nor peers have it. Nothing that a peer does
   * reaches the caller.
   */
  fetch(input: RequestInfo | URL, init?: ShoalInit): Promise<Response>;
  /** A snapshot, at once. */
  stats(): ClientStats;
  /** Calls the listener from now on, in the order things happen. Returns its own undo. What a listener throws is lost. */
  on<T extends ClientEventType>(type: T, listener: (event: ClientEvents[T]) => void): Cancel;
  /** Remembered for the site's next pages, and told its other tabs: asked once, withdrawn for good. */
  setConsent(state: "granted" | "denied"): void;
  /** Whether others are served from now on, as far as tab, link and budget allow. Holds for this page. */
  setUpload(on: boolean): void;
  /**
   * Why is there no P2P? One readable verdict and the evidence, within seconds. Never rejects.
   */
  diagnose(): Promise<Diagnosis>;
  /** Leaves the swarm and frees everything; `fetch` then is the network's. Safe to call twice. */
  close(): Promise<void>;
}

/** Memory for chunks where there is no IndexedDB, or none is wanted. */
const MEMORY_BYTES: ByteCount = 128 * 1024 * 1024;
/** A network that says nothing for so long has others asked as well; browsers themselves wait for minutes. */
const NETWORK_PATIENCE = 4000;
/** Of what the browser allows the site. It is the site's quota, not ours. */
const QUOTA_SHARE = 0.1;
/** Manifests and descriptions of what is cached. */
const INDEX_BYTES: ByteCount = 64 * 1024 * 1024;

/** As it was when Shoal was loaded: whoever wraps `fetch` later must not see our own reads. */
const nativeFetch: typeof fetch = globalThis.fetch.bind(globalThis);

/**
 * Throws a `ShoalError` `options/invalid` for the first option that is wrong, and has started nothing then. The client works at
 * once; what it needs is opened behind it. Needs a page.
 */
export function createClient(options: ClientOptions = {}): Client {
  return newClient(options, {
    tracker: null,
    attested: async () => attested,
    liaison: async () => liaison,
    diagnosis: async () => diagnosis,
    otherTabs: async () => otherTabs,
  });
}

/** How the client came to the page. @internal */
export interface Arrival {
  /** Where the script came from, if it did. */
  readonly tracker: string | null;
  /** What asks the tracker about URLs that are not published. */
  attested(): Promise<typeof attested>;
  /** Most pages have no service worker, and do not load what deals with one. */
  liaison(): Promise<typeof liaison>;
  /** Few are asked why. */
  diagnosis(): Promise<typeof diagnosis>;
  /** Few visitors have a second tab open. */
  otherTabs(): Promise<typeof otherTabs>;
}

/** For the script tag. @internal */
export function newClient(options: ClientOptions, arrival: Arrival): Client {
  const config = readOptions(options, document.baseURI, arrival.tracker);
  const hasher = webCryptoHasher();
  return hasher === null
    ? new PlainClient(config, arrival, nativeFetch)
    : new PageClient(config, hasher, arrival);
}

interface Opened {
  readonly range: ReturnType<typeof rangeOf>;
  readonly reading?: Reading;
}

class PageClient implements Client {
  readonly #config: Config;
  readonly #arrival: Arrival;
  readonly #hasher: Hasher;
  readonly #peer: LocalPeer;
  readonly #transport: ReturnType<typeof webRtcTransport>;
  readonly #incidents: Incidents;
  readonly #unwatch: Cancel;
  /** `null`: no service worker is wanted, or what deals with it is not here yet. */
  #liaison: liaison.Liaison | null = null;
  readonly #ownReads = new OwnReads(nativeFetch, () => this.#liaison?.marker ?? null);
  /** Stops waiting for other tabs. */
  #alone: Cancel = () => {};
  #closed = false;
  #fellBack = false;

  constructor(config: Config, hasher: Hasher, arrival: Arrival) {
    this.#config = config;
    this.#arrival = arrival;
    this.#hasher = hasher;
    const { attestUrl } = config;
    const transport = webRtcTransport(config);
    this.#transport = transport;
    const index = this.#store(INDEX_DATABASE, INDEX_BYTES);
    this.#peer = new LocalPeer(
      {
        ...config,
        attest: attestUrl === null ? null : { url: attestUrl, load: () => arrival.attested() },
        pinnedKeys: config.keys,
        site: location.origin,
        cacheBytes: budgetOf(config),
        consent: config.consent === "denied" ? "denied" : (this.#recalled ?? config.consent),
      },
      {
        clock: browserClock(),
        random: browserRandom(),
        hasher,
        chunks: this.#store(CHUNKS_DATABASE, MEMORY_BYTES),
        index,
        origin: fetchOrigin((url, init) => this.#ownReads.read(url, init)),
        transport,
        tracker: webSocketConnector(),
      },
    );
    this.#incidents = new Incidents(this.#peer.listeners);
    this.#peer.setConditions(currentConditions());
    const unwatch = [
      watchConditions({
        changed: (conditions) => this.#peer.setConditions(conditions),
        left: () => {
          this.#liaison?.leave();
          this.#alone();
          this.#peer.suspend();
        },
        returned: () => {
          this.#peer.resume();
          this.#watchTabs();
          void this.#liaison?.enter();
        },
      }),
      ...(config.storage === "persistent"
        ? [watchConsent((answer) => this.#peer.setConsent(answer))]
        : []),
    ];
    this.#unwatch = () => {
      for (const stop of unwatch) stop();
    };
    void this.#peer.start();
    this.#watchTabs();
    if (config.serviceWorker !== null) void this.#liaise(config.serviceWorker, index);
    unwatch.push(warmUp({ ...config, fetch: this.fetch }));
    if (transport === null) {
      this.#degraded(
        "webrtc/missing",
        "This browser has no WebRTC: no peers, cache and origin only.",
      );
    }
  }

  /** Works without its client in front of it, as `fetch` does without its window. */
  readonly fetch = async (input: RequestInfo | URL, init?: ShoalInit): Promise<Response> => {
    const network = async (): Promise<Response> =>
      init?.shoal?.passThrough === false ? Response.error() : nativeFetch(input, init);
    const scope = { ...this.#config, base: document.baseURI };
    const asked = this.#closed ? null : askedOf(input, init, scope);
    if (asked === null) return network();
    asked.signal?.throwIfAborted();
    const { cache, signal } = asked;
    if (cache === "reload")
      return network().finally(() => void this.#peer.catalogue.doubt(asked.url));
    const found = await unlessAborted(signal, this.#peer.find(asked.url, cache));
    if (found === undefined || this.#closed) {
      this.#incidents.passed++;
      // The others want the origin's own word, or nobody's but this browser's.
      const mayBeRescued = cache === "default" || cache === "force-cache";
      if (!mayBeRescued || init?.shoal?.passThrough === false) return network();
      return this.#rescued(asked, network());
    }
    this.#incidents.answered++;
    return this.#answer(asked, found, network);
  };

  /** The network's answer; when it has none, what neighbours know and hold. */
  async #rescued(asked: Asked, answer: Promise<Response>): Promise<Response> {
    const silence = new Promise<null>((resolve) => setTimeout(resolve, NETWORK_PATIENCE, null));
    const first = await Promise.race([answer.catch(() => null), silence]);
    if ((first !== null && first.status < 500) || asked.signal?.aborted || this.#closed)
      return answer;
    const content = await unlessAborted(asked.signal, this.#peer.salvage(asked.url));
    if (content === undefined) return answer;
    return this.#answer(asked, { content, current: null }, () => answer);
  }

  async #answer(asked: Asked, found: Found, network: () => Promise<Response>): Promise<Response> {
    const { signal } = asked;
    let content = found.content;
    let opened = this.#open(asked, content);
    if (found.current !== null) {
      // What is asked about is on its way meanwhile.
      const current = await unlessAborted(signal, found.current).catch((error: unknown) => {
        opened.reading?.close();
        throw error;
      });
      if (current?.id !== content.id) {
        opened.reading?.close();
        if (current === undefined || this.#closed) return network();
        opened = this.#open(asked, current);
      }
      content = current;
    }
    const { range, reading } = opened;
    if (range === "unsatisfiable") return unsatisfiable(asked, content);
    if (reading === undefined || range === "pass") return network();
    try {
      return await respond({
        asked,
        content,
        range,
        reading,
        fields: () => this.#peer.catalogue.fieldsOf(content),
        hasher: this.#hasher,
        network: (part) => this.#ownReads.read(asked.url, initOf(asked, part)),
      });
    } catch (error) {
      reading.close();
      if (error instanceof ShoalError) return network();
      throw error;
    }
  }

  /** Without a reading it is the network's to answer. */
  #open(asked: Asked, content: Content): Opened {
    const { size } = content.asset;
    const range = size === 0 ? "pass" : rangeOf(asked.range, size);
    if (range === "pass" || range === "unsatisfiable") return { range };
    const bytes = range === "whole" ? { first: 0, last: size - 1 } : range;
    if (asked.cache === "only-if-cached" && !this.#peer.holds(content, bytes)) return { range };
    return { range, reading: this.#peer.read(content, bytes, asked.urgency, asked.origins) };
  }

  stats(): ClientStats {
    return this.#peer.stats();
  }
  on<T extends ClientEventType>(type: T, listener: (event: ClientEvents[T]) => void): Cancel {
    return this.#peer.listeners.on(type, listener);
  }
  async diagnose(): Promise<Diagnosis> {
    const { trackerUrl } = this.#config;
    const { diagnose } = await this.#arrival.diagnosis();
    return diagnose({
      trackerUrl,
      incidents: this.#incidents,
      stats: () => this.stats(),
      ways: this.#transport?.ways ?? null,
      circumstances: () => this.#peer.circumstances,
      isAsked: () => this.#liaison?.isAsked === true,
      fetch: nativeFetch,
    });
  }
  setConsent(state: "granted" | "denied"): void {
    if (this.#config.storage === "persistent") rememberConsent(state);
    this.#peer.setConsent(state);
  }
  setUpload(on: boolean): void {
    this.#peer.setUpload(on);
  }
  close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    this.#alone();
    this.#liaison?.close();
    return this.#peer.close();
  }

  #watchTabs(): void {
    // What lives in memory is this tab's alone.
    if (this.#config.storage === "memory") return;
    this.#alone = whenJoined(() => {
      // Without it each tab goes on by itself.
      this.#arrival
        .otherTabs()
        .then(({ join }) => join(this.#peer))
        .catch(() => {});
    });
  }

  /** Loaded while the manifest is. Until it is there, the worker leaves this page's requests to the network. */
  async #liaise(script: string, index: Store): Promise<void> {
    const [loaded] = await Promise.allSettled([this.#arrival.liaison(), this.#peer.start()]);
    if (this.#closed) return;
    if (loaded.status === "rejected") {
      const message = `What deals with ${script} cannot be loaded (${loaded.reason}): put shoal-bridge.mjs beside shoal.js.`;
      return this.#degraded("worker/failed", message);
    }
    const isOurs = (url: string): boolean =>
      askedOf(url, undefined, { ...this.#config, base: document.baseURI }) !== null;
    this.#liaison = new loaded.value.Liaison({
      script,
      index,
      manifest: this.#config.manifestUrl,
      find: async (url) => {
        const found = isOurs(url) ? await this.#peer.find(url) : undefined;
        const content = await (found?.current ?? found?.content);
        return content && isGrowing(content) ? undefined : content;
      },
      standing: async (url) => (isOurs(url) ? this.#peer.standing(url) : undefined),
      adopt: (content, body) => this.#peer.adopt(content, body),
      read: (url, init) => this.#ownReads.read(url, init),
      mayBeSeen: (url) => this.#ownReads.mayBeSeen(url),
      fetch: this.fetch,
      passed: () => this.#incidents.passed++,
      problem: (code, message) => this.#degraded(code, message),
    });
    this.#peer.listeners.on("retrieved", ({ url }) => void this.#liaison?.vouch(url));
    await this.#liaison.begin();
  }

  get #recalled(): "granted" | "denied" | null {
    return this.#config.storage === "persistent" ? recallConsent() : null;
  }

  #store(database: string, memoryLimit: ByteCount): Store {
    if (this.#config.storage === "memory") return memoryStore(memoryLimit);
    return idbStore({
      database,
      memoryLimit,
      onFallback: (reason) => this.#storageLost(reason),
    });
  }

  /** Both stores fall back for the same reason; the page is told once. */
  #storageLost(reason: string): void {
    if (this.#fellBack) return;
    this.#fellBack = true;
    this.#degraded(
      "storage/memory-only",
      `IndexedDB cannot be used (${reason}): the cache lives in memory until the page is closed.`,
    );
  }

  /** Later than the constructor, so that whoever made the client can be listening. */
  #degraded(code: ClientEvents["degraded"]["code"], message: string): void {
    queueMicrotask(() => this.#peer.listeners.emit("degraded", { code, message }));
  }
}

async function budgetOf(config: Config): Promise<ByteCount> {
  if (config.storage === "memory") return Math.min(config.cacheBytes, MEMORY_BYTES);
  const quota = await storageQuota();
  return Math.min(config.cacheBytes, quota === null ? MEMORY_BYTES : quota * QUOTA_SHARE);
}
