// The simulated world: the composition root of the simulator. Runs the real client core and the real tracker core in
// virtual time; same seed, same run. Checks the invariants after every event.
//
//   I1 nothing unverified reaches page or store     I5 uploads keep to their budget in every second
//   I4 bytes add up                                 I6 after close nothing is left
//   I7 same seed, same trace                        I8 only members of one swarm are introduced

import { createSign, generateKeyPairSync } from "node:crypto";
import type { LocalPeerSettings } from "../../client/core/settings.ts";
import type { ByteStats } from "../../client/core/stats.ts";
import type { ByteCount, CachingFields, Millis } from "../../client/core/vocabulary.ts";
import {
  type Bytes,
  base64url,
  concatenated,
  fromBase64url,
  utf8,
} from "../../tracker/protocol/bytes.ts";
import {
  CHUNK_BYTES,
  chunkCountOf,
  contentText,
  signedText,
  writeManifest,
} from "../../tracker/protocol/manifest.ts";
import { purgeText } from "../../tracker/protocol/purge.ts";
import { SimAttestor } from "./attestor.ts";
import { Bodies } from "./bodies.ts";
import { Census } from "./census.ts";
import { Timeline } from "./clock.ts";
import { sampledDigest, sampledHasher, sha256 } from "./hasher.ts";
import { type Fault, Network, type Wire } from "./network.ts";
import { SimOrigin } from "./origin.ts";
import { HOME_PLACE, PLACES, type Place } from "./places.ts";
import { SimRandom } from "./random.ts";
import { Trace } from "./trace.ts";
import { SimTracker } from "./tracker.ts";
import { type Visit, Visitor } from "./visitor.ts";

export const seconds = (count: number): Millis => count * 1000;
export const minutes = (count: number): Millis => count * 60_000;
export const mebibytes = (count: number): ByteCount => count * 1024 * 1024;
/** Bytes a second. */
export const megabits = (count: number): number => (count * 1_000_000) / 8;

/** A middling home: 50 down, 10 up. */
const HOME: Wire = { up: megabits(10), down: megabits(50), latency: 15 };
const TRACKER_LATENCY: Millis = 5;

export interface WorldSettings {
  readonly seed: number;
  readonly origin?: { readonly up?: number; readonly latency?: Millis };
  readonly unlinkable?: number;
  /** Whether the tracker has a key, and so purges to tell of. */
  readonly purging?: boolean;
  /** Whether the tracker vouches for what is not published. */
  readonly attesting?: boolean;
  /** The tracker does not know where anybody is. */
  readonly isBlind?: boolean;
}
export interface Arrival {
  readonly wire?: Partial<Wire>;
  readonly fault?: Fault;
  readonly place?: Place;
  readonly settings?: Partial<LocalPeerSettings>;
  /** Somebody who was here before, with the disk of then. */
  readonly returning?: Pick<Visitor, "chunks" | "index">;
}

export class World {
  readonly seed: number;
  readonly isBlind: boolean;
  readonly timeline = new Timeline();
  readonly trace = new Trace();
  readonly random: SimRandom;
  readonly network: Network;
  readonly origin: SimOrigin;
  readonly tracker: SimTracker;
  /** `null`: the tracker vouches for nothing. */
  readonly attestor: SimAttestor | null;
  readonly visitors = new Set<Visitor>();
  /** What went wrong with fetches of visitors who were there to see it. */
  readonly failures: string[] = [];
  /** Whom visitors accused without cause. */
  readonly falselyAccused: string[] = [];
  readonly manifestUrl = "https://site.example/.well-known/shoal.json";
  readonly hasher = sampledHasher();
  readonly census: Census;
  readonly #bodies = new Bodies();
  readonly #underWay = new Set<Visit>();
  readonly #broken: string[] = [];
  #arrived = 0;
  readonly #times: Millis[] = [];
  readonly #departed: Received = { cache: 0, peers: 0, origin: 0 };
  #published: ByteCount = 0;
  #largest: ByteCount = 0;
  readonly #key = generateKeyPairSync("ec", { namedCurve: "P-256" });

