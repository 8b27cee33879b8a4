// All open WebSockets: messages in and out, heartbeats, slow readers, and goodbye. Wraps `ws` sockets it is given;
// knows nothing of swarms. No timer of its own: `sweep` is called.

import type { Household } from "./household.ts";
import type { EdgeLimits } from "./limits.ts";
import type { TrackerMessage } from "./protocol/messages.ts";
import type { Address } from "./region/address.ts";
import type { DropReason } from "./tracker.ts";

/** As much of a `ws` socket as is used here. */
export interface Wire {
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  send(text: string): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(
    event: "message",
    listener: (this: Wire, payload: unknown, isBinary: boolean) => void,
  ): unknown;
  on(event: "error", listener: (this: Wire, error: Error) => void): unknown;
  on(event: "ping" | "pong" | "close", listener: (this: Wire) => void): unknown;
}

export interface SocketsNeeds {
  readonly limits: EdgeLimits;
  readonly heartbeatMs: number;
  now(): number;
  received(socket: Socket, text: string): void;
  /** What came was no message; the socket is being closed. */
  broke(socket: Socket, code: "malformed" | "too-large"): void;
  closed(socket: Socket): void;
}

/** Whose connection it is, as far as that can be known. Stays in memory, is never logged. */
export interface Caller {
  readonly site: string;
  readonly household: Household;
  /** `undefined`: could not be read. */
  readonly address: Address | undefined;
}

/** What is below a `ws` socket. */
export interface Stream {
  /** Between the two calls it only collects what is written. */
  cork(): void;
  uncork(): void;
  on(event: "data", listener: (bytes: { readonly length: number }) => void): unknown;
}

/** What the tracker core calls a connection. */
export interface Socket {
  readonly ws: Wire;
  readonly stream: Stream;
  readonly caller: Caller;
  /** When it was last pinged; `answered` since. */
  pingedAt: number;
  answered: boolean;
}

/** Losing these costs a slow reader nothing it could use in time. */
const DISPENSABLE: ReadonlySet<TrackerMessage["type"]> = new Set(["announced", "pong"]);
const PING = '{"type":"ping"}';
/** Of `ws`'s error codes, those for more than its options allow. */
const TOO_LARGE: ReadonlySet<string> = new Set([
  "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
  "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
  "WS_ERR_TOO_MANY_BUFFERED_PARTS",
]);
/** RFC 6455, section 7.4.1: policy violation; and its registry: service restart. */
const POLICY = 1008;
const RESTART = 1012;
/**
 * What may still come in after our goodbye: the messages an honest page had on its way, and its own goodbye. What is read
 * and thrown away is not free: Node reads 64 KiB at a time into buffers outside the heap, and some hundred of them make V8
 * go through the whole heap.
 */
const LAST_BYTES = 16 * 1024;
/** Closing handshakes begun per turn of the event loop, so that readiness probes are answered in between. */
const CLOSED_PER_TURN = 500;
/** Who came together is pinged together: 3,000 at once kept everybody else waiting for 40 ms. */
const PINGED_PER_TURN = 50;

interface Listeners {
  message(this: Wire, payload: unknown, isBinary: boolean): void;
  ping(this: Wire): void;
  pong(this: Wire): void;
  error(this: Wire, error: Error): void;
  close(this: Wire): void;
}

export class Sockets {
  readonly #needs: SocketsNeeds;
  readonly #open = new Set<Socket>();
  readonly #collecting = new Set<Socket>();
  readonly #socketOf = new WeakMap<Wire, Socket>();
  readonly #listeners: Listeners;
  #emptied: (() => void) | undefined;

  constructor(needs: SocketsNeeds) {
    this.#needs = needs;
    this.#listeners = this.#listenersOfAll();
  }

  get count(): number {
    return this.#open.size;
  }

  /** In the order they came. */
  [Symbol.iterator](): IterableIterator<Socket> {
    return this.#open.values();
  }

