// The wires: every node has an uplink and a downlink with a rate and a queue, every pair a latency with jitter, so that
// frames overtake each other. Links form only if their signals were really carried; some never do. Faults are
// properties of a node: it lies, keeps silent, vanishes.

import type { Link, LinkListener, Transport } from "../../client/core/ports.ts";
import type { ByteCount, Millis } from "../../client/core/vocabulary.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { Signal } from "../../tracker/protocol/messages.ts";
import type { Timeline } from "./clock.ts";
import type { SimRandom } from "./random.ts";
import type { Trace } from "./trace.ts";

const HIGH_WATER: ByteCount = 1024 * 1024;
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

export interface NetworkNeeds {
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly random: SimRandom;
  /** Chance that a pair cannot be linked, for example behind two strict NATs. */
  readonly unlinkable: number;
}

export class Network {
  readonly needs: NetworkNeeds;
  readonly #waiting = new Map<string, SimLink>();
  #tokens = 0;

  constructor(needs: NetworkNeeds) {
    this.needs = needs;
  }

  node(name: string, wire: Wire, fault: Fault = "none"): Node {
    return new Node(this, name, wire, fault);
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
    return (one.wire.latency + other.wire.latency) * jitter;
  }
}

export class Node implements Transport {
  readonly network: Network;
  readonly name: string;
  readonly wire: Wire;
  readonly fault: Fault;
  readonly links = new Set<SimLink>();
  /** Content bytes sent, with their moments: what I5 looks at. */
  readonly uploads: { readonly at: Millis; readonly bytes: ByteCount }[] = [];
  upFreeAt: Millis = 0;
  downFreeAt: Millis = 0;
  gone = false;

  constructor(network: Network, name: string, wire: Wire, fault: Fault) {
    this.network = network;
    this.name = name;
    this.wire = wire;
    this.fault = fault;
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

  /** When so many bytes have left here; the uplink is busy until then. */
  push(bytes: ByteCount): Millis {
    const { now } = this.network.needs.timeline;
    this.upFreeAt = Math.max(now, this.upFreeAt) + (bytes * 1000) / this.wire.up;
    return this.upFreeAt;
  }
  pull(bytes: ByteCount, arrivesAt: Millis): Millis {
    this.downFreeAt = Math.max(arrivesAt, this.downFreeAt) + (bytes * 1000) / this.wire.down;
    return this.downFreeAt;
  }
}

export class SimLink implements Link {
  readonly node: Node;
  readonly listener: LinkListener;
  #other: SimLink | null = null;
  #state: "new" | "open" | "over" = "new";
  #queued: ByteCount = 0;
  #congested = false;
  #highWater = HIGH_WATER;
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
    if (isContent && this.node.fault === "silent") return "sent";
    const copy = frame.slice();
    const { timeline, trace } = this.node.network.needs;
    if (isContent) {
      // Seven bytes of each are ours, not the visitor's content.
      this.node.uploads.push({ at: timeline.now, bytes: frame.length - 7 });
      if (this.node.fault === "liar") {
        trace.add(timeline.now, this.node.name, "lie");
        copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
      }
    }
    const weight = frame.length + OVERHEAD;
    const leftAt = this.node.push(weight);
    const arrivesAt = other.node.pull(
      weight,
      leftAt + this.node.network.delay(this.node, other.node),
    );
    this.#queued += frame.length;
    timeline.at(leftAt, () => this.#left(frame.length));
    timeline.at(arrivesAt, () => {
      if (other.#state !== "open" || other.node.gone) return;
      trace.add(timeline.now, other.node.name, "frame", `${copy[0]} ${copy.length}`);
      other.listener.frame(copy);
    });
    if (this.#queued <= this.#highWater) return "sent";
    this.#congested = true;
    return "congested";
  }

  pace(queued: ByteCount): void {
    this.#highWater = queued;
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

  #left(bytes: ByteCount): void {
    this.#queued -= bytes;
    if (!this.#congested || this.#queued > this.#highWater / 4 || this.#state !== "open") return;
    this.#congested = false;
    this.listener.drain();
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
