// One request's answer, from wherever it comes soonest and surest: what this browser holds and a page has vouched for, then the
// page that asks, then the network. Between requests it remembers nothing that would be missed.

import { webCryptoHasher } from "../browser/hasher.ts";
import { idbStore } from "../browser/store-idb.ts";
import { CHUNKS_DATABASE, INDEX_DATABASE } from "../core/cache/stored-chunk.ts";
import { contentOf } from "../core/catalogue/content.ts";
import { against } from "../core/catalogue/standing.ts";
import type { Hasher, Store } from "../core/ports.ts";
import type { ByteRange, Content, Millis } from "../core/vocabulary.ts";
import { headOf } from "../head.ts";
import { rangeOf } from "../request.ts";
import type { Seen } from "../resume.ts";
import { BYPASS_HEADER } from "./bridge.ts";
import {
  Delivery,
  fromCache,
  fromNetwork,
  fromPage,
  MOST_AT_ONCE,
  type Source,
} from "./delivery.ts";
import { shortened } from "./interception.ts";
import { ANSWER_PATIENCE, askPage, LAST_PATIENCE, type PageOffer } from "./page-port.ts";
import { parseVoucher, type Voucher, voucherKey } from "./voucher.ts";

/** IndexedDB answers within milliseconds, or hangs; the network must not wait for it. */
const LOOK_PATIENCE: Millis = 500;

const database = (name: string): Store =>
  idbStore({ database: name, memoryLimit: 0, onFallback: () => {} });
const chunks = database(CHUNKS_DATABASE);
const index = database(INDEX_DATABASE);
/** A worker only runs in a secure context. */
const hasher = webCryptoHasher() as Hasher;

type Part = ByteRange | "whole";

/** Rejects only as the network does. */
export async function answer(request: Request, clientId: string): Promise<Response> {
  const wanted = new Wanted(request, clientId);
  const voucher = await wanted.voucher();
  if (voucher !== undefined && voucher.until > Date.now()) {
    const cached = await wanted.fromCache(voucher);
    if (cached !== undefined) return cached;
  }
  const offered = await wanted.fromPage();
  return offered ?? wanted.fromNetwork();
}

/** A request that a page in front of the worker makes of the origin, as it would be without either. */
export function bypassed(request: Request): Promise<Response> {
  const headers = new Headers(request.headers);
  headers.delete(BYPASS_HEADER);
  return fetch(new Request(request, { headers }));
}

class Wanted {
  readonly #request: Request;
  readonly #clientId: string;
  readonly #url: string;

  constructor(request: Request, clientId: string) {
    this.#request = request;
    this.#clientId = clientId;
    this.#url = request.url.split("#", 1)[0] ?? request.url;
  }

  /** `undefined`: there is none, or it counts for nothing any more. */
  voucher(): Promise<Voucher | undefined> {
    return within(LOOK_PATIENCE, this.#voucher());
  }

  async #voucher(): Promise<Voucher | undefined> {
    const record = await index.get(voucherKey(this.#url));
    const voucher = record && parseVoucher(this.#url, record);
    if (voucher === undefined) return undefined;
    const objection = await against(index, voucher.manifest, voucher.asset);
    if (objection === "hard") return undefined;
    return objection === "soft" ? { ...voucher, until: 0 } : voucher;
  }

  /** `undefined`: its beginning is not there. */
  async fromCache({ asset }: Voucher): Promise<Response | undefined> {
    const content = await contentOf(asset, hasher);
    return this.#deliver(content, {
      begin: (range) => fromCache({ chunks, hasher }, { content, range }),
      cacheStatus: "shoal; hit",
      others: (range) => [
        async () => {
          const offer = await this.#ask(ANSWER_PATIENCE);
          const isSame = offer && (await contentOf(offer.asset, hasher)).id === content.id;
          if (offer === undefined || !isSame) throw new Error("The page has not got it");
          return fromPage(offer.port, range);
        },
      ],
    });
  }

  /** `undefined`: it has not got it, or nobody is there. */
  async fromPage(patience = ANSWER_PATIENCE): Promise<Response | undefined> {
    const offer = await this.#ask(patience);
    if (offer === undefined) return undefined;
    const response = await this.#deliver(await contentOf(offer.asset, hasher), {
      begin: (range) => fromPage(offer.port, range),
      cacheStatus: "shoal; fwd=miss",
      others: () => [],
    });
    if (response === undefined) offer.port.close();
    return response;
  }

  /** An origin that is down, or says that it is, does not take with it what is here. */
  async fromNetwork(): Promise<Response> {
    const answered = this.#fetch();
    const response = await answered.then(whole).catch(() => null);
    if (response !== null && response.status < 500) return response;
    const voucher = await this.voucher();
    const lasts = voucher !== undefined && voucher.last > Date.now();
    const cached = lasts ? await this.fromCache(voucher) : undefined;
    return cached ?? (await this.fromPage(LAST_PATIENCE)) ?? response ?? answered;
  }

  #ask(patience: Millis): Promise<PageOffer | undefined> {
    return askPage(this.#clientId, this.#url, patience);
  }

  #fetch(): Promise<Response> {
    const { mode, credentials, headers } = this.#request;
    const range = headers.get("Range");
    if (range === null || mode !== "no-cors") return fetch(this.#request);
    // Passed on as it is, it would lose its range in some browsers (it is forbidden to scripts in this mode).
    const asked = fetch(this.#url, { headers: { Range: range }, credentials });
    return asked.catch(() => fetch(this.#request));
  }

  async #deliver(
    content: Content,
    how: {
      readonly cacheStatus: string;
      begin(range: Part): Source;
      others(range: Part): readonly ((seen: Seen) => Promise<Source>)[];
    },
  ): Promise<Response | undefined> {
    const { asset } = content;
    const range =
      asset.size === 0 ? "pass" : rangeOf(this.#request.headers.get("Range"), asset.size);
    if (range === "pass") return undefined;
    if (range === "unsatisfiable") return new Response(null, headOf(asset, range));
    const isElement = ["audio", "video"].includes(this.#request.destination);
    const part = isElement && range !== "whole" ? shortened(range, asset.chunkBytes) : range;
    const delivery = new Delivery({
      content,
      range: part,
      // Players measure how fast a segment comes, and must see it come.
      isPlayed: isElement || /^(audio|video)\//.test(asset.type),
      source: how.begin(part),
      others: [...how.others(part), (seen) => fromNetwork(seen, { content, range: part, hasher })],
      cacheStatus: how.cacheStatus,
    });
    return delivery.response().catch(() => undefined);
  }
}

/** Short answers in one piece: one that breaks off is none, and there is another way. */
async function whole(response: Response): Promise<Response> {
  const { status, statusText, redirected, headers: given } = response;
  const length = Number(given.get("Content-Length") ?? Number.NaN);
  if (status !== 200 || redirected || !(length <= MOST_AT_ONCE)) return response;
  const headers = new Headers(given);
  // What is read is decoded.
  headers.delete("Content-Encoding");
  headers.delete("Content-Length");
  return new Response(await response.blob(), { status, statusText, headers });
}

function within<T>(patience: Millis, work: Promise<T>): Promise<T | undefined> {
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, patience, undefined));
  return Promise.race([work, late]);
}
