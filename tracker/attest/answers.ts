// `/manifest`: who may ask, how often, and what the answers look like. GET, of one URL: a manifest of one asset, or a
// problem document (RFC 9457). POST, of many: one of these a line, each as soon as it is known, and what is known of a large
// asset while it is being read, in a line for every bit more.

import type { IncomingMessage, ServerResponse } from "node:http";
import { TokenBucket } from "../limits.ts";
import { originsOrError, type TrackerOptions } from "../options.ts";
import {
  ATTESTATIONS_TYPE,
  MAX_ASK_BYTES,
  MAX_ASKED_URLS,
  MAX_ATTESTED_AGE,
} from "../protocol/attestation.ts";
import { type Bytes, base64url } from "../protocol/bytes.ts";
import { type AssetStatement, writeManifest } from "../protocol/manifest.ts";
import { type Address, allowanceKeyOf } from "../region/address.ts";
import { admittedSite } from "../site.ts";
import { Attestor, type AttestorNeeds, type Finding, type Growing } from "./attestor.ts";
import { ContentOrigins } from "./content-origins.ts";
import { type AttestLimits, DEFAULT_ATTEST_LIMITS } from "./limits.ts";
import { LOOP_FIELD, LOOP_NAME } from "./reader.ts";
import { meaningOf, problemOf, type Refusal, type RefusalCode } from "./refusal.ts";

/** `sites`: whose pages may ask. `undefined` where nothing is vouched for. Throws an `OptionError`. */
export function answersOf(
  { contents = [], attestLimits }: Pick<TrackerOptions, "contents" | "attestLimits">,
  sites: ReadonlySet<string>,
  signer: Pick<AttestorNeeds, "key" | "purges">,
): Answers | undefined {
  if (contents === "off") return undefined;
  const listed = contents.length === 0 ? sites : originsOrError("contents", contents);
  const limits = { ...DEFAULT_ATTEST_LIMITS, ...attestLimits };
  const now = (): number => Date.now();
  const attestor = new Attestor({ origins: new ContentOrigins(listed), limits, now, ...signer });
  return new Answers({ attestor, limits, sites, now });
}

export interface AnswersNeeds {
  readonly attestor: Attestor;
  readonly limits: AttestLimits;
  /** Whose pages may ask. */
  readonly sites: ReadonlySet<string>;
  /** Since 1970, in milliseconds. */
  now(): number;
}

interface Asker {
  readonly asks: TokenBucket;
  readonly reads: TokenBucket;
}

export class Answers {
  readonly #needs: AnswersNeeds;
  readonly #askers = new Map<string, Asker>();
  #open = 0;

  constructor(needs: AnswersNeeds) {
    this.#needs = needs;
  }

  /** `address`: whose allowance this takes from. Resolves when everything is said; never rejects. */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    address: Address | undefined,
  ): Promise<void> {
    const urls = await askedOf(request);
    const [url = ""] = urls ?? [];
    const asker = this.#askerOf(allowanceKeyOf(address));
    const code = this.#refusalFor(request, asker, urls);
    if (code !== undefined) return no(response, { code }, url);
    this.#open++;
    try {
      if (request.method === "POST") await this.#many(response, [...new Set(urls)], asker);
      else await this.#one(response, url, asker);
    } finally {
      this.#open--;
    }
  }

  close(): void {
    this.#needs.attestor.close();
  }

  /** Forgets who has been quiet for long enough. */
  sweep(): void {
    const now = this.#needs.now();
    for (const [household, { asks, reads }] of this.#askers) {
      if (asks.isFull(now) && reads.isFull(now)) this.#askers.delete(household);
    }
  }

  #askerOf(household: string): Asker {
    const known = this.#askers.get(household);
    if (known !== undefined) return known;
    const { asksPerAddress, readsPerAddress } = this.#needs.limits;
    const now = this.#needs.now();
    const fresh = {
      asks: new TokenBucket(asksPerAddress, now),
      reads: new TokenBucket(readsPerAddress, now),
    };
    this.#askers.set(household, fresh);
    return fresh;
  }

  #refusalFor(
    { headers }: IncomingMessage,
    asker: Asker,
    urls: readonly string[] | undefined,
  ): RefusalCode | undefined {
    const { sites, limits, now } = this.#needs;
    if (urls === undefined) return "malformed";
    if (headers[LOOP_FIELD]?.includes(LOOP_NAME) === true) return "loop";
    // A page of another site, or an element of one (which says no origin), has nothing to ask here.
    const isForeign =
      headers.origin === undefined
        ? headers["sec-fetch-site"] === "cross-site"
        : admittedSite(headers.origin, sites) === undefined;
    if (isForeign) return "foreign";
    if (!asker.asks.take(urls.length, now())) return "rate";
    return this.#open >= limits.openAsks ? "busy" : undefined;
  }

  async #one(response: ServerResponse, url: string, asker: Asker): Promise<void> {
    const finding = await this.#patiently(
      this.#find(url, asker).then((found) => (found.kind === "growing" ? found.whole : found)),
    );
    const maxAge = Math.ceil(maxAgeOf(finding, this.#needs.now()));
    if (finding.kind === "refused") return no(response, finding.refusal, url, maxAge);
    response.writeHead(200, {
      "content-type": "application/json",
      "cache-control": `public, max-age=${maxAge}`,
    });
    response.end(manifestTextOf(finding.asset));
  }

  async #many(response: ServerResponse, urls: readonly string[], asker: Asker): Promise<void> {
    response.writeHead(200, { "content-type": ATTESTATIONS_TYPE, "cache-control": "no-store" });
    response.flushHeaders();
    const said = urls.map(async (url) => {
      const found = await this.#patiently(this.#find(url, asker));
      if (found.kind === "growing") await this.#follow(response, url, found);
      else this.#say(response, url, found);
    });
    await Promise.all(said);
    response.end();
  }

  /** Tells more whenever there is more, at the pace of whoever listens. */
  async #follow(response: ServerResponse, url: string, { growth, whole }: Growing): Promise<void> {
    let told = growth.latest;
    if (told === undefined) return;
    // What is still being read may turn out to be nothing: nobody should count on it later.
    response.write(attestationLine(told, 0));
    const tell = (latest = growth.latest): void => {
      if (told === undefined || latest === undefined || response.writableNeedDrain) return;
      if (latest.digests.length > told.digests.length) response.write(moreLine(told, latest));
      told = latest;
    };
    const unfollow = growth.follow(() => tell());
    const gone = new Promise<undefined>((resolve) =>
      response.on("close", () => resolve(undefined)),
    );
    const finding = await Promise.race([whole, gone]);
    unfollow();
    // The whole of it again, with how long it holds.
    if (finding !== undefined) this.#say(response, url, finding);
  }

  #say(response: ServerResponse, url: string, finding: Finding): void {
    // Who is slow to take it has the statement; the rest can be had elsewhere.
    const { body, ...bare } = finding;
    const said = response.writableNeedDrain ? bare : finding;
    response.write(lineOf(url, said, this.#needs.now()));
  }

  #find(url: string, asker: Asker): Promise<Growing | Finding> {
    const { attestor, now } = this.#needs;
    return attestor.find(url, () => asker.reads.take(1, now()));
  }

  /** A proxy, or the page, would lose its own patience sooner or later. */
  async #patiently<Found>(finding: Promise<Found>): Promise<Found | Finding> {
    const { limits, now } = this.#needs;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Finding>((resolve) => {
      timer = setTimeout(() => {
        const until = now() + meaningOf("reading").keptMs;
        resolve({ kind: "refused", refusal: { code: "reading" }, until });
      }, limits.patienceMs);
    });
    const first = await Promise.race([finding, late]);
    clearTimeout(timer);
    return first;
  }
}

