// The page's end of the bridge: answers its service worker with whatever it is given something to read with. Owns the lock that
// says so, and the readings it has open. Sends nothing that was not asked for.

import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { AssetStatement } from "../../tracker/protocol/manifest.ts";
import { writeStatement } from "../core/cache/description.ts";
import type { ByteRange, Cancel, Millis } from "../core/vocabulary.ts";
import type { ShoalInit } from "../request.ts";
import {
  BRIDGE_VERSION,
  HELLO,
  hostLock,
  type Reply,
  type Welcome,
  wantedOf,
  welcomeOf,
  wishOf,
} from "./bridge.ts";

/** A worker that does not say who it is within this time is not one of ours, or not one that could help. */
export const HELLO_PATIENCE: Millis = 3000;
/** The one that controls the page may take its time: a busy machine needs seconds to start it. */
const CONTROLLER_PATIENCE: Millis = 60_000;
/**
 * A worker that wants nothing for so long was stopped, or its reader has paused; whoever reads on then gets the rest from the
 * network. Until then the pages of a film that is paused for a moment do not begin anew.
 */
const IDLE: Millis = 60_000;

export interface Hosted {
  /** What Shoal would answer this URL with; `undefined`: it would not. */
  find(url: string): Promise<{ readonly asset: AssetStatement } | undefined>;
  /** As a client's, which must not pass on to the network: the worker would bring it back. */
  fetch(url: string, init: ShoalInit): Promise<Response>;
}

/** Who a worker is; `null`: it does not speak with us. */
export function greeted(worker: ServiceWorker, patience: Millis): Promise<Welcome | null> {
  const { port1, port2 } = new MessageChannel();
  return new Promise<Welcome | null>((resolve) => {
    const timer = setTimeout(resolve, patience, null);
    port1.onmessage = (event: MessageEvent<unknown>) => {
      clearTimeout(timer);
      resolve(welcomeOf(event.data));
    };
    worker.postMessage(HELLO, [port2]);
  }).finally(() => port1.close());
}

export class Host {
  readonly #container: ServiceWorkerContainer;
  readonly #hosted: Hosted;
  readonly #stop = new AbortController();
  /** Ends the present stay. */
  #leave: Cancel | null = null;

  constructor(container: ServiceWorkerContainer, hosted: Hosted) {
    this.#container = container;
    this.#hosted = hosted;
    const { signal } = this.#stop;
    container.addEventListener("message", (event) => this.#asked(event), { signal });
    container.addEventListener("controllerchange", () => void this.enter(), { signal });
  }

  /** Whether the worker comes to us with this page's requests. */
  get isUp(): boolean {
    return this.#leave !== null;
  }

  /** From now on the worker may ask, if one controls this page and it is of our version; otherwise it may not. */
  async enter(): Promise<void> {
    const { controller } = this.#container;
    const welcome = controller && (await greeted(controller, CONTROLLER_PATIENCE));
    if (controller !== this.#container.controller) return;
    if (welcome?.version !== BRIDGE_VERSION) return this.leave();
    // Until then the browser keeps back what a worker says, unless told otherwise; but a site's own worker may have something to say to
    // listeners of the site's that are not there yet.
    if (welcome.sole) this.#container.startMessages();
    else await parsed();
    // Absent before Safari 15.4; then the worker asks nobody.
    const locks: LockManager | undefined = navigator.locks;
    if (locks === undefined || this.isUp || this.#stop.signal.aborted) return;
    const stay = new AbortController();
    this.#leave = () => stay.abort();
    const { signal } = stay;
    const left = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    void locks.request(hostLock(welcome.client), { signal }, () => left).catch(() => {});
  }

  /** The page is put away: what is being read ends, and the worker asks no more. */
  leave(): void {
    this.#leave?.();
    this.#leave = null;
  }

  close(): void {
    this.leave();
    this.#stop.abort();
  }

  #asked(event: MessageEvent<unknown>): void {
    const url = wantedOf(event.data);
    const port = event.ports[0];
    if (url === undefined || port === undefined) return;
    if (url === null || !this.isUp) return port.postMessage({ reply: "none" } satisfies Reply);
    void new Pump(url, port, this.#hosted).run();
  }
}

async function parsed(): Promise<void> {
  if (document.readyState !== "loading") return;
  await new Promise((resolve) => addEventListener("DOMContentLoaded", resolve, { once: true }));
}

/** One asset on its way to the worker. */
class Pump {
  readonly #url: string;
  readonly #port: MessagePort;
  readonly #hosted: Hosted;
  readonly #abort = new AbortController();
  #reader: ReadableStreamDefaultReader<Bytes> | null = null;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, port: MessagePort, hosted: Hosted) {
    this.#url = url;
    this.#port = port;
    this.#hosted = hosted;
  }

  async run(): Promise<void> {
    this.#port.onmessage = (event: MessageEvent<unknown>) => void this.#wished(event.data);
    this.#rest();
    const found = await this.#hosted.find(this.#url).catch(() => undefined);
    if (found === undefined) this.#end({ reply: "none" });
    else this.#say({ reply: "found", statement: writeStatement(found.asset) });
  }

  async #wished(message: unknown): Promise<void> {
    const wish = wishOf(message);
    this.#rest();
    try {
      switch (wish?.wish) {
        case "ping":
          return this.#say({ reply: "pong" });
        case "read":
          this.#reader ??= await this.#open(wish.range);
          return await this.#pull();
        case "pull":
          return await this.#pull();
        default:
          return this.#close();
      }
    } catch {
      this.#end({ reply: "failed" });
    }
  }

  async #open(range: ByteRange | "whole"): Promise<ReadableStreamDefaultReader<Bytes> | null> {
    const headers = range === "whole" ? {} : { Range: `bytes=${range.first}-${range.last}` };
    const { signal } = this.#abort;
    const { ok, body } = await this.#hosted.fetch(this.#url, {
      headers,
      signal,
      shoal: { passThrough: false },
    });
    return ok && body !== null ? body.getReader() : null;
  }

  async #pull(): Promise<void> {
    if (this.#reader === null) return this.#end({ reply: "failed" });
    const next = await this.#reader.read();
    if (next.value === undefined) return this.#end({ reply: "end" });
    // A copy of our own, so it may be given away.
    this.#port.postMessage({ reply: "bytes", bytes: next.value } satisfies Reply, [
      next.value.buffer,
    ]);
  }

  #rest(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#end({ reply: "failed" }), IDLE);
  }

  #say(reply: Reply): void {
    this.#port.postMessage(reply);
  }

  #end(reply: Reply): void {
    this.#say(reply);
    this.#close();
  }

  #close(): void {
    clearTimeout(this.#idle);
    this.#abort.abort();
    void this.#reader?.cancel().catch(() => {});
    this.#port.close();
  }
}
