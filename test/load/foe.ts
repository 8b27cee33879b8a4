// The strangers of a load: one process, many addresses (one is soon blocked), and everything that a tracker should survive, again and again
// until the parent goes: random bytes, huge frames, upgrades that never end, a thousand connections at once, floods of
// signals and of announces, protocols mangled at random. Prints its seed.

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { setPriority } from "node:os";
import { LightSocket } from "./light-socket.ts";

const addressOf = (unit: () => number): string => `127.99.${Math.floor(unit() * 256)}.1`;
const SESSION = "A".repeat(16);
const PEER = "A".repeat(27);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Place {
  readonly port: number;
  readonly localAddress: string;
}
interface Attack {
  readonly name: string;
  /** Between two of the kind, in milliseconds. */
  readonly restMs: number;
  readonly run: (place: Place, unit: () => number) => Promise<void>;
}

/** Open until the server ends it, or for two seconds. */
function spoken(place: Place, say: (socket: LightSocket) => void) {
  return new Promise<void>((resolve) => {
    const socket = new LightSocket({
      ...place,
      open: () => {
        say(socket);
        setTimeout(() => socket.end(), 2000);
      },
      text: () => {},
      closed: () => resolve(),
    });
  });
}

function raw(place: Place, say: (tcp: Socket) => void): Promise<void> {
  return new Promise((resolve) => {
    const tcp = connect({ ...place, host: "127.0.0.1" });
    tcp.on("connect", () => say(tcp));
    tcp.on("error", () => {});
    tcp.on("close", () => resolve());
    tcp.setTimeout(2000, () => tcp.destroy());
    tcp.resume();
  });
}

const hello = (): string =>
  JSON.stringify({ type: "hello", version: 1, secret: randomBytes(20).toString("base64url") });
const MESSAGES = [
  hello,
  () => JSON.stringify({ type: "ping" }),
  () => JSON.stringify({ type: "announce", swarms: [{ swarm: PEER, holding: "all" }], want: 16 }),
  () => JSON.stringify({ type: "signal", to: PEER, session: SESSION, signal: { kind: "offer" } }),
  () => JSON.stringify({ type: "ended", session: SESSION, outcome: "linked" }),
  () => JSON.stringify({ type: "report", bytes: { cache: -1 }, poisoned: [PEER] }),
];

/** A message with some of its characters exchanged, dropped or doubled. */
function mangled(unit: () => number): string {
  const text = MESSAGES[Math.floor(unit() * MESSAGES.length)]?.() ?? "";
  const at = Math.floor(unit() * text.length);
  const char = String.fromCharCode(Math.floor(unit() * 0x250));
  const changes = [
    text.slice(0, at) + char + text.slice(at + 1),
    text.slice(0, at) + text.slice(at + 1),
    text.slice(0, at) + text.slice(at).repeat(2),
    text,
  ];
  return changes[Math.floor(unit() * changes.length)] ?? text;
}

const ATTACKS: readonly Attack[] = [
  {
    name: "random bytes",
    restMs: 20,
    run: (place, unit) =>
      raw(place, (tcp) => void tcp.write(randomBytes(1 + Math.floor(unit() * 4096)))),
  },
  {
    name: "random bytes in a socket",
    restMs: 20,
    run: (place, unit) =>
      spoken(place, (socket) => void socket.sendRaw(randomBytes(1 + Math.floor(unit() * 4096)))),
  },
  {
    name: "huge frames",
    restMs: 20,
    run: (place) =>
      spoken(place, (socket) => {
        // Says 4 GiB, sends a megabyte.
        socket.sendRaw(Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
        socket.sendRaw(Buffer.alloc(1 << 20, 32));
      }),
  },
  {
    name: "upgrades that never end",
    restMs: 20,
    run: (place) => raw(place, (tcp) => void tcp.write("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")),
  },
  {
    name: "a thousand connections",
    restMs: 10_000,
    run: async (place) => {
      await Promise.all(Array.from({ length: 1000 }, () => spoken(place, () => {})));
    },
  },
  {
    name: "floods",
    restMs: 20,
    run: (place, unit) =>
      spoken(place, (socket) => {
        socket.send(hello());
        const say = MESSAGES[Math.floor(unit() * MESSAGES.length)];
        for (let each = 0; each < 2000; each++) socket.send(say?.() ?? "");
      }),
  },
  {
    name: "mangled messages",
    restMs: 20,
    run: (place, unit) =>
      spoken(place, (socket) => {
        socket.send(hello());
        for (let each = 0; each < 4; each++) socket.send(mangled(unit));
      }),
  },
];

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

/** `words`: the port, and a seed. Two attackers of a kind until the parent goes. */
export async function main([port = "", seed = ""]: readonly string[]): Promise<number> {
  // Strangers have machines of their own; what this one takes from the tracker's and the honest crowd's is not measured.
  setPriority(19);
  const unit = dice(Number(seed));
  let isOver = false;
  process.once("disconnect", () => {
    isOver = true;
  });
  const attacker = async ({ run, restMs }: Attack) => {
    while (!isOver) {
      await run({ port: Number(port), localAddress: addressOf(unit) }, unit);
      await sleep(restMs);
    }
  };
  process.send?.("ready");
  await Promise.all([...ATTACKS, ...ATTACKS].map(attacker));
  return 0;
}
