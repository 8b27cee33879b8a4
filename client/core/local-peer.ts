// This browser in its swarms: the core as the page's side sees it. Puts catalogue, cache, retrievals and everybody
// else together, and decides with whom anything is shared at all.

import type { Bytes } from "../../tracker/protocol/bytes.ts";
import { Account } from "./account.ts";
import { chunksOf } from "./cache/adoption.ts";
import { ChunkCache } from "./cache/chunk-cache.ts";
import { Catalogue, type Found } from "./catalogue/catalogue.ts";
import { contentOf } from "./catalogue/content.ts";
import { Hearsay } from "./catalogue/hearsay.ts";
import { Purges } from "./catalogue/purges.ts";
import { Crowd } from "./crowd.ts";
import { ShoalError } from "./errors.ts";
import { type ClientEvents, Listeners } from "./events.ts";
import { Outdated } from "./outdated.ts";
import type { Ports, Transport } from "./ports.ts";
import { Retrievals } from "./retrievals.ts";
import { rank } from "./retrieve/election.ts";
import { Origins } from "./retrieve/origins.ts";
import type { Reading } from "./retrieve/reading.ts";
import type { LocalPeerSettings } from "./settings.ts";
import type { Siblings, SiblingsListener } from "./siblings.ts";
import { type ByteStats, type Circumstances, type ClientStats, linkStatsOf } from "./stats.ts";
import { Neighbourhood } from "./swarm/neighbourhood.ts";
import type { RemotePeer } from "./swarm/remote-peer.ts";
import { UploadAllowance } from "./swarm/upload.ts";
import type { ByteRange, CacheMode, Conditions, Content, Urgency } from "./vocabulary.ts";

const PROBING = 2;

export class LocalPeer {
  readonly listeners = new Listeners();
  readonly #settings: LocalPeerSettings;
  readonly #ports: Ports;
  readonly #cache: ChunkCache;
  readonly #purges: Purges;
  readonly catalogue: Catalogue;
  readonly #hearsay: Hearsay;
  /** `null`: no WebRTC, or no tracker. */
  readonly #others: Neighbourhood | null;
  readonly #allowance: UploadAllowance;
  readonly #account: Account;
  readonly #origins: Origins;
  /** `null`: there are none, or the stores are ours alone. */
  #siblings: Siblings | null = null;
  readonly #retrievals: Retrievals;
  readonly #outdated: Outdated;
  #consent: "granted" | "ask" | "denied";
  #upload: boolean;
  #conditions: Conditions = { hidden: false, thrifty: false };
  #suspended = false;
  #started: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #saidFull = false;
  readonly #crowd: Crowd;

