// This browser in its swarms. An event arrives, state changes, `plan` is asked once per turn, its actions are
// performed. Owns the one planning timer; decides nothing that the plan decides.

import { fromBase64url } from "../../tracker/protocol/bytes.ts";
import type { PeerId } from "../../tracker/protocol/ids.ts";
import { ChunkCache } from "./cache/chunk-cache.ts";
import { Catalogue } from "./catalogue/catalogue.ts";
import { contentOf } from "./catalogue/content.ts";
import { ShoalError, unreachable } from "./errors.ts";
import { Listeners } from "./events.ts";
import type { Ports } from "./ports.ts";
import { seedOf } from "./retrieve/election.ts";
import { type Action, plan } from "./retrieve/plan.ts";
import type { Reading } from "./retrieve/reading.ts";
import { Retrieval } from "./retrieve/retrieval.ts";
import type { ByteStats, ClientStats } from "./stats.ts";
import { Discovery } from "./swarm/discovery.ts";
import { Average } from "./swarm/estimate.ts";
import { Links } from "./swarm/links.ts";
import { Membership } from "./swarm/membership.ts";
import { UploadSlots } from "./swarm/slots.ts";
import { UploadAllowance } from "./swarm/upload.ts";
import type {
  ByteCount,
  ByteRange,
  Cancel,
  Conditions,
  Content,
  ContentId,
  Millis,
  Urgency,
} from "./vocabulary.ts";

/** Reads at the origin at once, over all contents; a browser's own limit on HTTP/1.1 is six a host. */
const ORIGIN_READS = 12;
const REPORT_EVERY: Millis = 30_000;

export interface LocalPeerSettings {
  /** `null`: no tracker, and so no peers. */
  readonly trackerUrl: string | null;
  readonly manifestUrl: string;
  readonly pinnedKey: string | null;
  readonly region: string | null;
  readonly token: string | null;
  /** Known a moment later: the browser is asked for its quota. */
  readonly cacheBytes: Promise<ByteCount>;
  readonly upload: boolean;
  readonly uploadSessionBytes: ByteCount;
  readonly uploadBytesPerSecond: ByteCount;
  readonly consent: "granted" | "ask" | "denied";
}

export class LocalPeer {
  readonly listeners = new Listeners();
  readonly #settings: LocalPeerSettings;
  readonly #ports: Ports;
  readonly #cache: ChunkCache;
  readonly #catalogue: Catalogue;
  readonly #discovery: Discovery | null;
  readonly #links: Links | null;
  readonly #allowance: UploadAllowance;
  readonly #retrievals = new Map<ContentId, Retrieval>();
  readonly #membership: Membership | null;
  /** What to tell linked peers at the end of this turn. */
  readonly #news = new Map<ContentId, number[]>();
  readonly #originRate = new Average();
  readonly #bytes = { cache: 0, peers: 0, origin: 0, wasted: 0 };
  readonly #chunks = { verified: 0, rejected: 0 };
  readonly #reported = { cache: 0, peers: 0, origin: 0, uploaded: 0 };
  readonly #poisoners = new Set<PeerId>();
  #id: PeerId | null = null;
  #region: string | null = null;
  #consent: "granted" | "ask" | "denied";
  #upload: boolean;
  #conditions: Conditions = { hidden: false, thrifty: false };
  #suspended = false;
  #started: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #turning = false;
  #timer: Cancel | null = null;
  #reporting: Cancel | null = null;
  #saidFull = false;

