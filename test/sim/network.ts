// The wires: every node has an uplink and a downlink with a rate and a queue, every pair a latency with jitter by where
// the two are, so that frames overtake each other. Links form only if their signals were really carried; some never do. Faults are
// properties of a node: it lies, keeps silent, vanishes.

import {
  HIGH_WATER,
  type Link,
  type LinkListener,
  LOW_WATER,
  type Transport,
} from "../../client/core/ports.ts";
import type { ByteCount, Millis } from "../../client/core/vocabulary.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { Signal } from "../../tracker/protocol/messages.ts";
import { DATA_HEAD, type Part } from "./bodies.ts";
import type { Timeline } from "./clock.ts";
import { HOME_PLACE, type Place, wayBetween } from "./places.ts";
import type { SimRandom } from "./random.ts";
import type { Trace } from "./trace.ts";
import type { Pipe } from "./tracker.ts";

/** SCTP and DTLS on top of each frame. */
const OVERHEAD: ByteCount = 60;
/** Round trips of ICE, DTLS and SCTP before a channel opens. */
const SETUP_TRIPS = 4;
/** How long the other end takes to notice that a tab was closed without a word. */
const NOTICE: Millis = 6000;

export interface Wire {
  /** Bytes a second. */
  readonly up: number;
  readonly down: number;
  /** One way to the middle of the network. */
  readonly latency: Millis;
}
export type Fault = "none" | "liar" | "silent";
export interface NodeTraits {
  readonly fault?: Fault;
  readonly place?: Place;
}

export interface NetworkNeeds {
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly random: SimRandom;
  /** Chance that a pair cannot be linked, for example behind two strict NATs. */
  readonly unlinkable: number;
  /** Which published bytes a data frame carries: views of them travel instead of copies. */
  partOf?(frame: Bytes): Part | undefined;
  /** The published chunk whose parts these views are. */
  whole?(parts: readonly Bytes[]): Bytes | undefined;
  /** Somebody sent some of a chunk. */
  sends?(from: Place, to: Place, what: { key: string; bytes: ByteCount }): void;
}

interface Carried {
  readonly head: Bytes;
  readonly part: Part;
}

export class Network {
  readonly needs: NetworkNeeds;
  readonly #waiting = new Map<string, SimLink>();
  #tokens = 0;

  constructor(needs: NetworkNeeds) {
    this.needs = needs;
  }

  node(name: string, wire: Wire, { fault = "none", place = HOME_PLACE }: NodeTraits = {}): Node {
    return new Node(this, name, wire, { fault, place });
  }

  token(link: SimLink): string {
    const token = `v=0 ${++this.#tokens}`;
    this.#waiting.set(token, link);
    return token;
  }
  claim(token: string): SimLink | undefined {
    const link = this.#waiting.get(token);
    this.#waiting.delete(token);
    return link;
  }

  delay(one: Node, other: Node): Millis {
    const jitter = 1 + this.needs.random.unit() * 0.1;
    const way = one.wire.latency + wayBetween(one.place, other.place) + other.wire.latency;
    return way * jitter;
  }
}

export class Node implements Transport {
  readonly network: Network;
  readonly name: string;
  readonly wire: Wire;
  readonly fault: Fault;
  readonly place: Place;
  readonly pipes = new Set<Pipe>();
  readonly links = new Set<SimLink>();
  /** Content bytes sent, with their moments: what I5 looks at. `null`: there is no limit to look at. */
  uploads: { readonly at: Millis; readonly bytes: ByteCount }[] | null = null;
  upFreeAt: Millis = 0;
  downFreeAt: Millis = 0;
  gone = false;

  constructor(network: Network, name: string, wire: Wire, traits: Required<NodeTraits>) {
    this.network = network;
    this.name = name;
    this.wire = wire;
    this.fault = traits.fault;
    this.place = traits.place;
  }

  /** Whether a link forms is the world's decision here; servers change nothing. */
  use(): void {}

