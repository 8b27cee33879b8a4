// One simulated visitor: the real core on simulated ports, and what its page saw. Compares every byte that reaches the
// page or the disk with the truth (I1).

import { LocalPeer, type LocalPeerSettings } from "../../client/core/local-peer.ts";
import type { ClientStats } from "../../client/core/stats.ts";
import type { ByteRange, Millis, Urgency } from "../../client/core/vocabulary.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import { CHUNK_BYTES } from "../../tracker/protocol/manifest.ts";
import { SimClock } from "./clock.ts";
import { simHasher } from "./hasher.ts";
import type { Node } from "./network.ts";
import { SimStore } from "./store.ts";
import type { World } from "./world.ts";

const DISK: Millis = 3;
const PLENTY = 1024 * 1024 * 1024;

export interface Visit {
  readonly url: string;
  readonly from: Millis;
  until: Millis | null;
  received: number;
  failed: string | null;
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
  /** Peers it called poisoners or protocol breakers. */
  readonly accused: { readonly peer: string; readonly kind: string }[] = [];
  left = false;
  /** Bytes that reached the page. */
  served = 0;
  readonly #world: World;

  constructor(
    world: World,
    name: string,
    node: Node,
    country: string,
    settings: Partial<LocalPeerSettings>,
    disk?: { chunks: SimStore; index: SimStore },
  ) {
    this.#world = world;
    this.name = name;
    this.settings = settings;
    this.node = node;
    this.clock = new SimClock(world.timeline);
    const { clock } = this;
    this.chunks =
      disk?.chunks.reopen(clock) ??
      new SimStore({
        clock,
        room: PLENTY,
        latency: DISK,
        written: (key, bytes) => this.#written(key, bytes),
      });
    this.index = disk?.index.reopen(clock) ?? new SimStore({ clock, room: PLENTY, latency: DISK });
    this.peer = new LocalPeer(
      {
        trackerUrl: "wss://tracker.example/",
        manifestUrl: world.manifestUrl,
        pinnedKey: null,
        region: null,
        token: null,
        cacheBytes: Promise.resolve(PLENTY),
        upload: true,
        uploadSessionBytes: Number.POSITIVE_INFINITY,
        uploadBytesPerSecond: Number.POSITIVE_INFINITY,
        consent: "granted",
        ...settings,
      },
      {
        clock,
        random: world.random.fork(name),
        hasher: simHasher,
        chunks: this.chunks,
        index: this.index,
        origin: world.origin.for(node),
        transport: node,
        tracker: world.tracker.connector(node, {
          networks: [name],
          country,
          continent: country.slice(0, 1),
          label: country,
          site: "https://site.example",
        }),
      },
    );
    this.peer.listeners.on("violation", ({ peer, kind }) => {
      this.accused.push({ peer, kind });
      world.trace.add(clock.now(), name, "violation", `${peer} ${kind}`);
    });
    void this.peer.start();
  }

  get stats(): ClientStats {
    return this.peer.stats();
  }

  /** Fetches, as a page would; `visit` tells how it went. */
  fetch(url: string, range?: ByteRange, urgency: Urgency = "now"): Visit {
    const visit: Visit = { url, from: this.clock.now(), until: null, received: 0, failed: null };
    this.visits.push(visit);
    void this.#fetch(visit, range, urgency);
    return visit;
  }

  async #fetch(visit: Visit, range: ByteRange | undefined, urgency: Urgency): Promise<void> {
    const truth = this.#world.origin.body(visit.url);
    const content = await this.peer.find(visit.url);
    if (content === undefined || truth === undefined) {
      visit.failed = "not vouched for";
      return;
    }
    const { first, last } = range ?? { first: 0, last: truth.length - 1 };
    const reading = this.peer.read(content, { first, last }, urgency);
    try {
      for (let at = first; ; ) {
        const bytes = await reading.next();
        if (bytes === null) break;
        this.#world.truth(this.name, "page", equal(bytes, truth.subarray(at, at + bytes.length)));
        at += bytes.length;
        visit.received += bytes.length;
        this.served += bytes.length;
        this.#world.balance(this.name, this.served, this.peer.bytes);
      }
      visit.until = this.clock.now();
      this.#world.trace.add(visit.until, this.name, "fetched", visit.url);
    } catch (error) {
      visit.failed = String(error);
      this.#world.trace.add(this.clock.now(), this.name, "failed", `${visit.url} ${visit.failed}`);
    }
  }

  /** Closes the tab without a word. */
  vanish(): void {
    this.left = true;
    this.clock.stop();
    this.node.vanish();
    this.#world.tracker.vanish(this.node);
    this.#world.trace.add(this.clock.now(), this.name, "vanished");
  }

  /** Closes the client properly. */
  async close(): Promise<void> {
    this.left = true;
    await this.peer.close();
  }

  #written(key: string, bytes: Bytes): void {
    const dot = key.indexOf(".");
    const body = this.#world.bodyOf(key.slice(0, dot));
    if (body === undefined) return;
    const from = Number(key.slice(dot + 1)) * CHUNK_BYTES;
    this.#world.truth(this.name, "store", equal(bytes, body.subarray(from, from + CHUNK_BYTES)));
  }
}

const equal = (one: Bytes, other: Bytes): boolean => Buffer.compare(one, other) === 0;