  constructor(settings: LocalPeerSettings, ports: Ports) {
    this.#settings = settings;
    this.#ports = ports;
    this.#consent = settings.consent;
    this.#upload = settings.upload;
    const { clock, hasher, origin, index } = ports;
    this.#allowance = new UploadAllowance(clock, {
      session: settings.uploadSessionBytes,
      perSecond: settings.uploadBytesPerSecond,
    });
    this.#cache = new ChunkCache({
      clock,
      hasher,
      chunks: ports.chunks,
      index,
      gone: (content, indices) => {
        for (const link of this.#links?.all ?? []) link.tell(content, "gone", indices);
        this.#turnSoon();
      },
      full: () => this.#storageFull(),
    });
    this.#catalogue = new Catalogue({
      clock,
      hasher,
      origin,
      index,
      url: settings.manifestUrl,
      pinnedKey: settings.pinnedKey,
      problem: (error) => this.#degraded(error),
    });
    this.#links = ports.transport === null ? null : this.#newLinks(ports.transport);
    this.#discovery =
      this.#links === null || settings.trackerUrl === null
        ? null
        : this.#newDiscovery(this.#links, settings.trackerUrl);
    this.#membership =
      this.#links === null || this.#discovery === null
        ? null
        : new Membership({
            clock,
            cache: this.#cache,
            discovery: this.#discovery,
            links: this.#links,
          });
  }

  /** Opens the cache, reads the manifest, joins the swarm. Resolves when requests can be answered; never rejects. */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    if (this.#mayShare()) this.#discovery?.start();
    const { hasher } = this.#ports;
    const budget = await this.#settings.cacheBytes;
    await Promise.all([
      this.#cache.open(budget, (asset) => contentOf(asset, hasher)),
      this.#catalogue.load(),
    ]);
    this.#membership?.offer();
  }

  /** What the manifest says of an absolute URL without fragment; `undefined`: not ours to serve. */
  async find(url: string): Promise<Content | undefined> {
    if (this.#closing !== null) return undefined;
    await this.start();
    return this.#catalogue.find(url);
  }

  /** Reads a range of a content, from wherever it comes soonest. */
  read(content: Content, range: ByteRange, urgency: Urgency): Reading {
    const known = this.#retrievals.get(content.id);
    const retrieval = known ?? this.#newRetrieval(content);
    if (known === undefined) {
      this.#retrievals.set(content.id, retrieval);
      for (const link of this.#links?.all ?? []) link.ask(content);
      this.#membership?.seek(content);
    }
    return retrieval.read(range, urgency);
  }

  setConditions(conditions: Conditions): void {
    this.#conditions = conditions;
    this.#applyUpload();
  }
  setUpload(on: boolean): void {
    this.#upload = on;
    this.#applyUpload();
  }
  setConsent(state: "granted" | "denied"): void {
    this.#consent = state;
    this.#applySharing();
  }
  /** The page is being put away (bfcache) or comes back: sockets and links go and come with it. */
  suspend(): void {
    this.#suspended = true;
    this.#applySharing();
  }
  resume(): void {
    this.#suspended = false;
    this.#applySharing();
  }

  /** The bytes alone, for who asks often. */
  get bytes(): ByteStats {
    return { ...this.#bytes, uploaded: this.#allowance.given };
  }

  stats(): ClientStats {
    const { peers, origin } = this.#bytes;
    return {
      state: this.#state(),
      tracker: this.#discovery?.state ?? "off",
      peerId: this.#id,
      region: this.#region,
      bytes: this.bytes,
      offload: peers + origin === 0 ? 0 : peers / (peers + origin),
      chunks: { ...this.#chunks },
      cache: {
        bytes: this.#cache.bytes,
        assets: this.#cache.contents.length,
        budget: this.#cache.budget,
        persistent: this.#cache.persistent,
      },
      links: (this.#links?.all ?? []).map(({ id, proximity, rttMs, bytesDown, bytesUp }) => ({
        peer: id,
        proximity,
        rttMs,
        bytesDown,
        bytesUp,
      })),
    };
  }

  /** Leaves the swarm, writes what is unwritten, frees everything. Open readings fail with `client/closed`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const retrieval of [...this.#retrievals.values()]) {
      retrieval.fail(new ShoalError("client/closed", {}));
    }
    this.#report();
    this.#timer?.();
    this.#reporting?.();
    this.#links?.closeAll();
    this.#discovery?.stop();
    await this.#started;
    await this.#cache.close();
  }

  #state(): ClientStats["state"] {
    if (this.#closing !== null) return "closed";
    const tracker = this.#discovery?.state ?? "off";
    if ((this.#links?.size ?? 0) > 0 || tracker === "connected") return "in-swarm";
    return tracker === "connecting" ? "joining" : "origin-only";
  }

  #newLinks(transport: NonNullable<Ports["transport"]>): Links {
    return new Links({
      clock: this.#ports.clock,
      transport,
      self: () => fromBase64url(this.#id ?? "") ?? new Uint8Array(0),
      peer: {
        allowance: this.#allowance,
        slots: new UploadSlots(this.#ports.clock),
        read: (content, index) => this.#cache.read(content, index),
        holding: (content) => this.#cache.holding(content),
      },
      signal: (to, session, signal) => this.#discovery?.signal(to, session, signal),
      ended: (session, outcome) => this.#discovery?.ended(session, outcome),
      listener: {
        ready: (link) => {
          for (const retrieval of this.#retrievals.values()) link.ask(retrieval.content);
          this.listeners.emit("peer-joined", { peer: link.id, proximity: link.proximity });
          this.#turnSoon();
        },
        changed: () => this.#turnSoon(),
        received: (link, content, index, bytes) => {
          const retrieval = this.#retrievals.get(content);
          if (retrieval === undefined) this.#bytes.wasted += bytes.length;
          else retrieval.received(link.id, index, bytes);
        },
        refused: (link, content, index) => this.#retrievals.get(content)?.unasked(link.id, index),
        wasted: (bytes) => {
          this.#bytes.wasted += bytes;
        },
        left: (link, reason) => {
          for (const retrieval of this.#retrievals.values()) retrieval.lost(link.id);
          this.listeners.emit("peer-left", { peer: link.id, reason });
          if (reason !== "local" && this.#retrievals.size > 0) this.#discovery?.widen();
          this.#turnSoon();
        },
        violated: (peer, kind) => this.listeners.emit("violation", { peer, kind }),
        attempted: () => this.#turnSoon(),
      },
    });
  }

  #newDiscovery(links: Links, url: string): Discovery {
    const { clock, random, tracker } = this.#ports;
    return new Discovery({
      clock,
      random,
      connector: tracker,
      url,
      region: this.#settings.region,
      token: this.#settings.token,
      wanted: () => links.wanted,
      listener: {
        changed: (state) => {
          this.listeners.emit("tracker-changed", { tracker: state });
          this.#turnSoon();
        },
        welcomed: (peer, region) => {
          this.#id = peer;
          this.#region = region;
          this.#reporting ??= clock.after(REPORT_EVERY, () => this.#reportAgain());
        },
        announced: (message) => {
          this.#membership?.announced(message);
          this.#turnSoon();
        },
        introduced: (message) => links.introduced(message),
        signalled: (message) => links.signalled(message),
        gone: (session) => links.gone(session),
        refused: (code, detail) =>
          this.listeners.emit("degraded", {
            code: "tracker/refused",
            message: `The tracker refused this page (${code}): ${detail}`,
          }),
      },
    });
  }

  #newRetrieval(content: Content): Retrieval {
    const { clock, hasher, origin } = this.#ports;
    return new Retrieval(content, {
      clock,
      hasher,
      origin,
      cache: this.#cache,
      expectUntil: ({ startedAt, originError }) =>
        this.#mayShare() && this.#membership !== null
          ? this.#membership.expectUntil(content, startedAt, originError !== null)
          : startedAt,
      listener: {
        changed: () => this.#turnSoon(),
        verified: ({ content: { id, asset, chunkCount } }, index, source, bytes) => {
          this.#chunks.verified++;
          if (source === "peers") this.#bytes.peers += bytes;
          const news = this.#news.get(id) ?? [];
          news.push(index);
          this.#news.set(id, news);
          const { url } = asset;
          this.listeners.emit("chunk", { url, index, count: chunkCount, source, bytes });
        },
        cached: ({ content: { asset, chunkCount } }, index, bytes) => {
          this.#bytes.cache += bytes;
          const { url } = asset;
          const source = "cache";
          this.listeners.emit("chunk", { url, index, count: chunkCount, source, bytes });
        },
        read: (_retrieval, reading) => {
          if (!reading.done) return;
          const elapsedMs = clock.now() - reading.startedAt;
          const { url } = reading.content.asset;
          this.listeners.emit("retrieved", { url, elapsedMs, ...reading.bytes });
        },
        poisoned: (peer) => {
          this.#chunks.rejected++;
          this.#poisoners.add(peer);
          this.#links?.ban(peer, "poisoned");
        },
        pending: (retrieval, indices) => this.#tell(retrieval, "pending", indices),
        gaveUp: (retrieval, indices) => this.#tell(retrieval, "gone", indices),
        originBytes: (bytes) => {
          this.#bytes.origin += bytes;
        },
        originRate: (rate) => this.#originRate.add(rate),
        wasted: (bytes) => {
          this.#bytes.wasted += bytes;
        },
        superseded: (retrieval, index, peer) =>
          this.#links?.get(peer)?.cancel(retrieval.content.id, index),
        mismatch: (error) => {
          this.#chunks.rejected++;
          this.#catalogue.distrust(content.asset.url);
          this.#degraded(error);
        },
        finished: (retrieval) => this.#finished(retrieval),
      },
    });
  }

  #finished({ content }: Retrieval): void {
    this.#retrievals.delete(content.id);
    for (const link of this.#links?.all ?? []) link.drop(content.id);
    this.#membership?.join(content);
    this.#turnSoon();
  }

  #tell({ content }: Retrieval, kind: "pending" | "gone", indices: readonly number[]): void {
    for (const link of this.#links?.all ?? []) link.tell(content.id, kind, indices);
  }

  #mayShare(): boolean {
    return this.#consent === "granted" && !this.#suspended && this.#closing === null;
  }

  #applySharing(): void {
    if (this.#mayShare()) this.#discovery?.start();
    else {
      this.#report();
      this.#links?.closeAll();
      this.#discovery?.stop();
    }
    this.#turnSoon();
  }

  #applyUpload(): void {
    const { hidden, thrifty } = this.#conditions;
    this.#links?.choke(!this.#upload || hidden || thrifty);
  }

  #turnSoon(): void {
    if (this.#turning || this.#closing !== null) return;
    this.#turning = true;
    void Promise.resolve().then(() => {
      this.#turning = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#closing !== null) return;
    this.#timer?.();
    this.#timer = null;
    this.#shareNews();
    const { clock } = this.#ports;
    const now = clock.now();
    const wants = [...this.#retrievals.values()].sort(
      (one, other) => URGENCIES[one.urgency] - URGENCIES[other.urgency],
    );
    const open = wants.reduce((sum, want) => sum + want.runs.length, 0);
    const { actions, wakeAt } = plan({
      now,
      selfSeed: seedOf(this.#id ?? this.#discovery?.secret ?? ""),
      wants,
      links: this.#links?.all ?? [],
      origin: { freeReads: ORIGIN_READS - open, bytesPerSecond: this.#originRate.value },
    });
    for (const action of actions) this.#perform(action);
    for (const want of wants) this.#failIfHopeless(want, now);
    if (wakeAt !== "never") {
      this.#timer = clock.after(wakeAt - now, () => {
        this.#timer = null;
        this.#turn();
      });
    }
  }

  #perform(action: Action): void {
    switch (action.do) {
      case "request": {
        const link = this.#links?.get(action.peer);
        const retrieval = this.#retrievals.get(action.content);
        if (link === undefined || retrieval === undefined) return;
        retrieval.asked(action.peer, action.index);
        link.request(retrieval.content, action.index);
        return;
      }
      case "rest": {
        const link = this.#links?.get(action.peer);
        if (link === undefined) return;
        for (const retrieval of this.#retrievals.values()) {
          for (const index of retrieval.lost(action.peer)) link.cancel(retrieval.content.id, index);
        }
        this.#links?.rest(link);
        this.#turnSoon();
        return;
      }
      case "read":
        return this.#retrievals.get(action.content)?.readOrigin(action.first, action.last);
      case "trim":
        return this.#retrievals.get(action.content)?.trim(action.at, action.last);
      case "abandon":
        return this.#retrievals.get(action.content)?.abandon(action.at);
      default:
        return unreachable(action);
    }
  }

  /** The origin failed, and no peer has or is about to have what is missing. */
  #failIfHopeless(retrieval: Retrieval, now: Millis): void {
    const error = retrieval.originError;
    if (error === null || retrieval.underWay || now < retrieval.expectUntil) return;
    if (retrieval.originMayRecover) return;
    const { id } = retrieval.content;
    for (let index = retrieval.position; index < retrieval.until; index++) {
      if (retrieval.has(index)) continue;
      const promised = (this.#links?.all ?? []).some(
        (link) => link.has(id, index) || link.awaitedSince(id) !== "answered",
      );
      if (!promised) return retrieval.fail(error);
    }
  }

  #shareNews(): void {
    for (const [content, indices] of this.#news) {
      for (const link of this.#links?.all ?? []) link.tell(content, "have", indices);
    }
    this.#news.clear();
  }

  #reportAgain(): void {
    this.#report();
    this.#reporting = this.#ports.clock.after(REPORT_EVERY, () => this.#reportAgain());
  }

  #report(): void {
    const now = { ...this.#bytes, uploaded: this.#allowance.given };
    const before = this.#reported;
    const delta = {
      cache: now.cache - before.cache,
      peers: now.peers - before.peers,
      origin: now.origin - before.origin,
      uploaded: now.uploaded - before.uploaded,
    };
    const poisoned = [...this.#poisoners].slice(0, 16);
    const moved = delta.cache + delta.peers + delta.origin + delta.uploaded > 0;
    if (!moved && poisoned.length === 0) return;
    if (this.#discovery?.report(delta, poisoned) !== true) return;
    Object.assign(before, {
      cache: now.cache,
      peers: now.peers,
      origin: now.origin,
      uploaded: now.uploaded,
    });
    for (const peer of poisoned) this.#poisoners.delete(peer);
  }

  #storageFull(): void {
    if (this.#saidFull) return;
    this.#saidFull = true;
    const message = "The browser's storage is full: what comes now is kept in memory only.";
    this.listeners.emit("degraded", { code: "storage/full", message });
  }

  #degraded(error: ShoalError): void {
    this.listeners.emit("degraded", { code: error.code, message: error.message });
  }
}

const URGENCIES: Readonly<Record<Urgency, number>> = { now: 0, soon: 1, idle: 2 };