  constructor(settings: LocalPeerSettings, ports: Ports) {
    this.#settings = settings;
    this.#ports = ports;
    this.#consent = settings.consent;
    this.#upload = settings.upload;
    const { clock, hasher, transport } = ports;
    this.#allowance = new UploadAllowance(clock, {
      session: settings.uploadSessionBytes,
      perSecond: settings.uploadBytesPerSecond,
    });
    this.#account = new Account(() => this.#allowance.given);
    this.#cache = new ChunkCache({
      ...ports,
      hotBytes: settings.hotBytes,
      gone: (content, indices) => {
        this.#others?.tell(content, "gone", indices);
        this.#retrievals.turnSoon();
      },
      full: () => this.#storageFull(),
      tell: (news, content, indices) => this.#siblings?.tell(news, content, indices),
      tidy: (work) => (this.#siblings === null ? work() : this.#siblings.tidy(work)),
      learned: (content, indices) => {
        this.#others?.tell(content, "have", indices);
        const retrieval = this.#retrievals.get(content);
        for (const index of retrieval === undefined ? [] : indices) {
          const chunk = this.#cache.read(content, index);
          void chunk.then((bytes) => bytes && retrieval?.found(index, bytes));
        }
      },
    });
    this.#purges = new Purges({
      ...ports,
      purged: (purges) => {
        this.catalogue.purged(purges);
        this.#outdated.forgetPurged();
      },
    });
    this.catalogue = new Catalogue({
      ...ports,
      ...settings,
      url: settings.manifestUrl,
      purges: this.#purges,
      adopt: async (content, body) => {
        // The tracker has it from there.
        if (await this.adopt(content, body)) this.#account.origin += body.length;
      },
      mayAsk: () => this.#others !== null && this.#mayShare(),
      grew: () => this.#retrievals.turnSoon(),
      unshareable: (content, error) => this.#retrievals.get(content.id)?.fail(error),
      problem: ({ code, message }) => this.#degraded(code, message),
    });
    this.#origins = new Origins({
      clock,
      random: ports.random,
      origin: this.catalogue.origin,
      others: settings.origins,
      probes: () => this.#probes(),
    });
    this.#crowd = new Crowd(clock, () => this.#origins.surge());
    this.#retrievals = new Retrievals({
      clock,
      hasher,
      origin: this.#origins,
      cache: this.#cache,
      account: this.#account,
      listeners: this.listeners,
      others: () => (this.#mayShare() ? this.#others : null),
      siblings: () => this.#siblings,
      mismatch: async (content, { code, message }) => {
        if (await this.catalogue.insists(content)) this.#degraded(code, message);
      },
    });
    this.#outdated = new Outdated({
      cache: this.#cache,
      purges: this.#purges,
      retrievals: this.#retrievals,
    });
    this.#hearsay = new Hearsay({
      clock,
      hasher,
      believes: (asset) => this.catalogue.believes(asset),
      held: () => [...this.#cache.contents, ...[...this.#retrievals.all].map((one) => one.content)],
      neighbours: () => this.#links.map(({ descriptions }) => descriptions),
    });
    const { trackerUrl } = settings;
    this.#others =
      transport === null || trackerUrl === null ? null : this.#meet(transport, trackerUrl);
  }

  /** Opens the cache, reads the manifest, joins the swarm. Resolves when requests can be answered; never rejects. */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /** Another tab of this visitor's is there; from now on they work together. Once. */
  join(siblingsOver: (listener: SiblingsListener) => Siblings): void {
    if (this.#siblings !== null || this.#suspended || this.#closing !== null) return;
    this.#siblings = siblingsOver({
      met: (peer) => this.#others?.links.avoid(peer),
      stored: (content, indices) => void this.#cache.learn(content, indices),
      gone: (content, indices) => this.#cache.unlearn(content, indices),
      serves: (content, indices) => this.#retrievals.get(content)?.isServedBy(indices) === true,
      joined: () => {
        for (const { content } of this.#retrievals.all) this.#siblings?.claim(content.id);
      },
      free: () => this.#retrievals.turnSoon(),
    });
    this.#siblings.named(this.#others?.id ?? null);
    this.#siblings.open();
  }

  async #start(): Promise<void> {
    if (this.#mayShare() && this.#others !== null) this.#others.enter();
    else this.#purges.unreachable();
    const budget = await this.#settings.cacheBytes;
    await Promise.all([
      this.#cache.open(budget, (asset) => contentOf(asset, this.#ports.hasher)),
      this.catalogue.load(),
    ]);
    this.#outdated.forgetPurged();
    this.#others?.offer();
  }

  /** What is behind an absolute URL without fragment, and whether it still is; `undefined`: not ours to serve. */
  async find(url: string, mode: CacheMode = "default"): Promise<Found | undefined> {
    if (this.#closing !== null) return undefined;
    await this.start();
    return this.catalogue.find(url, mode);
  }
  /** Whether this browser holds all of it, so that nobody need be asked. */
  holds({ id, asset: { chunkBytes } }: Content, { first, last }: ByteRange): boolean {
    const chunk = (at: number): number => Math.floor(at / chunkBytes);
    return this.#cache.holding(id)?.hasAll(chunk(first), chunk(last)) ?? false;
  }

  /** The same for the service worker, which answers by it without us; `undefined`, too, if nothing of it is cached. */
  async standing(url: string): ReturnType<Catalogue["standing"]> {
    const known = await this.catalogue.standing(url);
    return known && this.#cache.holding(known.content.id)?.held ? known : undefined;
  }

  /** All bytes of a content, from elsewhere: kept and offered if they are right, else `false`. */
  async adopt(content: Content, body: Bytes): Promise<boolean> {
    const chunks = await chunksOf(content, body, this.#ports.hasher);
    if (chunks === undefined || this.#closing !== null) return false;
    const retrieval = this.#retrievals.get(content.id);
    for (const [index, chunk] of chunks.entries()) {
      this.#cache.add(content, index, chunk);
      // What is held is asked of nobody: who waits for it has to hear of it here, or waits for ever.
      retrieval?.found(index, chunk);
    }
    this.#others?.tell(content.id, "have", [...chunks.keys()]);
    if (retrieval === undefined) this.#others?.release(content);
    return true;
  }

  /** The network has failed for this URL: what this browser and its neighbours know of it nevertheless. */
  async salvage(url: string): Promise<Content | undefined> {
    const content = this.#closing === null ? await this.#hearsay.find(url) : undefined;
    return content && (await this.catalogue.lastsFor(content)) > 0 ? content : undefined;
  }

  /** Reads a range of a content, from wherever it comes soonest. `origins`: where this one is to be had as well. */
  read(content: Content, range: ByteRange, urgency: Urgency, origins?: readonly string[]): Reading {
    this.#origins.name(content.asset.url, origins ?? []);
    // Published files change with the site; what the tracker vouches for may change all day.
    if (content.asset.headers !== undefined) this.#outdated.forgetOlder(content);
    const reading = this.#retrievals.read(content, range, urgency);
    // It may have been taken back since it was found.
    if (this.#purges.judge(content.asset) === "hard") this.#outdated.forgetPurged();
    return reading;
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
    this.#siblings?.close();
    this.catalogue.pause();
    this.#applySharing();
    void this.#cache.settle();
  }
  resume(): void {
    this.#suspended = false;
    this.#siblings?.open();
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
      links: this.#links.map(linkStatsOf),
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
    this.catalogue.close();
    await this.#started;
    await this.#cache.close();
    this.#siblings?.close();
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
          if (reason !== "local") this.#crowd.lostLink();
          this.listeners.emit("peer-left", { peer: link.id, reason });
          this.#retrievals.turnSoon();
        },
        violated: (peer, kind) => this.listeners.emit("violation", { peer, kind }),
        trackerChanged: (tracker) => {
          if (tracker === "unreachable") this.#crowd.lostTracker(this.#links.length);
          this.listeners.emit("tracker-changed", { tracker });
          this.#retrievals.turnSoon();
        },
        named: (self) => this.#siblings?.named(self),
        trackerRefused: (code, detail) =>
          this.#degraded("tracker/refused", `The tracker refused this page (${code}): ${detail}`),
        reportDue: () =>
          this.#account.report(
            (bytes, poisoned) => this.#others?.discovery.report(bytes, poisoned) ?? false,
          ),
      },
    });
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
