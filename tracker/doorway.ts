// The way in: connections of one household enter at a pace, and nothing is read of those that wait. What a thousand of them
// say in one moment would be a tenth of a second's work in one turn of the event loop, for which everybody inside would wait.

import type { Server } from "node:http";
import type { Socket } from "node:net";
import { type EdgeLimits, TokenBucket } from "./limits.ts";
import { allowanceKeyOf, parseAddress } from "./region/address.ts";

/** Fine enough that five enter at a time. */
const LOOK_EVERY_MS = 10;
export interface DoorwayNeeds {
  readonly limits: Pick<EdgeLimits, "entriesPerAddress" | "waitingPerAddress">;
  now(): number;
  /** Whether many households come from this address. */
  isProxy(address: string | undefined): boolean;
  /** A household had too many waiting; this one was closed without a word. */
  turnedAway(): void;
}
interface Knocking {
  readonly entries: TokenBucket;
  readonly waiting: Socket[];
}

export class Doorway {
  readonly #needs: DoorwayNeeds;
  readonly #enter: (socket: Socket) => void;
  readonly #households = new Map<string, Knocking>();
  #looking: NodeJS.Timeout | undefined;

  /** Stands in front of a server that does not listen yet. */
  constructor(server: Server, needs: DoorwayNeeds) {
    this.#needs = needs;
    const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
    server.removeAllListeners("connection");
    this.#enter = (socket) => {
      for (const listener of listeners) listener.call(server, socket);
      socket.resume();
    };
    // An option of `net` servers that HTTP's constructor does not pass on.
    Object.assign(server, { pauseOnConnect: true });
    server.on("connection", (socket: Socket) => this.#came(socket));
  }

  /** Households that are remembered. */
  get size(): number {
    return this.#households.size;
  }

  /** Forgets households that have not come for a while. */
  sweep(now: number): void {
    for (const [key, { entries, waiting }] of this.#households) {
      if (waiting.length === 0 && entries.isFull(now)) this.#households.delete(key);
    }
  }

  /** Whoever still waits is not let in any more. */
  close(): void {
    clearTimeout(this.#looking);
    for (const { waiting } of this.#households.values()) {
      for (const socket of waiting.splice(0)) socket.destroy();
    }
  }

  #came(socket: Socket): void {
    const { limits, now, isProxy, turnedAway } = this.#needs;
    const { remoteAddress } = socket;
    if (isProxy(remoteAddress)) return this.#enter(socket);
    const { entries, waiting } = this.#householdAt(remoteAddress);
    if (waiting.length === 0 && entries.take(1, now())) return this.#enter(socket);
    // A reset while it waits, which nobody else would hear.
    socket.on("error", unheard);
    if (waiting.length >= limits.waitingPerAddress) {
      socket.destroy();
      turnedAway();
      return;
    }
    waiting.push(socket);
    this.#looking ??= setTimeout(() => this.#look(), LOOK_EVERY_MS);
  }

  #householdAt(socketAddress: string | undefined): Knocking {
    const address = parseAddress(socketAddress ?? "");
    const key = allowanceKeyOf(address);
    const known = this.#households.get(key);
    if (known !== undefined) return known;
    const { limits, now } = this.#needs;
    const knocking = { entries: new TokenBucket(limits.entriesPerAddress, now()), waiting: [] };
    this.#households.set(key, knocking);
    return knocking;
  }

  #look(): void {
    const now = this.#needs.now();
    let isAnybodyWaiting = false;
    for (const { entries, waiting } of this.#households.values()) {
      while (waiting.length > 0 && entries.take(1, now)) {
        const socket = waiting.shift();
        if (socket?.destroyed === false) this.#enter(socket);
      }
      isAnybodyWaiting ||= waiting.length > 0;
    }
    this.#looking = isAnybodyWaiting ? setTimeout(() => this.#look(), LOOK_EVERY_MS) : undefined;
  }
}

const unheard = (): void => {};