  open(role: "offerer" | "answerer", listener: LinkListener): Link {
    const link = new SimLink(this, role, listener);
    this.links.add(link);
    return link;
  }

  /** The tab is closed without a word; the others find out later. */
  vanish(): void {
    this.gone = true;
    for (const link of [...this.links]) link.vanish();
  }

  /** Every way to others is gone at once, as when a relay dies; page and origin go on. */
  cutOff(): void {
    for (const link of [...this.links]) link.cut();
  }

  /** When so many bytes have left here; the uplink is busy until then. */
  push(bytes: ByteCount): Millis {
    const { now } = this.network.needs.timeline;
    this.upFreeAt = Math.max(now, this.upFreeAt) + (bytes * 1000) / this.wire.up;
    return this.upFreeAt;
  }
  /**
   * Bytes whose last one would be here now, had nothing else been on the downlink: when they really are. Asked in the
   * order in which bytes come, not in which they were sent: what is still far away blocks nobody.
   */
  pull(bytes: ByteCount): Millis {
    const { now } = this.network.needs.timeline;
    const takes = (bytes * 1000) / this.wire.down;
    this.downFreeAt = Math.max(now, this.downFreeAt + takes);
    return this.downFreeAt;
  }
}

export class SimLink implements Link {
  readonly node: Node;
  readonly listener: LinkListener;
  #other: SimLink | null = null;
  #state: "new" | "open" | "over" = "new";
  /** What is queued, in the order in which it leaves. */
  readonly #leaving: { readonly at: Millis; readonly bytes: ByteCount }[] = [];
  #congested = false;
  readonly #role: "offerer" | "answerer";

  constructor(node: Node, role: "offerer" | "answerer", listener: LinkListener) {
    this.node = node;
    this.#role = role;
    this.listener = listener;
    if (role === "offerer") {
      const sdp = node.network.token(this);
      this.#later(1, () => this.#signal({ kind: "offer", sdp }));
    }
  }