function maxAgeOf({ until }: Finding, now: number): number {
  const seconds = (until - now) / 1000;
  return Math.min(Math.max(seconds, 0), MAX_ATTESTED_AGE);
}

/** A line of the answer to many. */
export function lineOf(url: string, finding: Finding, now: number): string {
  const maxAge = maxAgeOf(finding, now);
  if (finding.kind === "vouched") return attestationLine(finding.asset, maxAge, finding.body);
  return `{"maxAge":${maxAge},"problem":${JSON.stringify(problemOf(url, finding.refusal))}}\n`;
}

/** `undefined`: not a question. Longer ones are not read to their end. */
async function askedOf(request: IncomingMessage): Promise<readonly string[] | undefined> {
  switch (request.method) {
    case "GET":
    case "HEAD": {
      const urls = new URLSearchParams(request.url?.split("?", 2)[1]).getAll("url");
      return urls.length === 1 ? urls : undefined;
    }
    case "POST": {
      const urls = (await textOf(request))?.split("\n").filter((line) => line !== "") ?? [];
      return urls.length > 0 && urls.length <= MAX_ASKED_URLS ? urls : undefined;
    }
  }
}

async function textOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > MAX_ASK_BYTES) return undefined;
      parts.push(part);
    }
  } catch {
    // Broken off in the middle.
    return undefined;
  }
  return String(Buffer.concat(parts));
}

/** `maxAge`: how long anybody else would be told the same; none, where it is about who asks, and when. */
function no(response: ServerResponse, refusal: Refusal, url: string, maxAge?: number): void {
  const { status, keptMs } = meaningOf(refusal.code);
  const isPassing = status === 429 || status === 503;
  if (isPassing) response.setHeader("retry-after", Math.ceil(keptMs / 1000));
  response.writeHead(status, {
    "content-type": "application/problem+json",
    "cache-control": isPassing || maxAge === undefined ? "no-store" : `public, max-age=${maxAge}`,
  });
  response.end(`${JSON.stringify(problemOf(url, refusal))}\n`);
}

const manifestTextOf = (asset: AssetStatement): string =>
  writeManifest(asset.epoch, asset.key, [asset]);

function attestationLine(asset: AssetStatement, maxAge: number, body?: Bytes): string {
  const manifest = manifestTextOf(asset).replaceAll("\n", "");
  const handed = body === undefined ? "" : `,"body":"${base64url(body)}"`;
  return `{"maxAge":${maxAge},"manifest":${manifest}${handed}}\n`;
}

/** What `latest` has beyond `told`, and the signature of all of it. */
function moreLine(told: AssetStatement, { url, digests, signature }: AssetStatement): string {
  const more = {
    url,
    digests: base64url(digests.subarray(told.digests.length)),
    signature: base64url(signature),
  };
  return `${JSON.stringify({ more })}\n`;
}
