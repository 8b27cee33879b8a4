// A page's dealings with the site's service worker: has it registered, answers it, and leaves it vouchers for what is cached, so
// that it can do without any page. Owns the host; decides nothing about content.

import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { DegradedCode } from "../core/events.ts";
import type { Store } from "../core/ports.ts";
import type { ByteCount, Content, Millis, Standing } from "../core/vocabulary.ts";
import { BYPASS_HEADER } from "./bridge.ts";
import { greeted, HELLO_PATIENCE, Host, type Hosted } from "./host.ts";
import { register } from "./register.ts";
import { type Voucher, vouchedUrl, voucherKey, writeVoucher } from "./voucher.ts";

/**
 * How long the worker serves from the cache on a page's word alone. What the site publishes now is known to every page shortly after it
 * was opened; for so long at most may the first requests of the next page, which are made before it knows, get what
 * was right for the one before it.
 */
const VOUCHED_FOR: Millis = 60_000;
/** A year: what may be used for as long as the origin is away is older than any outage then. */
const KEPT_FOR: Millis = 31_536_000_000;
/** A page that is opened renews so many; more would be work that few of its visitors have any use for. */
const MOST_RENEWED = 1000;

/** Whatever is larger is rarely loaded whole before the client is there. */
const MOST_ADOPTED: ByteCount = 8 * 1024 * 1024;

export interface LiaisonNeeds {
  /** The site's worker file, absolute, or `off`. */
  readonly script: string;
  readonly index: Store;
  /** The URL of the manifest that `find` goes by. */
  readonly manifest: string;
  /** The client's. */
  readonly fetch: Hosted["fetch"];
  /** What a URL is now. */
  find(url: string): Promise<Content | undefined>;
  /** What the worker may be told that it is, and for how long at most; `undefined`, too, if nothing of it is cached. */
  standing(url: string): Promise<Standing | undefined>;
  /** The worker asked for what the manifest says nothing of. */
  passed(): void;
  /** Caches bytes from elsewhere if they are all of it and right. */
  adopt(content: Content, body: Bytes): Promise<boolean>;
  /** From the network, past the worker. */
  read(url: string, init: RequestInit): Promise<Response>;
  /** Whether such a read waits for an answer that may be going by the worker: to be answered with itself it would wait for ever. */
  mayBeSeen(url: string): boolean;
  problem(code: DegradedCode, message: string): void;
}

export class Liaison {
  readonly #needs: LiaisonNeeds;
  readonly #host: Host | null;
  /** What this page wrote. */
  readonly #vouched = new Map<string, Voucher>();
  #isClosed = false;

  constructor(needs: LiaisonNeeds) {
    this.#needs = needs;
    const container: ServiceWorkerContainer | undefined = navigator.serviceWorker;
    const isWanted = needs.script !== "off" && container !== undefined;
    this.#host = isWanted ? new Host(container, this.#hosted) : null;
  }

  /** Once the client can answer. */
  async begin(): Promise<void> {
    const { script, problem } = this.#needs;
    if (script === "off") return unregister();
    // The worker of an earlier visit is there already; the host notices when another one takes over.
    void this.enter();
    const wrong = await register(script);
    if (wrong !== null) problem(wrong.code, wrong.message);
    await this.#renew();
    await this.#adoptLoaded();
  }

