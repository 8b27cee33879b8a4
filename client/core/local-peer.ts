// This browser in its swarms: the core as the page's side sees it. Puts catalogue, cache, retrievals and everybody
// else together, and decides with whom anything is shared at all.

import { Account } from "./account.ts";
import { ChunkCache } from "./cache/chunk-cache.ts";
import { Catalogue } from "./catalogue/catalogue.ts";
import { contentOf } from "./catalogue/content.ts";
import { Hearsay } from "./catalogue/hearsay.ts";
import { Purges } from "./catalogue/purges.ts";
import { ShoalError } from "./errors.ts";
import { type ClientEvents, Listeners } from "./events.ts";
import type { Ports, Transport } from "./ports.ts";
import { Retrievals } from "./retrievals.ts";
import { rank } from "./retrieve/election.ts";
import { Origins } from "./retrieve/origins.ts";
import type { Reading } from "./retrieve/reading.ts";
import type { ByteStats, Circumstances, ClientStats } from "./stats.ts";
import { Neighbourhood } from "./swarm/neighbourhood.ts";
import type { RemotePeer } from "./swarm/remote-peer.ts";
import { UploadAllowance } from "./swarm/upload.ts";
import type { ByteCount, ByteRange, Conditions, Content, Millis, Urgency } from "./vocabulary.ts";

export interface LocalPeerSettings {
  /** `null`: no tracker, and so no peers. */
  readonly trackerUrl: string | null;
  readonly manifestUrl: string;
  readonly pinnedKey: string | null;
  /** Where the assets are to be had as well; URLs without a slash at the end. */
  readonly origins: readonly string[];
  readonly region: string | null;
  readonly token: string | null;
  /** Known a moment later: the browser is asked for its quota. */
  readonly cacheBytes: Promise<ByteCount>;
  /** What of it may stay in memory as well; 32 MiB unless said otherwise. */
  readonly hotBytes?: ByteCount;
  readonly upload: boolean;
  readonly uploadSessionBytes: ByteCount;
  readonly uploadBytesPerSecond: ByteCount;
  readonly consent: "granted" | "ask" | "denied";
}

const PROBING = 2;
/** With so many links a visitor is one of a crowd, which turns to the origin together when something is lost. */
const CROWD = 3;
const TOGETHER: Millis = 1000;

