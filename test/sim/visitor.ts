// One simulated visitor: the real core on simulated ports, and what its page saw. Compares every byte that reaches the
// page or the disk with the truth (I1).

import { LocalPeer } from "../../client/core/local-peer.ts";
import type { LocalPeerSettings } from "../../client/core/settings.ts";
import type { ClientStats } from "../../client/core/stats.ts";
import type { ByteRange, Millis, Urgency } from "../../client/core/vocabulary.ts";
import { SimClock } from "./clock.ts";
import type { Node } from "./network.ts";
import { looksEqual } from "./sample.ts";
import { SimStore } from "./store.ts";
import type { World } from "./world.ts";

const DISK: Millis = 3;
/** From a visitor's goodbye until what they left behind is looked at. */
const GRACE: Millis = 1000;
const PLENTY = 1024 * 1024 * 1024;
/** Nothing stays in memory beside the disk: a thousand visitors have to fit into one process. */
const HOT = 0;

export interface Visit {
  readonly url: string;
  /** Bytes asked for. */
  readonly length: number;
  readonly from: Millis;
  until: Millis | null;
  received: number;
  failed: string | null;
  /** Resolves when it has succeeded or failed, or its page is gone. */
  readonly over: Promise<void>;
}

export class Visitor {
  readonly name: string;
  readonly node: Node;
  readonly clock: SimClock;
  readonly peer: LocalPeer;
  readonly chunks: SimStore;
  readonly index: SimStore;
  readonly settings: Partial<LocalPeerSettings>;
  readonly visits: Visit[] = [];
  fate: "here" | "closed" | "vanished" = "here";
  /** Bytes that reached the page. */
  served = 0;
  /** Those that the page read from the network itself. */
  passed = 0;
  readonly #world: World;
  readonly #underWay = new Map<Visit, () => void>();

  constructor(
    world: World,
    name: string,
    node: Node,
    settings: Partial<LocalPeerSettings>,
    disk?: { chunks: SimStore; index: SimStore },
  ) {
    this.#world = world;
    this.name = name;
    this.settings = settings;
    this.node = node;
    if (settings.uploadBytesPerSecond !== undefined) node.uploads = [];
    this.clock = new SimClock(world.timeline);
    const { clock } = this;
    const { place } = node;
    const { census } = world;
    const watcher = census.watcher(place);
    this.chunks =
      disk?.chunks.reopen(clock, watcher) ??
      new SimStore({ clock, room: PLENTY, latency: DISK, watcher });
    for (const key of this.chunks.held) census.count(place, key, 1);
    this.index = disk?.index.reopen(clock) ?? new SimStore({ clock, room: PLENTY, latency: DISK });
    this.peer = new LocalPeer(
      {
        trackerUrl: "wss://tracker.example/",
        manifestUrl: world.manifestUrl,
        published: true,
        site: "https://site.example",
        pinnedKeys: null,
        attest: world.attestor?.attest ?? null,
        origins: [],
        region: null,
        token: null,
        cacheBytes: Promise.resolve(PLENTY),
        hotBytes: HOT,
        upload: true,
        uploadSessionBytes: Number.POSITIVE_INFINITY,
        uploadBytesPerSecond: Number.POSITIVE_INFINITY,
        consent: "granted",
        ...settings,
      },
      {
        clock,
        random: world.random.fork(name),
        hasher: world.hasher,
        chunks: this.chunks,
        index: this.index,
        origin: world.attestor?.beside(node) ?? world.origin.for(node),
        transport: node,
        tracker: world.tracker.connector(node, {
          networks: [name],
          ...(world.isBlind ? {} : { country: place.country, continent: place.continent }),
          label: place.country,
          site: "https://site.example",
        }),
      },
    );
    this.peer.listeners.on("violation", ({ peer, kind }) => {
      world.trace.add(clock.now(), name, "violation", `${peer} ${kind}`);
      world.accused(name, peer, kind);
    });
    void this.peer.start();
  }

  get left(): boolean {
    return this.fate !== "here";
  }
  get stats(): ClientStats {
    return this.peer.stats();
  }