  accept(signal: Signal): void {
    if (this.#state !== "new" || this.#other !== null || signal.kind === "candidate") return;
    if (signal.kind !== (this.#role === "offerer" ? "answer" : "offer")) return;
    const { network } = this.node;
    const other = network.claim(signal.sdp);
    if (other === undefined) return;
    this.#other = other;
    if (this.#role === "answerer") {
      const sdp = network.token(this);
      this.#later(1, () => this.#signal({ kind: "answer", sdp }));
      return;
    }
    const { random, unlinkable, trace, timeline } = network.needs;
    if (random.unit() < unlinkable) {
      trace.add(timeline.now, this.node.name, "unlinkable", other.node.name);
      return;
    }
    const takes = SETUP_TRIPS * 2 * network.delay(this.node, other.node);
    this.#later(takes, () => {
      if (this.#state !== "new" || other.#state !== "new") return;
      other.#other = this;
      for (const end of [this, other]) {
        end.#state = "open";
        end.#later(0, () => (end.#state === "open" ? end.listener.open() : undefined));
      }
    });
  }

  send(frame: Bytes): "sent" | "congested" | "closed" {
    const other = this.#other;
    if (this.#state !== "open" || other === null) return "closed";
    const isContent = frame[0] === 0;
    if (isContent && this.node.fault === "silent") {
      this.#note("silence");
      return "sent";
    }
    const { network } = this.node;
    const { timeline } = network.needs;
    const carried = isContent ? this.#content(frame, other) : frame.slice();
    const weight = frame.length + OVERHEAD;
    const leftAt = this.node.push(weight);
    const crossing = network.delay(this.node, other.node) + (weight * 1000) / other.node.wire.down;
    timeline.at(leftAt + crossing, () => {
      const arrivesAt = other.node.pull(weight);
      const deliver = (): void => other.#deliver(carried);
      if (arrivesAt <= timeline.now) deliver();
      else timeline.at(arrivesAt, deliver);
    });
    this.#leaving.push({ at: leftAt, bytes: frame.length });
    if (this.#congested) return "congested";
    if (this.#queued() <= HIGH_WATER) return "sent";
    this.#congested = true;
    this.#awaitDrain();
    return "congested";
  }

  /** A content frame on its way: the bytes themselves if they are wrong, else their head and the truth. */
  #content(frame: Bytes, other: SimLink): Bytes | Carried {
    const { partOf, sends, timeline } = this.node.network.needs;
    const bytes = frame.length - DATA_HEAD;
    this.node.uploads?.push({ at: timeline.now, bytes });
    if (this.node.fault === "liar") {
      this.#note("lie");
      const lie = frame.slice();
      const last = lie.length - 1;
      lie[last] = (lie[last] ?? 0) ^ 1;
      return lie;
    }
    const part = partOf?.(frame);
    if (part === undefined) return frame.slice();
    sends?.(this.node.place, other.node.place, { key: part.chunk, bytes });
    return { head: frame.slice(0, DATA_HEAD), part };
  }

  #deliver(carried: Bytes | Carried): void {
    if (this.#state !== "open" || this.node.gone) return;
    const frame = carried instanceof Uint8Array ? carried : carried.part.frame;
    // Read before the next delivery writes another one there: a receiver keeps the content, not the head.
    if (!(carried instanceof Uint8Array)) frame.set(carried.head);
    const { timeline, trace } = this.node.network.needs;
    trace.add(timeline.now, this.node.name, "frame", (frame[0] ?? 0) * 1_000_000 + frame.length);
    this.listener.frame(frame);
  }

  #note(what: string): void {
    const { timeline, trace } = this.node.network.needs;
    trace.add(timeline.now, this.node.name, what);
  }

  /** Bytes that have not left yet. */
  #queued(): ByteCount {
    const { now } = this.node.network.needs.timeline;
    let left = 0;
    let queued = 0;
    for (const { at, bytes } of this.#leaving) {
      if (at <= now) left++;
      else queued += bytes;
    }
    this.#leaving.splice(0, left);
    return queued;
  }

  /** Tells the sender as soon as a quarter is left. */
  #awaitDrain(): void {
    const { timeline } = this.node.network.needs;
    let queued = this.#queued();
    let at = timeline.now;
    for (const frame of this.#leaving) {
      if (queued <= LOW_WATER) break;
      queued -= frame.bytes;
      at = frame.at;
    }
    timeline.at(at, () => {
      if (this.#state !== "open") return;
      if (this.#queued() > LOW_WATER) return this.#awaitDrain();
      this.#congested = false;
      this.listener.drain();
    });
  }

  /** A crowd of ten thousand would fill memory with copies of the same few chunks faster than it can be emptied. */
  whole(parts: readonly Bytes[]): Bytes | undefined {
    return this.node.network.needs.whole?.(parts);
  }

  close(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.node.links.delete(this);
    const other = this.#other;
    if (other === null) return;
    const at = this.node.upFreeAt + this.node.network.delay(this.node, other.node);
    this.node.network.needs.timeline.at(at, () => other.#closed("remote"));
  }

  vanish(): void {
    this.#state = "over";
    this.node.links.delete(this);
    const other = this.#other;
    if (other !== null) other.#later(NOTICE, () => other.#closed("failed"));
  }

  cut(): void {
    const other = this.#other;
    this.#closed("failed");
    if (other !== null) other.#closed("failed");
  }

  #closed(reason: "remote" | "failed"): void {
    if (this.#state === "over" || this.node.gone) return;
    this.#state = "over";
    this.node.links.delete(this);
    this.listener.closed(reason);
  }

  #signal(signal: Signal): void {
    if (this.#state === "new" && !this.node.gone) this.listener.signal(signal);
  }
  #later(delay: Millis, task: () => void): void {
    const { timeline } = this.node.network.needs;
    timeline.at(timeline.now + delay, task);
  }
}