export class LocalPeer {
  readonly listeners = new Listeners();
  readonly #settings: LocalPeerSettings;
  readonly #ports: Ports;
  readonly #cache: ChunkCache;
  readonly #purges: Purges;
  readonly #catalogue: Catalogue;
  readonly #hearsay: Hearsay;
  /** `null`: no WebRTC, or no tracker. */
  readonly #others: Neighbourhood | null;
  readonly #allowance: UploadAllowance;
  readonly #account: Account;
  readonly #origins: Origins;
  readonly #retrievals: Retrievals;
  #consent: "granted" | "ask" | "denied";
  #upload: boolean;
  #conditions: Conditions = { hidden: false, thrifty: false };
  #suspended = false;
  #started: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #saidFull = false;
  /** When links failed lately. */
  #losses: readonly Millis[] = [];

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
    this.#account = new Account(() => this.#allowance.given);
    this.#cache = new ChunkCache({
      clock,
      hasher,
      chunks: ports.chunks,
      index,
      hotBytes: settings.hotBytes,
      gone: (content, indices) => {
        this.#others?.tell(content, "gone", indices);
        this.#retrievals.turnSoon();
      },
      full: () => this.#storageFull(),
    });
    this.#purges = new Purges({
      clock,
      hasher,
      index,
      purged: (purges) => {
        this.#catalogue.purged(purges);
        this.#forgetPurged();
      },
    });
    this.#catalogue = new Catalogue({
      clock,
      random: ports.random,
      hasher,
      origin,
      index,
      url: settings.manifestUrl,
      pinnedKey: settings.pinnedKey,
      purges: this.#purges,
      problem: ({ code, message }) => this.#degraded(code, message),
    });
    this.#origins = new Origins({
      clock,
      random: ports.random,
      origin,
      others: settings.origins,
      probes: () => this.#probes(),
    });
    this.#retrievals = new Retrievals({
      clock,
      hasher,
      origin: this.#origins,
      cache: this.#cache,
      account: this.#account,
      listeners: this.listeners,
      others: () => (this.#mayShare() ? this.#others : null),
      mismatch: (content, { code, message }) => {
        // Once for a file, however many of its chunks are others.
        if (this.#catalogue.distrust(content.asset.url)) this.#degraded(code, message);
      },
    });
    this.#hearsay = new Hearsay({
      clock,
      hasher,
      believes: (asset) => this.#catalogue.believes(asset),
      held: () => [...this.#cache.contents, ...[...this.#retrievals.all].map((one) => one.content)],
      neighbours: () => this.#links.map(({ descriptions }) => descriptions),
    });
    const { transport } = ports;
    const { trackerUrl } = settings;
    this.#others =
      transport === null || trackerUrl === null ? null : this.#meet(transport, trackerUrl);
  }

  /** Opens the cache, reads the manifest, joins the swarm. Resolves when requests can be answered; never rejects. */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    if (this.#mayShare() && this.#others !== null) this.#others.enter();
    else this.#purges.unreachable();
    const { hasher } = this.#ports;
    const budget = await this.#settings.cacheBytes;
    await Promise.all([
      this.#cache.open(budget, (asset) => contentOf(asset, hasher)),
      this.#catalogue.load(),
    ]);
    this.#forgetPurged();
    this.#others?.offer();
  }

  /** What was taken back is served to nobody any more, from nowhere: the page gets the network's word on it. */
  #forgetPurged(): void {
    const isPurged = ({ asset }: Content): boolean => this.#purges.judge(asset) === "hard";
    for (const retrieval of [...this.#retrievals.all]) {
      const { content, position } = retrieval;
      if (!isPurged(content)) continue;
      const { url } = content.asset;
      retrieval.fail(new ShoalError("content/purged", { url, chunk: position }));
    }
    for (const { id } of this.#cache.contents.filter(isPurged)) this.#cache.forget(id);
  }

  /** What the manifest says of an absolute URL without fragment; `undefined`: not ours to serve. */
  async find(url: string): Promise<Content | undefined> {
    if (this.#closing !== null) return undefined;
    await this.start();
    return this.#catalogue.find(url);
  }

  /** Whether anything of it is cached. */
  holds(content: Content): boolean {
    return (this.#cache.holding(content.id)?.held ?? 0) > 0;
  }

  /** The network has failed for this URL: what this browser and its neighbours know of it nevertheless. */
  async salvage(url: string): Promise<Content | undefined> {
    return this.#closing === null ? this.#hearsay.find(url) : undefined;
  }

  /** Reads a range of a content, from wherever it comes soonest. `origins`: where this one is to be had as well. */
  read(
    content: Content,
    range: ByteRange,
    urgency: Urgency,
    origins: readonly string[] = [],
  ): Reading {
    this.#origins.name(content.asset.url, origins);
    return this.#retrievals.read(content, range, urgency);
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
    void this.#cache.settle();
  }
  resume(): void {
    this.#suspended = false;
    this.#applySharing();
  }

  /** The bytes alone, for who asks often. */
  get bytes(): ByteStats {
    return this.#account.bytes;
  }

  stats(): ClientStats {
    const { verified, rejected, offload, bytes } = this.#account;
    const { budget, persistent, contents } = this.#cache;
    return {
      state: this.#state(),
      tracker: this.#others?.discovery.state ?? "off",
      consent: this.#consent,
      upload: this.#mayShare() && this.#wouldGive && !this.#allowance.exhausted,
      peerId: this.#others?.id ?? null,
      region: this.#others?.region ?? null,
      bytes,
      offload,
      chunks: { verified, rejected },
      cache: { bytes: this.#cache.bytes, assets: contents.length, budget, persistent },
      links: this.#links.map(({ id, proximity, rttMs, bytesDown, bytesUp }) => ({
        peer: id,
        proximity,
        rttMs,
        bytesDown,
        bytesUp,
      })),
    };
  }

  /** `null`: there can be no others. */
  get circumstances(): Circumstances | null {
    return this.#others?.circumstances ?? null;
  }

  /** Leaves the swarm, writes what is unwritten, frees everything. Open readings fail with `client/closed`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#retrievals.close(new ShoalError("client/closed", {}));
    this.#others?.leave();
    await this.#started;
    await this.#cache.close();
  }

  #state(): ClientStats["state"] {
    if (this.#closing !== null) return "closed";
    const tracker = this.#others?.discovery.state ?? "off";
    if (this.#links.length > 0 || tracker === "connected") return "in-swarm";
    return tracker === "connecting" ? "joining" : "origin-only";
  }

  get #links(): readonly RemotePeer[] {
    return this.#others?.links.all ?? [];
  }

  #meet(transport: Transport, trackerUrl: string): Neighbourhood {
    const { region, token } = this.#settings;
    return new Neighbourhood({
      ports: this.#ports,
      transport,
      trackerUrl,
      region,
      token,
      cache: this.#cache,
      purges: this.#purges,
      statement: (url) => this.#hearsay.statement(url),
      allowance: this.#allowance,
      pending: (content) => this.#retrievals.get(content)?.pending ?? [],
      listener: {
        changed: () => this.#retrievals.turnSoon(),
        ready: (link) => {
          for (const retrieval of this.#retrievals.all) link.ask(retrieval.content);
          this.listeners.emit("peer-joined", { peer: link.id, proximity: link.proximity });
          this.#retrievals.turnSoon();
        },
        received: (link, content, index, bytes) => {
          const retrieval = this.#retrievals.get(content);
          if (retrieval === undefined) this.#account.wasted += bytes.length;
          else retrieval.received(link.id, index, bytes);
        },
        refused: (link, content, index) => this.#retrievals.get(content)?.unasked(link.id, index),
        wasted: (bytes) => {
          this.#account.wasted += bytes;
        },
        left: (link, reason) => {
          for (const retrieval of this.#retrievals.all) retrieval.lost(link.id);
          if (reason !== "local") this.#lost();
          this.listeners.emit("peer-left", { peer: link.id, reason });
          this.#retrievals.turnSoon();
        },
        violated: (peer, kind) => this.listeners.emit("violation", { peer, kind }),
        trackerChanged: (tracker) => {
          if (tracker === "unreachable" && this.#links.length >= CROWD) this.#origins.surge();
          this.listeners.emit("tracker-changed", { tracker });
          this.#retrievals.turnSoon();
        },
        trackerRefused: (code, detail) =>
          this.#degraded("tracker/refused", `The tracker refused this page (${code}): ${detail}`),
        reportDue: () =>
          this.#account.report(
            (bytes, poisoned) => this.#others?.discovery.report(bytes, poisoned) ?? false,
          ),
      },
    });
  }

  /** A link failed. One is somebody who left; several in one moment are lost to the others as well. */
  #lost(): void {
    const now = this.#ports.clock.now();
    this.#losses = [...this.#losses, now].filter((at) => at > now - TOGETHER);
    if (this.#losses.length >= CROWD) this.#origins.surge();
  }

  /** Two of the linked visitors, and whoever is alone, find out whether an origin is back. */
  #probes(): boolean {
    const seeds = this.#links.map(({ seed }) => seed);
    return rank(this.#others?.seed ?? 0, seeds, 0, 0) < PROBING;
  }

  #mayShare(): boolean {
    return this.#consent === "granted" && !this.#suspended && this.#closing === null;
  }

  #applySharing(): void {
    if (this.#mayShare()) this.#others?.enter();
    else this.#others?.leave();
    this.#retrievals.turnSoon();
  }

  get #wouldGive(): boolean {
    const { hidden, thrifty } = this.#conditions;
    return this.#upload && !hidden && !thrifty;
  }

  #applyUpload(): void {
    this.#others?.links.choke(!this.#wouldGive);
  }

  #storageFull(): void {
    if (this.#saidFull) return;
    this.#saidFull = true;
    const message = "The browser's storage is full: what comes now is kept in memory only.";
    this.#degraded("storage/full", message);
  }

  #degraded(code: ClientEvents["degraded"]["code"], message: string): void {
    this.listeners.emit("degraded", { code, message });
  }
}
