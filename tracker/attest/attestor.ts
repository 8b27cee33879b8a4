// The second authority beside the site's own build: reads a URL once for however many ask, signs what it read, and
// remembers the statement, or why there is none, until the origin's own rules say to look again.

import type { IncomingHttpHeaders } from "node:http";
import type { SigningKey } from "../manifest/keys.ts";
import { type Bytes, sameBytes } from "../protocol/bytes.ts";
import {
  type AssetStatement,
  CACHING_FIELDS,
  type CachingHeaders,
  CHUNK_BYTES,
  isFact,
  signedText,
} from "../protocol/manifest.ts";
import type { PurgeLog } from "../purge/purge-log.ts";
import {
  cachingHeadersOf,
  freshSecondsOf,
  isUnspoken,
  mayOutlive,
  refusalOf,
  tagsOf,
} from "./caching.ts";
import type { ContentDigests } from "./chunk-digests.ts";
import type { ContentOrigins } from "./content-origins.ts";
import { Gate } from "./gate.ts";
import { Growth, versionOf } from "./growth.ts";
import type { AttestLimits } from "./limits.ts";
import { Pace } from "./pace.ts";
import { Reader } from "./reader.ts";
import { isTrouble, meaningOf, type Refusal } from "./refusal.ts";

export interface AttestorNeeds {
  readonly origins: ContentOrigins;
  readonly key: SigningKey;
  readonly limits: AttestLimits;
  /** What was taken back of what this key has signed. Left out: nothing ever is. */
  readonly purges?: Pick<PurgeLog, "known" | "judge">;
  /** What reads; by HTTP, if left out. */
  readonly reader?: Pick<Reader, "read" | "close">;
  /** Milliseconds since 1970: what epochs are made of. */
  now(): number;
}

/** While a large asset is being read: what is known of it so far, and what will be found in the end. */
export interface Growing {
  readonly kind: "growing";
  readonly growth: Growth;
  readonly whole: Promise<Finding>;
}

export type Finding = (
  | { readonly kind: "vouched"; readonly asset: AssetStatement }
  | { readonly kind: "refused"; readonly refusal: Refusal }
) & {
  /** When to look again. */
  readonly until: number;
  /** For those who waited while it was read; not remembered. */
  readonly body?: Bytes | undefined;
};

/** While the origin is in trouble, what it had is still said, but not for longer than this at a time. */
const TROUBLE_MS = 15_000;
/** And only for so long after it was last in order. */
const REMEMBERED_MS = 86_400_000;

interface Entry {
  readonly finding: Finding;
  /** When the origin last confirmed it. */
  readonly confirmedAt: number;
}

/** When the origin was asked, and the epoch of what it answered. */
interface Moment {
  readonly asked: number;
  readonly epoch: number;
}

/** Of one URL. `first`: whatever can be said first. */
interface Reading {
  readonly first: Promise<Growing | Finding>;
  readonly whole: Promise<Finding>;
}

export class Attestor {
  readonly #needs: AttestorNeeds;
  readonly #reader: Pick<Reader, "read" | "close">;
  readonly #gate: Gate;
  /** By URL, the least recently asked for first. */
  readonly #entries = new Map<string, Entry>();
  #digestBytes = 0;
  readonly #underWay = new Map<string, Reading>();

  constructor(needs: AttestorNeeds) {
    this.#needs = needs;
    const { limits, origins } = needs;
    const pace = new Pace(limits.bytesPerSecond, limits.burstBytes);
    this.#reader = needs.reader ?? new Reader({ origins, limits, pace });
    this.#gate = new Gate(limits.reads, limits.waitingReads);
  }

  get publicKey(): string {
    return this.#needs.key.publicKey;
  }

  /** What can be said of this URL, as soon as anything can. `mayRead` is asked before the origin is. Never rejects. */
  async find(text: string, mayRead: () => boolean): Promise<Growing | Finding> {
    const url = this.#needs.origins.admit(text);
    if (!(url instanceof URL)) return this.#refused(url);
    const known = this.#entries.get(url.href);
    if (known !== undefined) {
      this.#entries.delete(url.href);
      this.#entries.set(url.href, known);
      const isGood = this.#needs.now() < known.finding.until && !this.#isPurged(known.finding);
      if (isGood) return known.finding;
    }
    const underWay = this.#underWay.get(url.href);
    if (underWay !== undefined) return underWay.first;
    if (!mayRead()) return this.#refused({ code: "rate" });
    const reading = this.#begin(url);
    if (reading === undefined) return this.#refused({ code: "busy" });
    this.#underWay.set(url.href, reading);
    return reading.first;
  }

