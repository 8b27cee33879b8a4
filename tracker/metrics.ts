// The tracker's numbers for Prometheus. Read from the totals when they are asked for, so that nothing is counted twice
// and a tracker that nobody scrapes does no work for it. Labels are our own words, countries and the operator's names.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Totals } from "./tally.ts";

export interface MetricsNeeds {
  totals(): Totals;
  /** Open WebSockets, of peers and of those who have not said hello yet. */
  sockets(): number;
  /** Introductions remembered, and addresses. */
  sessions(): number;
  addresses(): number;
  /** Upgrades refused so far, by HTTP status. */
  refused(): ReadonlyMap<number, number>;
  isDraining(): boolean;
  /** Left out: this tracker is not one of several. */
  readonly cluster?: { readonly isJoined: boolean; readonly nodes: number } | undefined;
}

let shared: Registry | undefined;

/** Memory, CPU and event loop of this process: one registry, however many trackers run in it. */
function processMetrics(): Registry {
  if (shared === undefined) {
    shared = new Registry();
    collectDefaultMetrics({ register: shared });
  }
  return shared;
}

const ALONE = { isJoined: true, nodes: 1 };

type Values = Iterable<readonly [label: string, value: number]>;

export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();

  constructor(needs: MetricsNeeds) {
    this.contentType = this.#registry.contentType;
    processMetrics();
    const links = () => needs.totals().links;
    const bytes = () => needs.totals().bytes;
    this.#gauge("peers", "Peers connected now", () => needs.totals().peers);
    this.#gauge("swarms", "Swarms with at least one peer", () => needs.totals().swarms);
    this.#gauge("sockets", "Open WebSockets", () => needs.sockets());
    this.#gauge("sessions", "Introductions under way or just over", () => needs.sessions());
    this.#gauge("addresses", "Addresses whose allowances are remembered", () => needs.addresses());
    this.#gauge("draining", "1 while the tracker is going away", () => Number(needs.isDraining()));
    const { cluster = ALONE } = needs;
    this.#gauge("cluster_joined", "1 unless other nodes' peers cannot be reached", () =>
      Number(cluster.isJoined),
    );
    this.#gauge("cluster_nodes", "Nodes of these swarms that live", () => cluster.nodes);
    this.#gaugeBy("region_peers", "Peers connected now, by region", "region", () =>
      Object.entries(needs.totals().regions),
    );
    this.#counterBy("introductions_total", "Pairs of peers introduced", undefined, () => [
      ["", needs.totals().introductions],
    ]);
    this.#counterBy("links_total", "How introductions ended", "outcome", () =>
      Object.entries(links()),
    );
    this.#counterBy(
      "received_bytes_total",
      "Bytes that peers received, by source",
      "source",
      () => {
        const { cache, peers, origin } = bytes();
        return Object.entries({ cache, peers, origin });
      },
    );
    this.#counterBy("uploaded_bytes_total", "Bytes that peers gave to others", undefined, () => [
      ["", bytes().uploaded],
    ]);
    this.#counterBy("violations_total", "What peers did that they may not", "code", () =>
      Object.entries(needs.totals().violations),
    );
    this.#counterBy("upgrades_refused_total", "WebSockets refused, by status", "status", () =>
      [...needs.refused()].map(([status, count]) => [String(status), count]),
    );
  }

  /** In Prometheus' text format. */
  async text(): Promise<string> {
    const parts = [this.#registry, processMetrics()].map((registry) => registry.metrics());
    return (await Promise.all(parts)).join("\n");
  }

  #gauge(name: string, help: string, value: () => number): void {
    this.#gaugeBy(name, help, undefined, () => [["", value()]]);
  }

  #gaugeBy(name: string, help: string, label: string | undefined, values: () => Values): void {
    new Gauge({
      ...this.#described(name, help, label),
      collect() {
        this.reset();
        for (const [key, value] of values())
          this.set(label === undefined ? {} : { [label]: key }, value);
      },
    });
  }

  #counterBy(name: string, help: string, label: string | undefined, values: () => Values): void {
    new Counter({
      ...this.#described(name, help, label),
      collect() {
        this.reset();
        for (const [key, value] of values())
          this.inc(label === undefined ? {} : { [label]: key }, value);
      },
    });
  }

  #described(name: string, help: string, label: string | undefined) {
    return {
      name: `shoal_${name}`,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [this.#registry],
    };
  }
}
