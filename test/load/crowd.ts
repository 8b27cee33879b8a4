// The visitors of a load: a process with thousands of light sockets that does what its parent asks, one thing at a
// time. They speak as the shipped client does where it matters: they say when they are linked, and come back by its
// back-off. Seeded only by the machine: this is a load, not a proof.

import { randomBytes } from "node:crypto";
import { LightSocket } from "./light-socket.ts";
import { type Kind, REGIONS } from "./subject.ts";

export type Order =
  /** Connects all, `atOnce` under way at a time; each says what makes it a peer and waits for the answer. */
  | {
      readonly do: "join";
      readonly kind: Kind;
      readonly port: number;
      readonly count: number;
      readonly want: number;
      readonly atOnce: number;
    }
  /** Some announce again, spread over the time. */
  | {
      readonly do: "announce";
      readonly perSecond: number;
      readonly seconds: number;
      readonly want: number;
    }
  /** Waits until all that were lost are back. The server is killed and started meanwhile by the parent. */
  | { readonly do: "return"; readonly withinSeconds: number }
  | { readonly do: "leave" };

export interface Outcome {
  readonly seconds: number;
  readonly answered: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The client's own back-off: client/core/swarm/discovery.ts. */
const FIRST_BACKOFF = 500;
const LONGEST_BACKOFF = 10_000;

interface Visitor {
  readonly address: string;
  readonly secret: string;
  socket: LightSocket;
  failures: number;
  answered: (() => void) | undefined;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const id = (bytes: number): string => randomBytes(bytes).toString("base64url");
const SWARM = Buffer.alloc(32, 7).toString("base64url");

/** As many to each of fifty regions, 64 of them behind one address. */
function addressOf(each: number): string {
  const within = Math.floor(each / REGIONS / 64);
  return `127.${100 + (each % REGIONS)}.${within}.1`;
}

class Crowd {
  readonly #visitors: Visitor[] = [];
  readonly #latencies: number[] = [];
  #port = 0;
  #kind: Kind = "shoal";
  #want = 0;
  #returning = false;
  #joined = 0;

  async obey(order: Order): Promise<Outcome> {
    this.#latencies.length = 0;
    const before = performance.now();
    switch (order.do) {
      case "join":
        await this.#join(order);
        break;
      case "announce":
        await this.#announce(order);
        break;
      case "return": {
        this.#returning = true;
        const deadline = before + order.withinSeconds * 1000;
        // The loss first, then the return.
        while (this.#joined === this.#visitors.length && performance.now() < deadline)
          await sleep(5);
        while (this.#joined < this.#visitors.length && performance.now() < deadline)
          await sleep(20);
        break;
      }
      case "leave":
        this.#returning = false;
        for (const { socket } of this.#visitors.splice(0)) socket.end();
        await sleep(500);
        break;
    }
    const seconds = (performance.now() - before) / 1000;
    const sorted = [...this.#latencies].sort((one, other) => one - other);
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
    const answered = order.do === "announce" ? sorted.length : this.#joined;
    return { seconds, answered, p50Ms: at(0.5), p99Ms: at(0.99) };
  }

  async #join({ kind, port, count, want, atOnce }: Order & { do: "join" }): Promise<void> {
    this.#kind = kind;
    this.#port = port;
    this.#want = want;
    let next = this.#visitors.length;
    const end = next + count;
    const worker = async () => {
      while (next < end) {
        const visitor = this.#visitor(next++);
        await new Promise<void>((resolve) => {
          visitor.answered = resolve;
          this.#connect(visitor);
        });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }

  #visitor(each: number): Visitor {
    const visitor = {
      address: addressOf(each),
      secret: id(20),
      failures: 0,
      answered: undefined,
    } as unknown as Visitor;
    this.#visitors.push(visitor);
    return visitor;
  }

  #connect(visitor: Visitor): void {
    let isJoined = false;
    visitor.socket = new LightSocket({
      port: this.#port,
      localAddress: visitor.address,
      open: (socket) => {
        socket.sentAt = performance.now();
        socket.send(...this.#greetings(visitor));
      },
      text: (text, socket) => {
        if (this.#isAnswer(text)) {
          this.#latencies.push(performance.now() - socket.sentAt);
          if (!isJoined) {
            isJoined = true;
            visitor.failures = 0;
            this.#joined++;
          }
          visitor.answered?.();
          visitor.answered = undefined;
        } else if (text.startsWith('{"type":"introduce"') && text.includes("answerer")) {
          const { session } = JSON.parse(text);
          socket.send(JSON.stringify({ type: "ended", session, outcome: "linked" }));
        }
      },
      closed: () => {
        if (isJoined) this.#joined--;
        visitor.answered?.();
        visitor.answered = undefined;
        if (!this.#returning) return;
        visitor.failures++;
        const most = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (visitor.failures - 1));
        const least = visitor.failures === 1 ? 100 : 0;
        setTimeout(() => this.#returning && this.#connect(visitor), least + Math.random() * most);
      },
    });
  }

  #isAnswer(text: string): boolean {
    return this.#kind !== "shoal" || text.startsWith('{"type":"announced"');
  }

  #greetings({ secret }: Visitor): string[] {
    switch (this.#kind) {
      case "ws":
        return [this.#announcement(this.#want)];
      case "bittorrent": {
        const announce = { action: "announce", info_hash: "i".repeat(20), numwant: 8 };
        const rest = { uploaded: 0, downloaded: 0, left: 1, event: "started", offers: [] };
        return [JSON.stringify({ ...announce, ...rest, peer_id: secret.slice(0, 20) })];
      }
      case "shoal":
        return [
          JSON.stringify({ type: "hello", version: 1, secret }),
          this.#announcement(this.#want),
        ];
    }
  }

  #announcement(want: number): string {
    return JSON.stringify({ type: "announce", swarms: [{ swarm: SWARM, holding: "some" }], want });
  }

  async #announce({ perSecond, seconds, want }: Order & { do: "announce" }): Promise<void> {
    const text = this.#announcement(want);
    const begun = performance.now();
    const total = perSecond * seconds;
    let sent = 0;
    // In turn, so that nobody announces oftener than it may.
    while (sent < total) {
      const due = Math.min(total, ((performance.now() - begun) / 1000) * perSecond);
      for (; sent < due; sent++) {
        const visitor = this.#visitors[(sent * 7919) % this.#visitors.length];
        if (visitor === undefined) continue;
        visitor.socket.sentAt = performance.now();
        visitor.socket.send(text);
      }
      await sleep(2);
    }
    const deadline = performance.now() + 5000;
    while (this.#latencies.length < total && performance.now() < deadline) await sleep(10);
  }
}

/** Until the parent goes. */
export function main(): Promise<number> {
  const crowd = new Crowd();
  process.on("message", (order: Order) => {
    void crowd.obey(order).then((outcome) => process.send?.(outcome));
  });
  process.send?.("ready");
  return new Promise((resolve) => process.once("disconnect", () => resolve(0)));
}