  close(): void {
    this.#reader.close();
  }

  #begin(url: URL): Reading | undefined {
    let tell: (growth: Growth) => void = () => {};
    const growing = new Promise<Growth>((resolve) => {
      tell = resolve;
    });
    const looking = this.#gate.through(() => this.#look(url, tell));
    if (looking === undefined) return undefined;
    const whole = looking.finally(() => this.#underWay.delete(url.href));
    const first = growing.then((growth) => ({ kind: "growing", growth, whole }) as const);
    return { first: Promise.race([first, whole]), whole };
  }

  async #look(url: URL, growing: (growth: Growth) => void): Promise<Finding> {
    const before = this.#unpurged(url);
    let finding = await this.#read(url, before, growing);
    // Purged while it was being read: what came may be from before. A second time is a matter for the next asker.
    if (this.#isPurged(finding)) finding = await this.#read(url, undefined, growing);
    const confirmedAt = this.#needs.now();
    const isBadMoment = finding.kind === "refused" && isTrouble(finding.refusal);
    const outlives = isBadMoment ? this.#outliving(before) : undefined;
    const { body: _handed, ...said } = finding;
    this.#remember(url.href, outlives ?? { finding: said, confirmedAt });
    return outlives?.finding ?? finding;
  }

  #isPurged(finding: Finding): boolean {
    return this.#purgeOf(finding) !== undefined;
  }
  #purgeOf(finding: Finding): "hard" | "soft" | undefined {
    return finding.kind === "vouched" ? this.#needs.purges?.judge(finding.asset) : undefined;
  }

  /** What was purged for good is not even asked about: the answer might be that it is still the same. */
  #unpurged(url: URL): Entry | undefined {
    const known = this.#entries.get(url.href);
    if (known === undefined || this.#purgeOf(known.finding) !== "hard") return known;
    this.#forget(url.href);
    return undefined;
  }

  /** What is known outlives its origin for a while, unless the origin forbade that. */
  #outliving(before: Entry | undefined): Entry | undefined {
    if (before?.finding.kind !== "vouched") return undefined;
    const { finding, confirmedAt } = before;
    const now = this.#needs.now();
    const headers = finding.asset.headers ?? {};
    const past = now - untilOf(headers, confirmedAt);
    if (now - confirmedAt > REMEMBERED_MS || !mayOutlive(headers, past / 1000)) return undefined;
    return { finding: { ...finding, until: now + TROUBLE_MS }, confirmedAt };
  }

  async #read(
    url: URL,
    before: Entry | undefined,
    growing: (growth: Growth) => void,
  ): Promise<Finding> {
    const known = before?.finding.kind === "vouched" ? before.finding.asset : undefined;
    // Of the moment before the origin is asked: a purge in between is about what it answers.
    const asked = this.#needs.now();
    const epoch = Math.max(asked, (this.#needs.purges?.known.epoch ?? 0) + 1);
    const outcome = await this.#reader.read(url, known?.headers ?? {}, (headers) => {
      const growth = this.#growthOf(url.href, headers, epoch);
      if (growth !== undefined) void growth.begun.then(() => growing(growth));
      return growth;
    });
    switch (outcome.kind) {
      case "refused":
        return this.#refused(outcome.refusal);
      case "unchanged":
        // Only what was asked about can be unchanged.
        if (known === undefined) return this.#refused({ code: "status", originStatus: 304 });
        return this.#confirmed(known, outcome.headers, { asked, epoch });
      case "content": {
        const { headers, content, body, growth } = outcome;
        const isSame = await this.#isSameAgain(url, headers, content, known);
        if (!isSame) return this.#refused({ code: "changing" });
        if (growth === undefined) {
          const found = await this.#vouched({ url: url.href, ...content }, headers, {
            asked,
            epoch,
          });
          return { ...found, body };
        }
        const asset = await growth.end(content.digests);
        return { kind: "vouched", asset, until: untilOf(headers, asked) };
      }
    }
  }

  /** Where the origin says nothing of time or version, only a second look can tell a file from a fresh composition. */
  async #isSameAgain(
    url: URL,
    headers: IncomingHttpHeaders,
    content: ContentDigests,
    known: AssetStatement | undefined,
  ): Promise<boolean> {
    // One ETag for two contents is no version at all.
    const version = versionOf(url.href, headers);
    if (version !== undefined && version === known?.version)
      return sameBytes(known.digests, content.digests);
    if (!isUnspoken(headers) || content.size > this.#needs.limits.comparedBytes) return true;
    if (known !== undefined && sameBytes(known.digests, content.digests)) return true;
    const again = await this.#reader.read(url, {});
    return again.kind === "content" && sameBytes(again.content.digests, content.digests);
  }

  /** A 304 replaces the fields it has (RFC 9111, section 4.3.4); an age that it does not repeat is over. */
  async #confirmed(
    known: AssetStatement,
    fresh: IncomingHttpHeaders,
    when: Moment,
  ): Promise<Finding> {
    const { age, ...kept } = known.headers ?? {};
    const headers: IncomingHttpHeaders = { ...kept, "content-type": known.type };
    for (const [name, value] of Object.entries(fresh)) {
      if (isFieldOfStatement(name) || CONFIRMING.includes(name)) headers[name] = value;
    }
    const refusal = refusalOf(headers);
    if (refusal !== undefined) return this.#refused(refusal);
    return this.#vouched(known, headers, when);
  }

  /** `known` has the tags of before, which a 304 need not repeat. */
  async #vouched(
    known: ContentDigests & Pick<AssetStatement, "url" | "tags" | "version">,
    headers: IncomingHttpHeaders,
    { asked, epoch }: Moment,
  ): Promise<Finding> {
    const { size, chunkBytes, digests, version } = known;
    const facts = {
      ...this.#factsOf(known, headers, epoch),
      size,
      chunkBytes,
      digests,
      ...(version === undefined ? {} : { version }),
    };
    const signature: Bytes = await this.#needs.key.sign(signedText(facts));
    return { kind: "vouched", asset: { ...facts, signature }, until: untilOf(headers, asked) };
  }

  #growthOf(url: string, headers: IncomingHttpHeaders, epoch: number): Growth | undefined {
    const version = versionOf(url, headers);
    if (version === undefined) return undefined;
    const size = Number(headers["content-length"]);
    const facts = this.#factsOf({ url }, headers, epoch);
    return new Growth({ ...facts, size, chunkBytes: CHUNK_BYTES, version }, this.#needs.key);
  }

  #factsOf(
    known: Pick<AssetStatement, "url" | "tags">,
    headers: IncomingHttpHeaders,
    epoch: number,
  ) {
    const { key, now } = this.#needs;
    const tags = tagsOf(headers) ?? known.tags ?? [];
    const type = headers["content-type"];
    const caching: CachingHeaders = cachingHeadersOf(headers) ?? {};
    return {
      url: known.url,
      type: isFact(type) ? type : "application/octet-stream",
      // When it was said is part of how long it holds (RFC 9110, section 6.6.1).
      headers: { date: new Date(now()).toUTCString(), ...caching },
      ...(tags.length === 0 ? {} : { tags }),
      epoch,
      key: key.publicKey,
    };
  }

  #refused(refusal: Refusal): Finding {
    const until = this.#needs.now() + meaningOf(refusal.code).keptMs;
    return { kind: "refused", refusal, until };
  }

  #remember(url: string, entry: Entry): void {
    this.#forget(url);
    this.#entries.set(url, entry);
    this.#digestBytes += digestBytesOf(entry);
    const { entries, digestBytes } = this.#needs.limits;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= entries && this.#digestBytes <= digestBytes) break;
      this.#forget(oldest);
    }
  }

  #forget(url: string): void {
    const entry = this.#entries.get(url);
    if (entry === undefined) return;
    this.#entries.delete(url);
    this.#digestBytes -= digestBytesOf(entry);
  }
}

/** By the time it took to answer it may be older already (RFC 9111, section 4.2.3). */
const untilOf = (headers: IncomingHttpHeaders, asked: number): number =>
  asked + freshSecondsOf(headers) * 1000;

const digestBytesOf = ({ finding }: Entry): number =>
  finding.kind === "vouched" ? finding.asset.digests.length : 0;

/** Of a 304, beside the fields that are stated as they are. */
const CONFIRMING = ["set-cookie", "vary", "cache-tag", "surrogate-key"];
const isFieldOfStatement = (name: string): boolean =>
  (CACHING_FIELDS as readonly string[]).includes(name);