  add(ws: Wire, caller: Caller, stream: Stream): Socket {
    const socket: Socket = { ws, stream, caller, pingedAt: this.#needs.now(), answered: true };
    this.#open.add(socket);
    this.#socketOf.set(ws, socket);
    const { message, ping, pong, error, close } = this.#listeners;
    ws.on("message", message);
    ws.on("ping", ping);
    ws.on("pong", pong);
    ws.on("error", error);
    ws.on("close", close);
    return socket;
  }

  /** One set of listeners for all sockets: five closures each, times fifteen thousand, are megabytes. */
  #listenersOfAll(): Listeners {
    const { received, broke } = this.#needs;
    const as = (ws: Wire, act: (socket: Socket) => void): void => {
      const socket = this.#socketOf.get(ws);
      if (socket !== undefined) act(socket);
    };
    const closed = (socket: Socket): void => {
      this.#open.delete(socket);
      this.#needs.closed(socket);
      if (this.#open.size === 0) this.#emptied?.();
    };
    return {
      message(payload, isBinary) {
        // Binary is no message of ours; the empty text is refused as malformed, like any other mistake.
        as(this, (socket) => received(socket, isBinary ? "" : String(payload)));
      },
      // Control frames nobody asked for (browsers send none) use up the same allowance as the message of that name.
      ping() {
        as(this, (socket) => received(socket, PING));
      },
      pong() {
        as(this, (socket) => {
          if (socket.answered) received(socket, PING);
          socket.answered = true;
        });
      },
      // Oversized, malformed or half a frame: `ws` closes by itself, and `close` follows.
      error(error) {
        const code = "code" in error ? String(error.code) : "";
        if (!code.startsWith("WS_ERR_")) return;
        as(this, (socket) => {
          hearOut(socket);
          broke(socket, TOO_LARGE.has(code) ? "too-large" : "malformed");
        });
      },
      close() {
        as(this, closed);
      },
    };
  }

  send(socket: Socket, message: TrackerMessage): void {
    const { ws } = socket;
    const { congestedBytes, stalledBytes } = this.#needs.limits;
    if (ws.readyState !== ws.OPEN) return;
    if (ws.bufferedAmount > stalledBytes) {
      ws.terminate();
      return;
    }
    if (ws.bufferedAmount > congestedBytes && DISPENSABLE.has(message.type)) return;
    this.#collect(socket);
    ws.send(JSON.stringify(message));
  }

  /** All that one turn of the event loop says to a socket is one write: a join is a dozen messages. */
  #collect(socket: Socket): void {
    if (this.#collecting.has(socket)) return;
    if (this.#collecting.size === 0) setImmediate(() => this.#release());
    this.#collecting.add(socket);
    socket.stream.cork();
  }

  #release(): void {
    for (const { stream } of this.#collecting) stream.uncork();
    this.#collecting.clear();
  }

  drop(socket: Socket, reason: DropReason): void {
    if (reason === "silent") {
      socket.ws.terminate();
      return;
    }
    socket.ws.close(POLICY, reason);
    hearOut(socket);
  }

  /** A socket whose other end has vanished never says so; two heartbeats without a pong do. */
  async sweep(now: number): Promise<void> {
    let pinged = 0;
    for (const socket of this.#open) {
      if (now - socket.pingedAt < this.#needs.heartbeatMs) continue;
      if (!socket.answered || socket.ws.bufferedAmount > this.#needs.limits.stalledBytes) {
        socket.ws.terminate();
        continue;
      }
      socket.answered = false;
      socket.pingedAt = now;
      if (socket.ws.readyState !== socket.ws.OPEN) continue;
      socket.ws.ping();
      if (++pinged % PINGED_PER_TURN === 0) await nextTurn();
    }
  }

  /** Closes all, in slices; whoever does not answer in time is cut. Resolves when none is left. */
  async closeAll(withinMs: number): Promise<void> {
    if (this.#open.size === 0) return;
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    const cut = setTimeout(() => this.cutAll(), withinMs);
    let begun = 0;
    for (const { ws } of [...this.#open]) {
      ws.close(RESTART, "restart");
      if (++begun % CLOSED_PER_TURN === 0) await nextTurn();
    }
    if (this.#open.size > 0) await emptied;
    clearTimeout(cut);
  }

  cutAll(): void {
    for (const { ws } of [...this.#open]) ws.terminate();
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** From here on only a goodbye is waited for: whoever goes on sending is cut, instead of being read for nothing. */
function hearOut({ ws, stream }: Socket): void {
  let left = LAST_BYTES;
  stream.on("data", ({ length }) => {
    left -= length;
    if (left < 0) ws.terminate();
  });
}
