// The real tracker core behind simulated sockets: text in both directions, in order, after the node's latency.

import type { TrackerConnector, TrackerListener } from "../../client/core/ports.ts";
import type { Cancel, Millis } from "../../client/core/vocabulary.ts";
import { DEFAULT_LIMITS } from "../../tracker/limits.ts";
import { fromBase64url } from "../../tracker/protocol/bytes.ts";
import { type PeerId, peerIdFrom } from "../../tracker/protocol/ids.ts";
import { parseClientMessage } from "../../tracker/protocol/messages.ts";
import type { PurgeRecord } from "../../tracker/protocol/purge.ts";
import type { Where } from "../../tracker/region/where.ts";
import { Tracker } from "../../tracker/tracker.ts";
import type { Timeline } from "./clock.ts";
import { sha256 } from "./hasher.ts";
import type { Node } from "./network.ts";
import { HOME_PLACE, wayBetween } from "./places.ts";
import type { SimRandom } from "./random.ts";
import type { Trace } from "./trace.ts";

const SWEEP: Millis = 5000;

export interface Pipe {
  /** What it joined, and who the tracker said it is: what I8 is checked against. */
  readonly swarms: Set<string>;
  peer: PeerId | null;
  readonly node: Node;
  readonly listener: TrackerListener;
  readonly where: Where;
  open: boolean;
}

export class SimTracker {
  readonly #timeline: Timeline;
  readonly #trace: Trace;
  readonly #random: SimRandom;
  readonly #latency: Millis;
  readonly #pipes = new Set<Pipe>();
  readonly #byPeer = new Map<PeerId, Pipe>();
  #tracker: Tracker<Pipe>;
  #sweeping: Cancel = () => {};
  readonly #strangers: (who: string) => void;
  /** What was purged so far, which outlives a restart; `null`: nothing ever is. */
  readonly #purges: { readonly key: string; readonly records: PurgeRecord[] } | null;
  up = true;

  /** `strangers` is told of an introduction of two peers that share no swarm. `key`: whose purges it keeps. */
  constructor(
    timeline: Timeline,
    trace: Trace,
    random: SimRandom,
    {
      latency,
      strangers,
      key = null,
    }: { latency: Millis; strangers: (who: string) => void; key?: string | null },
  ) {
    this.#timeline = timeline;
    this.#trace = trace;
    this.#random = random;
    this.#latency = latency;
    this.#strangers = strangers;
    this.#purges = key === null ? null : { key, records: [] };
    this.#tracker = this.#fresh();
    this.#sweep();
  }

  totals(): ReturnType<Tracker<Pipe>["totals"]> {
    return this.#tracker.totals();
  }

  connector(node: Node, where: Where): TrackerConnector {
    return {
      connect: (_url, listener) => {
        const pipe: Pipe = {
          node,
          listener,
          where,
          open: true,
          swarms: new Set(),
          peer: null,
        };
        const trip = this.#trip(node);
        this.#at(3 * trip, () => {
          if (!pipe.open || node.gone) return;
          if (!this.up) return this.#shut(pipe);
          this.#pipes.add(pipe);
          node.pipes.add(pipe);
          this.#tracker.arrived(pipe, where);
          listener.open();
        });
        return {
          send: (text) =>
            this.#at(trip, () => {
              if (!pipe.open || !this.#pipes.has(pipe)) return;
              const parsed = parseClientMessage(text);
              if (parsed.ok && parsed.message.type === "announce") {
                for (const { swarm } of parsed.message.swarms) pipe.swarms.add(swarm);
              }
              this.#tracker.receive(pipe, text);
            }),
          close: () => {
            pipe.open = false;
            this.#at(trip, () => this.#left(pipe));
          },
        };
      },
    };
  }

  /** The tab is closed without a word; its socket breaks. */
  vanish(node: Node): void {
    for (const pipe of node.pipes) this.#left(pipe);
  }

  purge(record: PurgeRecord): void {
    this.#purges?.records.push(record);
    this.#tracker.purged([record]);
  }

  /** Killed: every socket breaks, all memory is lost. */
  kill(): void {
    this.up = false;
    this.#trace.add(this.#timeline.now, "tracker", "tracker died");
    for (const pipe of [...this.#pipes]) this.#shut(pipe);
    this.#pipes.clear();
    this.#sweeping();
  }
  restart(): void {
    this.up = true;
    this.#tracker = this.#fresh();
    this.#sweep();
  }
  close(): void {
    this.#sweeping();
  }

  #fresh(): Tracker<Pipe> {
    const kept = this.#purges;
    return new Tracker<Pipe>({
      ...(kept === null
        ? {}
        : {
            purges: {
              get known() {
                return { key: kept.key, epoch: kept.records.at(-1)?.epoch ?? 0 };
              },
              since: (known) =>
                kept.records
                  .filter(({ epoch }) => known?.key !== kept.key || epoch > known.epoch)
                  .map((record) => [record]),
            },
          }),
      limits: DEFAULT_LIMITS,
      clock: { now: () => this.#timeline.now },
      random: this.#random,
      peerIdOf: (secret) => peerIdFrom(sha256(fromBase64url(secret) ?? new Uint8Array(0))),
      outbox: {
        send: (pipe, message) => {
          if (message.type === "welcome") {
            pipe.peer = message.peer;
            this.#byPeer.set(message.peer, pipe);
          }
          if (message.type === "introduce") this.#check(pipe, message.peer);
          const text = JSON.stringify(message);
          this.#at(this.#trip(pipe.node), () => {
            if (!pipe.open || pipe.node.gone) return;
            this.#trace.add(this.#timeline.now, pipe.node.name, message.type);
            pipe.listener.text(text);
          });
        },
        drop: (pipe, reason) => {
          this.#trace.add(this.#timeline.now, pipe.node.name, "dropped", reason);
          this.#pipes.delete(pipe);
          this.#shut(pipe);
        },
      },
    });
  }

  /** I8: nobody meets a peer with whom it shares no swarm. */
  #check(pipe: Pipe, peer: PeerId): void {
    const other = this.#byPeer.get(peer);
    const shared = [...pipe.swarms].some((swarm) => other?.swarms.has(swarm));
    if (!shared || other?.where.site !== pipe.where.site) this.#strangers(pipe.node.name);
  }

  #left(pipe: Pipe): void {
    pipe.open = false;
    pipe.node.pipes.delete(pipe);
    if (pipe.peer !== null) this.#byPeer.delete(pipe.peer);
    if (this.#pipes.delete(pipe)) this.#tracker.left(pipe);
  }
  #shut(pipe: Pipe): void {
    if (!pipe.open) return;
    pipe.open = false;
    this.#at(pipe.node.wire.latency, () => {
      if (!pipe.node.gone) pipe.listener.closed();
    });
  }
  #trip(node: Node): Millis {
    return node.wire.latency + wayBetween(node.place, HOME_PLACE) + this.#latency;
  }
  #sweep(): void {
    this.#sweeping = this.#at(SWEEP, () => {
      this.#tracker.sweep();
      this.#sweep();
    });
  }
  #at(delay: Millis, task: () => void): Cancel {
    return this.#timeline.at(this.#timeline.now + delay, task);
  }
}
