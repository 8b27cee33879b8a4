// One read of one URL at its origin, as an anonymous visitor: no cookies, no redirects, checked addresses, and a bound on
// everything the other side decides. Hashes what a page would see, that is the decoded body. Never retries, never remembers.

import {
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
} from "node:http";
import { Agent as HttpsAgent, request as secureRequest } from "node:https";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { type Bytes, concatenated } from "../protocol/bytes.ts";
import { freshSecondsOf, isForAll, refusalOf } from "./caching.ts";
import { ChunkDigests, type ContentDigests } from "./chunk-digests.ts";
import { type ContentOrigins, FORBIDDEN_ADDRESS } from "./content-origins.ts";
import type { Growth } from "./growth.ts";
import type { AttestLimits } from "./limits.ts";
import type { Pace } from "./pace.ts";
import type { Refusal } from "./refusal.ts";

export interface ReaderNeeds {
  readonly origins: ContentOrigins;
  readonly limits: AttestLimits;
  /** Of all reads together. */
  readonly pace: Pace;
}

/** Of the answer that is known already. */
export interface Validators {
  readonly etag?: string | undefined;
  readonly "last-modified"?: string | undefined;
}

export type ReadOutcome =
  | {
      readonly kind: "content";
      readonly headers: IncomingHttpHeaders;
      readonly content: ContentDigests;
      /** What was read, where it is to be handed on. */
      readonly body: Bytes | undefined;
      readonly growth: Growth | undefined;
    }
  /** 304: as it was when these validators were given. */
  | { readonly kind: "unchanged"; readonly headers: IncomingHttpHeaders }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Asked when content begins; what it returns is told after every piece. */
export type Beginning = (headers: IncomingHttpHeaders) => Growth | undefined;

/** RFC 8586: how a tracker that is (by way of proxies) its own content origin notices. */
export const LOOP_FIELD = "cdn-loop";
export const LOOP_NAME = "shoal";

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

export class Reader {
  readonly #needs: ReaderNeeds;
  readonly #plain: HttpAgent;
  readonly #secure: HttpsAgent;
  readonly #underWay = new Set<AbortController>();

  constructor(needs: ReaderNeeds) {
    this.#needs = needs;
    const settings = { keepAlive: true, maxSockets: needs.limits.reads };
    this.#plain = new HttpAgent(settings);
    this.#secure = new HttpsAgent(settings);
  }