  async enter(): Promise<void> {
    if (!this.#isClosed) await this.#host?.enter();
  }
  leave(): void {
    this.#host?.leave();
  }
  close(): void {
    this.#isClosed = true;
    this.#host?.close();
  }

  /** Whether the worker comes to this page with its requests. */
  get isAsked(): boolean {
    return this.#host?.isUp === true;
  }

  /** For reads of the origin: past the worker, which would only come to us with them. `null` while it comes with nothing. */
  get marker(): ((init: RequestInit) => RequestInit) | null {
    return this.isAsked ? marked : null;
  }

  /** A request for it was answered: from now on the worker may, for a while; or not, if it is not what it was. */
  async vouch(url: string): Promise<void> {
    if (this.#host !== null) await this.#write([url]);
  }

  /** What earlier pages left. */
  async #renew(): Promise<void> {
    if (this.#host === null) return;
    const urls: string[] = [];
    for (const key of await this.#needs.index.keys()) {
      const url = vouchedUrl(key);
      if (url !== undefined) urls.push(url);
    }
    await this.#write(urls.slice(0, MOST_RENEWED));
  }

  /**
   * What the page asked for before anybody could answer came from the site, and the browser still has it: one look there makes
   * the next load independent of the site, and others get it from here.
   */
  async #adoptLoaded(): Promise<void> {
    const { find, standing, adopt, read } = this.#needs;
    await loaded();
    for (const url of loadedUrls()) {
      if (this.#isClosed) return;
      const content = await find(url);
      if (content === undefined || content.asset.size > MOST_ADOPTED) continue;
      if ((await standing(url)) === undefined) {
        const init = { cache: "only-if-cached", mode: "same-origin" } as const;
        const response = await read(url, init).catch(() => null);
        if (response?.status !== 200) continue;
        const body = await response.arrayBuffer().catch(() => new ArrayBuffer(0));
        if (!(await adopt(content, new Uint8Array(body)))) continue;
      }
      await this.vouch(url);
    }
  }

  async #write(urls: readonly string[]): Promise<void> {
    const { index, standing, manifest } = this.#needs;
    const records: (readonly [string, Bytes])[] = [];
    const over: string[] = [];
    for (const url of urls) {
      const known = await standing(url);
      if (known === undefined) {
        over.push(voucherKey(url));
        this.#vouched.delete(url);
        continue;
      }
      const { asset } = known.content;
      const before = this.#vouched.get(url);
      const isNew = before?.asset !== asset || before.until < Date.now() + VOUCHED_FOR / 2;
      if (!isNew) continue;
      const voucher = {
        asset,
        manifest,
        // What is stale already counts when the origin fails, as far as that may be.
        until: Date.now() + Math.floor(Math.max(0, Math.min(VOUCHED_FOR, known.left))),
        last: Date.now() + Math.floor(Math.max(0, Math.min(KEPT_FOR, known.lasts))),
      };
      this.#vouched.set(url, voucher);
      records.push([voucherKey(url), writeVoucher(voucher)]);
    }
    if (this.#isClosed) return;
    await index.put(records);
    await index.delete(over);
  }

  get #hosted(): Hosted {
    const { find, fetch, passed, mayBeSeen } = this.#needs;
    return {
      fetch,
      async find(url) {
        if (mayBeSeen(url)) return undefined;
        const content = await find(url);
        if (content === undefined) passed();
        return content;
      },
    };
  }
}

function marked(init: RequestInit): RequestInit {
  // What is sent is nothing for the worker, and with a header of ours another site would be asked for leave first.
  if (init.method === "POST") return init;
  const headers = new Headers(init.headers);
  headers.set(BYPASS_HEADER, "1");
  return { ...init, headers };
}

/** Takes every worker of Shoal's off this site. A site's own worker that lets Shoal answer stays. */
export async function unregister(): Promise<void> {
  const container: ServiceWorkerContainer | undefined = navigator.serviceWorker;
  for (const registration of (await container?.getRegistrations()) ?? []) {
    const welcome = registration.active && (await greeted(registration.active, HELLO_PATIENCE));
    if (welcome?.sole === true) await registration.unregister();
  }
}

function loaded(): Promise<void> {
  if (document.readyState === "complete") return Promise.resolve();
  return new Promise((resolve) => addEventListener("load", () => resolve(), { once: true }));
}

/** Of this site, whose copies the browser gives out; without media, of which it has parts. */
function loadedUrls(): ReadonlySet<string> {
  const entries = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
  const whole = entries.filter(
    ({ name, initiatorType }) =>
      name.startsWith(`${location.origin}/`) && !/^(audio|video|iframe)$/.test(initiatorType),
  );
  return new Set(whole.map(({ name }) => name.split("#", 1)[0] ?? name));
}
