// `npm run soak`: a tracker over hours of churn, in minutes. Visitors come, meet, signal, link, fail, misbehave a little
// and leave or vanish, over and over; the tracker's clock runs ten times as fast, so that what should expire does. At
// the end everybody has left: whatever is still remembered is a leak, and so is memory that grew meanwhile.

import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { type RunningTracker, startTracker } from "../../tracker/server.ts";
import { LightSocket } from "./light-socket.ts";

export interface SoakOptions {
  readonly seconds: number;
  /** Present at a time. */
  readonly visitors: number;
  readonly seed: number;
  say(line: string): void;
}
export interface Soaked {
  /** MiB in use after a collection, visitors included: a fifth of the way in, and at the end. */
  readonly heap: { readonly early: number; readonly late: number };
  readonly visits: number;
  /** What is remembered after everybody left; all zeros unless something leaks. */
  readonly left: Readonly<Record<string, number>>;
}

const SPEED = 10;
const SWARMS = Array.from({ length: 12 }, (_, each) =>
  Buffer.alloc(32, each).toString("base64url"),
);
const OFFER = { kind: "offer", sdp: "v=0\r\n" };
/** What forgets last: allowances of addresses, which fill up again within some minutes of the tracker's clock. */
const FORGETTING_S = 90;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** mulberry32. */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function heapMib(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

/** One visit, from the first byte to the last. */
function visit(port: number, address: string, unit: () => number): Promise<void> {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(unit() * items.length)];
  const say = (socket: LightSocket, message: object) => socket.send(JSON.stringify(message));
  return new Promise((resolve) => {
    const socket = new LightSocket({
      port,
      localAddress: address,
      open: () => {
        const secret = randomBytes(20).toString("base64url");
        say(socket, { type: "hello", version: 1, secret });
        const swarms = [pick(SWARMS), pick(SWARMS)].map((swarm) => ({
          swarm,
          holding: pick(["none", "some", "all"]),
        }));
        say(socket, { type: "announce", swarms, want: Math.floor(unit() * 12) });
        if (unit() < 0.1) socket.send("?");
        if (unit() < 0.3) say(socket, { type: "leave", swarms: [swarms[0]?.swarm] });
        const bytes = { cache: 1, peers: 2, origin: 3, uploaded: 4 };
        if (unit() < 0.5) say(socket, { type: "report", bytes, poisoned: [] });
        setTimeout(() => socket.end(), 100 + unit() * 2000);
      },
      text: (text) => {
        const message = JSON.parse(text);
        if (message.type !== "introduce") return;
        const { session, peer, role } = message;
        if (role === "offerer") say(socket, { type: "signal", to: peer, session, signal: OFFER });
        const outcome = pick(["linked", "linked", "failed", "declined", undefined]);
        if (outcome !== undefined) say(socket, { type: "ended", session, outcome });
        if (unit() < 0.02) {
          const bytes = { cache: 0, peers: 0, origin: 0, uploaded: 0 };
          say(socket, { type: "report", bytes, poisoned: [peer] });
        }
      },
      closed: () => resolve(),
    });
  });
}

async function entries({ url }: RunningTracker): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const names = ["peers", "swarms", "sockets", "sessions", "addresses"];
  return Object.fromEntries(
    names.map((name) => [
      name,
      Number(new RegExp(`^shoal_${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN),
    ]),
  );
}

export async function soak({ seconds, visitors, seed, say }: SoakOptions): Promise<Soaked> {
  const unit = dice(seed);
  const tracker = await startTracker({
    port: 0,
    clock: { now: () => performance.now() * SPEED },
    edgeLimits: { sweepMs: 500 },
  });
  try {
    const begun = performance.now();
    const elapsed = () => (performance.now() - begun) / 1000;
    let visits = 0;
    const seat = async () => {
      while (elapsed() < seconds) {
        await visit(tracker.port, `127.80.${Math.floor(unit() * 200)}.1`, unit);
        visits++;
      }
    };
    let early = 0;
    const watch = async () => {
      const step = Math.max(seconds / 10, 0.5);
      for (let at = step; at < seconds; at += step) {
        await sleep(Math.max(0, (at - elapsed()) * 1000));
        const heap = heapMib();
        if (early === 0 && at >= seconds / 5) early = heap;
        const { peers, sessions } = await entries(tracker);
        const minute = (at / 60).toFixed(1);
        say(
          `${minute} min: ${visits} visits, ${heap.toFixed(1)} MiB, ${peers} peers, ${sessions} sessions`,
        );
      }
      return heapMib();
    };
    const [late] = await Promise.all([watch(), ...Array.from({ length: visitors }, seat)]);
    let left = await entries(tracker);
    const deadline = elapsed() + FORGETTING_S;
    while (Object.values(left).some((count) => count !== 0) && elapsed() < deadline) {
      await sleep(250);
      left = await entries(tracker);
    }
    return { heap: { early, late }, visits, left };
  } finally {
    await tracker.close({ graceful: false });
  }
}

const FLAGS = {
  minutes: { type: "string", default: "30" },
  visitors: { type: "string", default: "500" },
  seed: { type: "string", default: String(Date.now() % 2 ** 32) },
} as const;

/** Growth that is no leak: hidden classes, caches of the runtime, and the visitors of the moment. */
export const SLACK_MIB = 8;

/** 0: flat and nothing left; 1: a leak; 2: wrong words. */
export async function main(words: readonly string[]): Promise<number> {
  let numbers: { minutes: number; visitors: number; seed: number };
  try {
    const { values } = parseArgs({ args: [...words], options: FLAGS });
    const { minutes, visitors, seed } = values;
    numbers = { minutes: Number(minutes), visitors: Number(visitors), seed: Number(seed) };
  } catch (error) {
    console.error(error instanceof Error ? error.message.split(". ")[0] : error);
    return 2;
  }
  const { minutes, visitors, seed } = numbers;
  if (!(minutes > 0 && visitors >= 1 && visitors <= 8000 && Number.isInteger(seed))) {
    console.error("soak: --minutes N, --visitors N (at most 8000), --seed N.");
    return 2;
  }
  const say = (line: string) => console.log(line);
  say(`soak: ${minutes} min, ${visitors} visitors at a time, seed ${seed}`);
  const { heap, visits, left } = await soak({ seconds: minutes * 60, visitors, seed, say });
  const isFlat = heap.late - heap.early <= SLACK_MIB;
  const isClean = Object.values(left).every((count) => count === 0);
  say(
    `${visits} visits; heap ${heap.early.toFixed(1)} -> ${heap.late.toFixed(1)} MiB; left: ${JSON.stringify(left)}`,
  );
  say(isFlat && isClean ? "flat, nothing left" : "LEAK");
  return isFlat && isClean ? 0 : 1;
}