  /** `url` was admitted by `origins`. Never rejects. */
  async read(url: URL, validators: Validators, begins?: Beginning): Promise<ReadOutcome> {
    const abort = new AbortController();
    this.#underWay.add(abort);
    const deadline = setTimeout(() => abort.abort(new Late()), this.#needs.limits.readMs);
    try {
      const response = await this.#ask(url, validators, abort);
      return await this.#take(response, abort, begins);
    } catch (error) {
      return refused(refusalFor(abort.signal.aborted ? abort.signal.reason : error));
    } finally {
      clearTimeout(deadline);
      this.#underWay.delete(abort);
    }
  }

  /** Ends every read under way. */
  close(): void {
    for (const abort of this.#underWay) abort.abort();
    this.#plain.destroy();
    this.#secure.destroy();
  }

  #ask(url: URL, validators: Validators, abort: AbortController): Promise<IncomingMessage> {
    const { limits, origins } = this.#needs;
    const isSecure = url.protocol === "https:";
    const { etag, "last-modified": changed } = validators;
    const asked = (isSecure ? secureRequest : request)(url, {
      agent: isSecure ? this.#secure : this.#plain,
      lookup: origins.lookup,
      maxHeaderSize: limits.headerBytes,
      signal: abort.signal,
      headers: {
        accept: "*/*",
        "accept-encoding": "identity",
        "user-agent": "shoal-tracker",
        [LOOP_FIELD]: LOOP_NAME,
        ...(etag === undefined ? {} : { "if-none-match": etag }),
        ...(changed === undefined ? {} : { "if-modified-since": changed }),
      },
    });
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => abort.abort(new Late()), limits.answerMs);
      // Of the connection, for as long as it is ours: while it is made, before the answer and within it.
      asked.setTimeout(limits.idleMs, () => abort.abort(new Late()));
      asked.on("response", (response) => {
        clearTimeout(late);
        resolve(response);
      });
      asked.on("error", (error) => {
        clearTimeout(late);
        reject(error);
      });
      asked.end();
    });
  }

  async #take(
    response: IncomingMessage,
    abort: AbortController,
    begins: Beginning = () => undefined,
  ): Promise<ReadOutcome> {
    const { headers, statusCode } = response;
    if (statusCode === 304) {
      // Without a body, the connection is free for the next read.
      response.resume();
      return { kind: "unchanged", headers };
    }
    const refusal = this.#refusalOf(response);
    if (refusal !== undefined) {
      response.destroy();
      return refused(refusal);
    }
    const growth = begins(headers);
    const { content, body } = await this.#digests(response, abort, growth);
    return { kind: "content", headers, content, body, growth };
  }

  #refusalOf({ headers, statusCode: status = 0 }: IncomingMessage): Refusal | undefined {
    if (status >= 300 && status < 400) return { code: "redirect", originStatus: status };
    if (status !== 200) return { code: "status", originStatus: status };
    const encoding = encodingOf(headers);
    if (encoding !== "identity" && DECODERS[encoding] === undefined) return { code: "encoding" };
    const isLarge = Number(headers["content-length"] ?? 0) > this.#mostOf(encoding);
    return refusalOf(headers) ?? (isLarge ? { code: "too-large" } : undefined);
  }

  #mostOf(encoding: string): number {
    const { assetBytes, inflatedBytes } = this.#needs.limits;
    return encoding === "identity" ? assetBytes : inflatedBytes;
  }

  async #digests(
    response: IncomingMessage,
    abort: AbortController,
    growth: Growth | undefined,
  ): Promise<{ readonly content: ContentDigests; readonly body: Bytes | undefined }> {
    const encoding = encodingOf(response.headers);
    const most = this.#mostOf(encoding);
    const { signal } = abort;
    const { answerMs, leastBytesPerSecond, handedBytes, handedSeconds } = this.#needs.limits;
    const { headers } = response;
    const isHanded = isForAll(headers) && freshSecondsOf(headers) <= handedSeconds;
    const handed: Bytes[] = [];
    const digests = new ChunkDigests();
    const begin = performance.now();
    /** Spent on waiting for our own pace, which is no fault of the origin's. */
    let paced = 0;
    const take = async (body: AsyncIterable<Buffer>): Promise<void> => {
      for await (const bytes of body) {
        if (digests.size + bytes.length > most) abort.abort(new TooLarge());
        const now = performance.now();
        const took = now - begin - paced;
        const isSlow = digests.size * 1000 < leastBytesPerSecond * took;
        if (took > answerMs && isSlow) abort.abort(new Late());
        signal.throwIfAborted();
        digests.add(bytes);
        if (isHanded && digests.size <= handedBytes) handed.push(bytes as Bytes);
        growth?.grew(digests);
        await this.#needs.pace.spend(bytes.length, signal);
        paced += performance.now() - now;
      }
    };
    const decoder = DECODERS[encoding]?.();
    if (decoder === undefined) await pipeline(response, take, { signal });
    else await pipeline(response, decoder, take, { signal });
    const content = digests.end();
    const body = isHanded && content.size <= handedBytes ? concatenated(handed) : undefined;
    return { content, body };
  }
}

const encodingOf = (headers: IncomingHttpHeaders): string =>
  headers["content-encoding"]?.trim().toLowerCase() || "identity";

class TooLarge extends Error {}
class Late extends Error {}

const refused = (refusal: Refusal): ReadOutcome => ({ kind: "refused", refusal });

function refusalFor(error: unknown): Refusal {
  if (error instanceof TooLarge) return { code: "too-large" };
  if (error instanceof Late) return { code: "timeout" };
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === FORBIDDEN_ADDRESS) return { code: "address" };
  if (typeof code === "string" && /^(Z_|ERR_.*BROTLI|ERR__ERROR)/.test(code))
    return { code: "encoding" };
  return { code: "unreachable" };
}