  constructor({
    seed,
    origin = {},
    unlinkable = 0.05,
    purging = false,
    attesting = false,
    isBlind = false,
  }: WorldSettings) {
    this.seed = seed;
    this.isBlind = isBlind;
    this.random = new SimRandom(String(seed));
    const { timeline, trace } = this;
    this.census = new Census(this.#bodies, () => this.truth("somebody", "store", false));
    this.network = new Network({
      timeline,
      trace,
      random: this.random.fork("network"),
      unlinkable,
      partOf: (frame) => this.#bodies.partOf(frame),
      whole: (parts) => this.#bodies.whole(parts),
      sends: (from, to, what) => this.census.sends(from, to, what),
    });
    this.origin = new SimOrigin(timeline, trace, {
      up: origin.up ?? megabits(100),
      latency: origin.latency ?? 10,
    });
    this.tracker = new SimTracker(timeline, trace, this.random.fork("tracker"), {
      latency: TRACKER_LATENCY,
      strangers: (who) => this.#broken.push(`I8: ${who} was introduced to a stranger`),
      key: purging ? this.#publicKey : null,
    });
    const key = { publicKey: this.#publicKey, sign: async (text: Bytes) => this.#sign(text) };
    this.attestor = attesting ? new SimAttestor(this, key) : null;
  }

  /** Publishes assets of these sizes; returns their URLs. */
  publish(sizes: readonly ByteCount[], epoch = 1): string[] {
    const key = this.#publicKey;
    const urls: string[] = [];
    const assets = sizes.map((size, order) => {
      const url = `https://site.example/files/${order}.bin`;
      const body = this.random.fork(`body ${order} ${epoch}`).bytes(size);
      this.origin.put(url, body);
      urls.push(url);
      this.#published += size;
      this.#largest = Math.max(this.#largest, size);
      const digests: Bytes[] = [];
      for (let index = 0; index < chunkCountOf(size, CHUNK_BYTES); index++) {
        digests.push(sampledDigest(body.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)));
      }
      const type = "application/octet-stream";
      const chunkBytes = CHUNK_BYTES;
      const facts = { url, size, chunkBytes, digests: concatenated(digests), type, epoch, key };
      // As the visitors' own hasher names it.
      this.#bodies.add(base64url(sampledDigest(contentText(facts))), body);
      return { ...facts, signature: this.#sign(signedText(facts)) };
    });
    this.origin.put(this.manifestUrl, utf8(writeManifest(epoch, key, assets)));
    return urls;
  }

  /** The site answers this from now on, and publishes no statement of it. Less than a chunk. */
  answer(url: string, body: Bytes, type: string, headers: CachingFields): void {
    const facts = { url, size: body.length, chunkBytes: CHUNK_BYTES, digests: sha256(body), type };
    this.#bodies.add(base64url(sampledDigest(contentText(facts))), body);
    this.origin.put(url, body, { "content-type": type, ...headers });
  }

  /** The tracker, which has the publisher's key, takes back what was said of this URL up to this epoch. */
  purge(what: string, epoch: number): void {
    const purge = { epoch, scope: "url", what, soft: false } as const;
    const signature = base64url(this.#sign(purgeText(purge, this.#publicKey)));
    this.tracker.purge({ ...purge, signature });
  }

  get #publicKey(): string {
    const { x = "", y = "" } = this.#key.publicKey.export({ format: "jwk" });
    const point = [new Uint8Array([4]), fromBase64url(x), fromBase64url(y)];
    return base64url(concatenated(point.map((part) => part ?? new Uint8Array(0))));
  }
  #sign(text: Bytes): Bytes {
    const signer = createSign("sha256").update(text);
    const signature = signer.sign({ key: this.#key.privateKey, dsaEncoding: "ieee-p1363" });
    return new Uint8Array(signature);
  }

  /** Somebody opens the page; without a place, in one country after the other. */
  arrive({ wire = {}, fault = "none", place, settings = {}, returning }: Arrival = {}): Visitor {
    const order = this.#arrived++;
    const name = `v${order}`;
    const traits = { fault, place: place ?? PLACES[order % PLACES.length] ?? HOME_PLACE };
    const node = this.network.node(name, { ...HOME, ...wire }, traits);
    const visitor = new Visitor(this, name, node, settings, returning);
    this.visitors.add(visitor);
    return visitor;
  }

  begun(visit: Visit): void {
    this.#underWay.add(visit);
  }
  ended(visit: Visit): void {
    this.#underWay.delete(visit);
    const isMeasured = visit.length === this.#largest;
    if (visit.until !== null) {
      if (isMeasured) this.#times.push(visit.until - visit.from);
    } else if (visit.failed !== null) this.failures.push(`${visit.url}: ${visit.failed}`);
  }
  /** Somebody is gone for good: only what they moved is remembered. */
  departed(visitor: Visitor): void {
    if (!this.visitors.delete(visitor)) return;
    this.#settle(visitor);
    addTo(this.#departed, visitor);
  }
  /** Fetches that have neither succeeded nor failed, of those who are here. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Does something later. */
  in(delay: Millis, task: () => void): void {
    this.timeline.at(this.timeline.now + delay, task);
  }

  /** Runs until the condition holds. Throws when it does not within the time, or an invariant breaks. */
  async run({ until, within }: { until: () => boolean; within: Millis }): Promise<void> {
    const deadline = this.timeline.now + within;
    // What was begun since the last event belongs to this moment, not to the next event's.
    await this.timeline.settle();
    let isDone = false;
    await this.timeline.runWhile(() => {
      if (this.#broken.length > 0) this.checkInvariants();
      isDone = until();
      return !isDone && this.timeline.now <= deadline;
    });
    if (isDone) return;
    throw new Error(`not within ${within} ms of simulated time\n${this.explain()}`);
  }

  /** Runs for a while. */
  async pass(time: Millis): Promise<void> {
    let passed = false;
    this.in(time, () => {
      passed = true;
    });
    await this.run({ until: () => passed, within: time });
  }

  /** Somebody saw bytes: were they the right ones? */
  truth(who: string, where: "page" | "store", right: boolean): void {
    if (!right) this.#broken.push(`I1: ${who}: wrong bytes reached the ${where}`);
  }

  /** What was found while events ran: the page's bytes and sums are looked at when they change (I1, I4). */
  checkInvariants(): void {
    if (this.#broken.length > 0) throw new Error(`${this.#broken.join("\n")}\n${this.explain()}`);
  }

  /** Nothing is served that was not received: I4 as it holds at every moment. */
  balance(who: string, served: ByteCount, { cache, peers, origin }: ByteStats): void {
    if (cache + peers + origin >= served) return;
    this.#broken.push(`I4: ${who} served ${served} of ${JSON.stringify({ cache, peers, origin })}`);
  }

  /** A visitor calls a peer a poisoner or a breaker of the protocol. */
  accused(by: string, peer: string, kind: string): void {
    for (const { node, stats } of this.visitors) {
      if (stats.peerId !== peer || node.fault === "liar") continue;
      this.falselyAccused.push(`${by}: ${node.name} ${kind}`);
    }
  }

  get fetches(): readonly Visit[] {
    return [...this.visitors].filter(({ left }) => !left).flatMap(({ visits }) => visits);
  }

  /** What everybody who was ever here got, by source. */
  get bytes(): Readonly<Received> {
    const all = { ...this.#departed };
    for (const visitor of this.visitors) addTo(all, visitor);
    return all;
  }
  offload(cached: "with cache" | "without cache" = "without cache"): number {
    const { cache, peers, origin } = this.bytes;
    const saved = peers + (cached === "with cache" ? cache : 0);
    return saved / Math.max(1, saved + origin);
  }
  /** How often the origin gave what was published; 1 is the least for all that was wanted. */
  originCopies(): number {
    return this.bytes.origin / Math.max(1, this.#published);
  }
  /** How long a fetch of the largest that is published took for this share of all; 0.5 is the median. */
  took(share: number): Millis {
    const sorted = this.#times.toSorted((one, other) => one - other);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }

  /** Closes everybody and checks that nothing is left of them (I6). */
  async close(): Promise<void> {
    const open = [...this.visitors].filter(({ left }) => !left);
    let closed = 0;
    for (const visitor of open) void visitor.close().then(() => closed++);
    await this.run({ until: () => closed === open.length, within: minutes(1) });
    this.tracker.close();
    await this.timeline.runWhile(() => true);
    for (const visitor of this.visitors) this.#settle(visitor);
    this.checkInvariants();
  }

  /** Looks at somebody for the last time: what they gave, and what they left behind. */
  #settle({ name, node, settings, clock, fate }: Visitor): void {
    const most = settings.uploadBytesPerSecond ?? Number.POSITIVE_INFINITY;
    const given = busiestSecond(node.uploads ?? []);
    if (given > most) this.#broken.push(`I5: ${name} gave ${given} of ${most} in a second`);
    if (fate !== "closed") return;
    if (clock.pending > 0) this.#broken.push(`I6: ${name} left timers`);
    if (node.links.size > 0) this.#broken.push(`I6: ${name} left links`);
  }

  explain(): string {
    return `seed ${this.seed}, trace ${this.trace.hash.slice(0, 12)}, last events:\n${this.trace.last}`;
  }
}

interface Received {
  cache: ByteCount;
  peers: ByteCount;
  origin: ByteCount;
}
function addTo(sum: Received, { peer, passed }: Visitor): void {
  sum.cache += peer.bytes.cache;
  sum.peers += peer.bytes.peers;
  sum.origin += peer.bytes.origin + passed;
}

/** The most bytes sent within any second. */
function busiestSecond(
  uploads: readonly { readonly at: Millis; readonly bytes: ByteCount }[],
): ByteCount {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { at, bytes } of uploads) {
    sum += bytes;
    for (let oldest = uploads[first]; oldest !== undefined && oldest.at <= at - 1000; ) {
      sum -= oldest.bytes;
      oldest = uploads[++first];
    }
    most = Math.max(most, sum);
  }
  return most;
}
