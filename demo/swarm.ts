// The swarm as far as this page can see it: you and the visitors in its frames, from what they report, and strangers only as
// ends of your links, without a name. Turns sums into rates and remembers what visitors moved who have left. Pure but
// for its own books; reads no clock and draws nothing.

import type { ClientStats } from "../client/index.ts";
import type { Behaviour } from "./behaviour.ts";
import type { Report } from "./report.ts";

export interface Visitor {
  readonly id: number;
  readonly name: string;
  /** An index of the demo's regions. */
  readonly region: number;
  readonly behaviour: Behaviour;
}

/** Bytes on their way. Ends are visitors; `origin` and `stranger` are what they say. */
export interface Flow {
  readonly from: number | "origin" | "stranger";
  readonly to: number | "stranger";
  readonly bytesPerSecond: number;
}

export interface Totals {
  readonly cache: number;
  readonly peers: number;
  readonly origin: number;
  /** Of all different chunks that anybody here has had: what the content measures. */
  readonly distinct: number;
}

export interface Member extends Visitor {
  readonly stats: ClientStats;
  /** How many have caught it sending wrong bytes. */
  readonly caughtBy: number;
}

/** What a new rate counts beside the one before: steady enough for the eye, and over after two seconds. */
const FRESHNESS = 0.6;
/** Below this nothing moves. */
const LEAST_RATE = 1000;

interface Book extends Visitor {
  report: Report | null;
  at: number;
  /** By the other end: peer id, or `origin`. Bytes a second, inwards. */
  readonly rates: Map<string, number>;
  readonly bytes: Map<string, number>;
}

export class Swarm {
  readonly #books = new Map<number, Book>();
  readonly #distinct = new Set<string>();
  readonly #caught = new Map<string, Set<number>>();
  #totals: Totals = { cache: 0, peers: 0, origin: 0, distinct: 0 };

  came(visitor: Visitor): void {
    this.#books.set(visitor.id, {
      ...visitor,
      report: null,
      at: 0,
      rates: new Map(),
      bytes: new Map(),
    });
  }

  left(id: number): void {
    this.#books.delete(id);
  }

  /** `now` in milliseconds. Of somebody who has left, nothing. */
  heard(id: number, report: Report, now: number): void {
    const book = this.#books.get(id);
    if (book === undefined) return;
    const { bytes, links } = report.stats;
    const before = book.report?.stats.bytes ?? { cache: 0, peers: 0, origin: 0 };
    let { distinct } = this.#totals;
    for (const chunk of report.chunks) {
      const key = `${chunk.url}#${chunk.index}`;
      if (this.#distinct.has(key)) continue;
      this.#distinct.add(key);
      distinct += chunk.bytes;
    }
    this.#totals = {
      cache: this.#totals.cache + bytes.cache - before.cache,
      peers: this.#totals.peers + bytes.peers - before.peers,
      origin: this.#totals.origin + bytes.origin - before.origin,
      distinct,
    };
    for (const { peer, kind } of report.violations) {
      if (kind === "poisoned")
        this.#caught.set(peer, (this.#caught.get(peer) ?? new Set()).add(id));
    }
    const seconds = (now - book.at) / 1000;
    const inwards = new Map([
      ["origin", bytes.origin],
      ...links.map(({ peer, bytesDown }) => [peer, bytesDown] as const),
    ]);
    for (const [end, sum] of inwards) {
      const rate = book.at === 0 ? 0 : (sum - (book.bytes.get(end) ?? 0)) / seconds;
      const known = book.rates.get(end) ?? 0;
      book.rates.set(end, known + (Math.max(0, rate) - known) * FRESHNESS);
      book.bytes.set(end, sum);
    }
    for (const end of book.rates.keys()) if (!inwards.has(end)) book.rates.delete(end);
    book.report = report;
    book.at = now;
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** Who has reported at least once, in the order they came. */
  get members(): readonly Member[] {
    return [...this.#books.values()].flatMap(({ report, id, name, region, behaviour }) => {
      if (report === null) return [];
      const { stats } = report;
      const caughtBy = this.#caught.get(stats.peerId ?? "")?.size ?? 0;
      return [{ id, name, region, behaviour, stats, caughtBy }];
    });
  }

  /** The visitor with this peer id, if it is one of ours. */
  named(peer: string): Member | undefined {
    return this.members.find(({ stats }) => stats.peerId === peer);
  }

  /** Every pair that is linked, once, the earlier visitor first; a stranger is linked with you alone. */
  get links(): readonly (readonly [number, number | "stranger"])[] {
    const ids = this.#ids();
    const pairs = new Map<string, readonly [number, number | "stranger"]>();
    for (const { id, stats } of this.members) {
      for (const { peer } of stats.links) {
        const other = ids.get(peer) ?? "stranger";
        if (other === "stranger" && id !== 0) continue;
        const pair =
          other === "stranger" || id < other ? ([id, other] as const) : ([other, id] as const);
        pairs.set(pair.join(), pair);
      }
    }
    return [...pairs.values()];
  }

  /** What moves now. */
  get flows(): readonly Flow[] {
    const ids = this.#ids();
    return [...this.#books.values()].flatMap((book) =>
      [...book.rates].flatMap(([end, bytesPerSecond]): Flow[] => {
        if (bytesPerSecond < LEAST_RATE) return [];
        const from = end === "origin" ? end : (ids.get(end) ?? "stranger");
        return [{ from, to: book.id, bytesPerSecond }];
      }),
    );
  }

  /** Bytes a second to all visitors together, by source. */
  get rates(): { readonly peers: number; readonly origin: number } {
    let peers = 0;
    let origin = 0;
    for (const { from, bytesPerSecond } of this.flows) {
      if (from === "origin") origin += bytesPerSecond;
      else peers += bytesPerSecond;
    }
    return { peers, origin };
  }

  #ids(): ReadonlyMap<string, number> {
    return new Map(this.members.map(({ id, stats }) => [stats.peerId ?? "", id]));
  }
}
