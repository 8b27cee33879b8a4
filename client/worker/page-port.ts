// The worker's end of a conversation with one page about one URL: asks whether the page has it, then pulls its bytes, one buffer a
// message, never more than was asked for. Finds out when the page falls silent. Never waits longer than said here.

import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { AssetStatement } from "../../tracker/protocol/manifest.ts";
import type { ByteRange, Millis } from "../core/vocabulary.ts";
import { assetIn, findOf, hostLock, type Reply, replyOf, type Wish } from "./bridge.ts";

/**
 * For "I have it" or "I have not". A page that does not work at this very moment answers within a few; one that does would delay
 * the request by more than it could gain.
 */
export const ANSWER_PATIENCE: Millis = 150;
/** The same when the network has failed, and there is nothing to gain by going on without an answer. */
export const LAST_PATIENCE: Millis = 1500;
/**
 * A page that was asked for bytes and sends none is asked whether it is there, and given up when it does not say so. Together they
 * stay below the two seconds that a request may lose at most.
 */
const SILENCE: Millis = 500;
const PING_PATIENCE: Millis = 1000;

/** A page that has the asset, and the port to it. */
export interface PageOffer {
  readonly asset: AssetStatement;
  readonly port: PagePort;
}

export class PagePort {
  readonly #port: MessagePort;
  readonly #heard: Reply[] = [];
  #wake: (() => void) | null = null;
  #isBegun = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = (event: MessageEvent<unknown>) => this.#hear(replyOf(event.data));
    // Where the browser says that the other end is gone (Chromium from 122), nobody waits for an answer to a ping.
    port.addEventListener("close", () => this.#hear({ reply: "failed" }));
  }

  /** The next bytes; `null` at the end. Rejects when the page is gone, or has not got it after all. */
  async next(range: ByteRange | "whole"): Promise<Bytes | null> {
    this.#say(this.#isBegun ? { wish: "pull" } : { wish: "read", range });
    this.#isBegun = true;
    for (;;) {
      const reply = (await this.#within(SILENCE)) ?? (await this.#alive());
      if (reply.reply === "bytes") return reply.bytes;
      if (reply.reply === "end") return null;
      if (reply.reply !== "pong") throw new Error("The page gave up");
    }
  }

  async find(url: string, patience: Millis): Promise<AssetStatement | undefined> {
    const reply = await this.#within(patience);
    return reply?.reply === "found" ? assetIn(reply.statement, url) : undefined;
  }

  close(): void {
    this.#say({ wish: "cancel" });
    this.#port.close();
  }

  async #alive(): Promise<Reply> {
    this.#say({ wish: "ping" });
    return (await this.#within(PING_PATIENCE)) ?? { reply: "failed" };
  }

  #say(wish: Wish): void {
    this.#port.postMessage(wish);
  }

  #hear(reply: Reply): void {
    this.#heard.push(reply);
    this.#wake?.();
  }

  async #within(patience: Millis): Promise<Reply | undefined> {
    if (this.#heard.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patience);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    return this.#heard.shift();
  }
}

/** Asks the page that made the request. `undefined`: nobody is there, or it is not for Shoal. */
export async function askPage(
  clientId: string,
  url: string,
  patience: Millis,
): Promise<PageOffer | undefined> {
  if (clientId === "" || !(await isHost(clientId))) return undefined;
  const client = await worker.clients.get(clientId);
  if (client === undefined) return undefined;
  const { port1, port2 } = new MessageChannel();
  const port = new PagePort(port1);
  client.postMessage(findOf(url), [port2]);
  const asset = await port.find(url, patience);
  if (asset !== undefined) return { asset, port };
  port.close();
  return undefined;
}

async function isHost(clientId: string): Promise<boolean> {
  // Absent before Safari 15.4.
  const locks: LockManager | undefined = navigator.locks;
  const { held = [] } = (await locks?.query()) ?? {};
  return held.some(({ name }) => name === hostLock(clientId));
}

// The library types `self` as any worker's.
const worker = self as unknown as ServiceWorkerGlobalScope;