  /** Fetches, as a page would; `visit` tells how it went. */
  fetch(url: string, range?: ByteRange, urgency: Urgency = "now"): Visit {
    let isOver = (): void => {};
    const over = new Promise<void>((resolve) => {
      isOver = resolve;
    });
    const from = this.clock.now();
    const length =
      range === undefined
        ? (this.#world.origin.body(url)?.length ?? 0)
        : range.last - range.first + 1;
    const visit: Visit = { url, length, from, until: null, received: 0, failed: null, over };
    this.visits.push(visit);
    this.#underWay.set(visit, isOver);
    this.#world.begun(visit);
    void this.#fetch(visit, range, urgency).finally(() => this.#over(visit));
    return visit;
  }

  async #fetch(visit: Visit, range: ByteRange | undefined, urgency: Urgency): Promise<void> {
    const truth = this.#world.origin.body(visit.url);
    const found = await this.peer.find(visit.url);
    const content = found && (found.current === null ? found.content : await found.current);
    if (content === undefined || truth === undefined) return this.#passThrough(visit, range);
    const { first, last } = range ?? { first: 0, last: truth.length - 1 };
    const reading = this.peer.read(content, { first, last }, urgency);
    try {
      for (let at = first; ; ) {
        const bytes = await reading.next();
        if (bytes === null) break;
        this.#world.truth(
          this.name,
          "page",
          looksEqual(bytes, truth.subarray(at, at + bytes.length)),
        );
        at += bytes.length;
        this.served += this.#newsOf(visit, bytes.length);
        visit.received += bytes.length;
        this.#world.balance(this.name, this.served, this.peer.bytes);
      }
      visit.until = this.clock.now();
      this.#world.trace.add(visit.until, this.name, "fetched", visit.url);
    } catch (error) {
      visit.failed = String(error);
      this.#world.trace.add(this.clock.now(), this.name, "failed", `${visit.url} ${visit.failed}`);
    }
  }

  /** Of so many more bytes, those that another fetch of the same at the same time has not shown the page (I4). */
  #newsOf(visit: Visit, more: number): number {
    let shown = visit.received;
    for (const other of this.visits) {
      const isBeside = other !== visit && other.url === visit.url;
      if (isBeside && (other.until === null || other.until >= visit.from)) {
        shown = Math.max(shown, other.received);
      }
    }
    return Math.max(0, visit.received + more - shown);
  }

  /** What nobody vouches for is the network's: as the page would have got it without us. */
  #passThrough(
    visit: Visit,
    range: ByteRange = { first: 0, last: visit.length - 1 },
  ): Promise<void> {
    return new Promise((resolve) => {
      const request = { url: visit.url, range, cache: "default" } as const;
      this.#world.origin.for(this.node).read(request, {
        start: () => {},
        bytes: ({ length }) => {
          visit.received += length;
          this.passed += length;
        },
        end: (outcome) => {
          const now = this.clock.now();
          if (outcome.kind === "complete") visit.until = now;
          else visit.failed = `passed through: ${outcome.kind}`;
          this.#world.trace.add(now, this.name, "passed through", visit.url);
          resolve();
        },
      });
    });
  }

  /** The tab goes to the background, or comes back. */
  hide(on: boolean): void {
    this.clock.hidden = on;
    this.peer.setConditions({ hidden: on, thrifty: false });
    this.#world.trace.add(this.clock.now(), this.name, on ? "hidden" : "shown");
  }

  /** Closes the tab without a word. */
  vanish(): void {
    this.#leave("vanished");
    this.clock.stop();
    this.node.vanish();
    this.#world.tracker.vanish(this.node);
  }

  /** Closes the client properly. */
  async close(): Promise<void> {
    this.#leave("closed");
    await this.peer.close();
  }
  /** Closes it so long after this fetch is over, and is forgotten. */
  closeAfter(visit: Visit, stay: Millis): void {
    void visit.over.then(() => {
      this.#world.in(stay, () => {
        // A disk may still be answering: that is no timer of the client.
        void this.close().then(() => this.#world.in(GRACE, () => this.#world.departed(this)));
      });
    });
  }

  #leave(how: "closed" | "vanished"): void {
    if (this.left) return;
    this.fate = how;
    this.#world.trace.add(this.clock.now(), this.name, how);
    for (const key of this.chunks.held) this.#world.census.count(this.node.place, key, -1);
    for (const visit of this.#underWay.keys()) this.#over(visit);
  }

  #over(visit: Visit): void {
    const isOver = this.#underWay.get(visit);
    if (!this.#underWay.delete(visit)) return;
    this.#world.ended(visit);
    isOver?.();
  }
}
