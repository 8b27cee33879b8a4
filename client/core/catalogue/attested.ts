// The second authority beside the published manifest: what the tracker says of URLs. Asks about many in one message, checks
// signatures, and remembers statements and refusals for as long as the tracker would say the same. Large assets become
// known while the tracker is still reading them. Where it says nothing in time, the network answers. A script of its own, for
// the pages that want a URL that is not published.

import { type Attestation, extended } from "../../../tracker/protocol/attestation.ts";
import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import { type AssetStatement, isWhole } from "../../../tracker/protocol/manifest.ts";
import type { Clock, Hasher, Origin, OriginOutcome, Random } from "../ports.ts";
import type { Cancel, Content, Millis } from "../vocabulary.ts";
import { ask, takeAsk } from "./ask.ts";
import { isSigned } from "./belief.ts";
import { contentOf, GrowingContent, isGrowing } from "./content.ts";
import { within } from "./patience.ts";
import type { Purges } from "./purges.ts";

/** What a page asks for in one go is asked about in one message. */
const GATHER: Millis = 5;
/** A request waits this long for the tracker's word: two round trips on a slow mobile line, or one and a short read. */
const PATIENCE: Millis = 500;
/** So many in a row waited for nothing: from then on nobody waits, until the tracker says something. */
const MOST_LATE = 3;
/** After a failure the tracker is left alone for this, doubled each time, and up to half as much again. */
const REST: Millis = 2000;
const LONGEST_REST: Millis = 60_000;
/** After so many the digests that are still missing are given up. */
const MOST_FAILURES = 3;
/** Messages under way at once; a large asset holds one for as long as it is read. */
const MOST_ASKS = 4;
/** URLs that wait for a word, and words that are remembered. */
const MOST_WAITING = 2000;
const MOST_WORDS = 4000;
/** A refusal holds for this, at least. */
const LEAST_AGE: Millis = 1000;
/** So many refusals for URLs that differ in their query, and the path is not asked about again in this visit. */
const MOST_QUERIES = 3;
/** Refusals that hold for less than this are about the moment. */
const SETTLED: Millis = 60_000;

export interface AttestedNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Hasher;
  readonly origin: Origin;
  /** Where the tracker answers. */
  readonly url: string;
  /** The only signers to believe, or `null` for whoever signs what the tracker says. */
  readonly pinnedKeys: readonly string[] | null;
  /** What was taken back is asked about anew, and not believed when it is said again. */
  readonly purges: Pick<Purges, "judge">;
  /** The origin has shown this statement to be wrong. */
  isDistrusted(asset: AssetStatement): boolean;
  /** The tracker has handed over all bytes of a content: kept if they are right. */
  adopt(content: Content, body: Bytes): Promise<unknown>;
  /** More of a content can be verified than before. */
  grew(): void;
  problem(code: "manifest/signer" | "manifest/signature", asset: string): void;
}

type Vouching = Extract<Attestation, { readonly kind: "vouched" }>;

/** What was said last, and until when it need not be asked for again. Without a content: no. */
interface Word {
  readonly content: Content | undefined;
  until: Millis;
}
interface Waiting {
  readonly word: Promise<"said" | "silent">;
  settle(how: "said" | "silent"): void;
}
interface Ask {
  readonly urls: ReadonlySet<string>;
  readonly at: Millis;
  cancel: Cancel;
  /** Answers are taken one after the other: each waits for a signature. */
  heard: Promise<void>;
}

export class Attested {
  readonly #needs: AttestedNeeds;
  /** By URL, the least recently heard first. */
  readonly #words = new Map<string, Word>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #batch: string[] = [];
  #gathering: Cancel | null = null;
  readonly #asks = new Set<Ask>();
  readonly #refusedQueries = new Map<string, number>();
  #failures = 0;
  #late = 0;
  #restUntil: Millis = 0;

  constructor(needs: AttestedNeeds) {
    this.#needs = needs;
  }

  /**
   * The content behind an absolute URL without fragment, if the tracker vouches for it. What it has vouched for counts while
   * it says nothing: how old that may be is not decided here. Never rejects.
   */
  async find(url: string): Promise<Content | undefined> {
    const { clock } = this.#needs;
    const word = this.#words.get(url);
    const isGood = word !== undefined && clock.now() < word.until;
    if (isGood && word.content === undefined) return undefined;
    if (isGood && this.known(url) !== undefined) return word.content;
    return (await this.#asked(url)) === "silent" ? this.known(url) : this.#words.get(url)?.content;
  }

  /** Asks again. `away`: nothing is said. */
  async renew(url: string): Promise<"same" | "away"> {
    return (await this.#asked(url)) === "silent" ? "away" : "same";
  }

  /** What was said last, without asking anybody. */
  known(url: string): Content | undefined {
    const { purges, isDistrusted } = this.#needs;
    const content = this.#words.get(url)?.content;
    if (content === undefined || purges.judge(content.asset) !== undefined) return undefined;
    return isDistrusted(content.asset) ? undefined : content;
  }

  /** For how long what was said last need not be asked for again. */
  leftOf(url: string): Millis {
    return Math.max(0, (this.#words.get(url)?.until ?? 0) - this.#needs.clock.now());
  }

  /** What was said last may be over. */
  doubt(url: string): void {
    const word = this.#words.get(url);
    if (word !== undefined) word.until = 0;
  }

  async #asked(url: string): Promise<"said" | "silent"> {
    const { clock } = this.#needs;
    if (clock.now() < this.#restUntil || this.#isMadeForTheOccasion(url)) return "silent";
    const waiting = this.#ask(url);
    if (waiting === undefined || this.#late >= MOST_LATE) return "silent";
    const first = await within(clock, PATIENCE, waiting.word);
    if (first === "late") this.#late++;
    return first === "said" ? "said" : "silent";
  }

  /** Ends what is under way. What is asked later is asked anew. */
  stop(): void {
    this.#gathering?.();
    this.#gathering = null;
    this.#batch.length = 0;
    for (const one of this.#asks) one.cancel();
    this.#asks.clear();
    for (const url of [...this.#waiting.keys()]) this.#settle(url, "silent");
    for (const [url, { content }] of this.#words) if (isStillGrowing(content)) this.#forget(url);
  }

  #isMadeForTheOccasion(url: string): boolean {
    const [path = url, query] = url.split("?", 2);
    return query !== undefined && (this.#refusedQueries.get(path) ?? 0) >= MOST_QUERIES;
  }

  #ask(url: string): Waiting | undefined {
    const known = this.#waiting.get(url);
    if (known !== undefined) return known;
    if (this.#waiting.size >= MOST_WAITING) return undefined;
    let settle: Waiting["settle"] = () => {};
    const word = new Promise<"said" | "silent">((resolve) => {
      settle = resolve;
    });
    const waiting = { word, settle };
    this.#waiting.set(url, waiting);
    this.#batch.push(url);
    this.#gathering ??= this.#needs.clock.after(GATHER, () => this.#send());
    return waiting;
  }

  #settle(url: string, how: "said" | "silent"): void {
    this.#waiting.get(url)?.settle(how);
    this.#waiting.delete(url);
  }

  #send(): void {
    this.#gathering = null;
    while (this.#batch.length > 0 && this.#asks.size < MOST_ASKS) {
      const urls = takeAsk(this.#batch);
      const at = this.#needs.clock.now();
      const one: Ask = { urls: new Set(urls), at, cancel: () => {}, heard: Promise.resolve() };
      this.#asks.add(one);
      one.cancel = ask(this.#needs.origin, this.#needs.url, urls, {
        said: (attestation) => {
          this.#late = 0;
          this.#failures = 0;
          one.heard = one.heard.then(() => this.#hear(one, attestation));
        },
        end: (outcome) => {
          one.heard = one.heard.then(() => this.#ended(one, outcome));
        },
      });
    }
  }

  async #hear(one: Ask, attestation: Attestation): Promise<void> {
    const { kind } = attestation;
    const url = kind === "vouched" ? attestation.asset.url : attestation.url;
    if (!this.#asks.has(one) || !one.urls.has(url)) return;
    switch (kind) {
      case "refused": {
        const age = attestation.maxAge * 1000;
        if (age >= SETTLED) this.#countQuery(url);
        return this.#remember(url, undefined, this.#in(age));
      }
      case "vouched":
        return this.#vouched(attestation, one.at + attestation.maxAge * 1000);
      case "more": {
        const content = this.#words.get(url)?.content;
        const asset = content && extended(content.asset, attestation);
        if (asset !== undefined && (await this.#isSigned(asset))) this.#grow(content, asset);
      }
    }
  }

  #in(age: Millis): Millis {
    return this.#needs.clock.now() + Math.max(age, LEAST_AGE);
  }

  /** `until`: counted from when it was asked for; by now it may be over. */
  async #vouched({ asset, body }: Vouching, until: Millis): Promise<void> {
    const { hasher, clock, purges, isDistrusted, adopt } = this.#needs;
    const { url } = asset;
    if (!(await this.#isSigned(asset))) return this.#remember(url, undefined, this.#in(SETTLED));
    if (purges.judge(asset) !== undefined) return this.#remember(url, undefined, this.#in(0));
    if (isDistrusted(asset)) {
      // What comes after it is another matter.
      const left = Math.min(until - clock.now(), SETTLED);
      return this.#remember(url, undefined, this.#in(left));
    }
    const known = this.#words.get(url)?.content;
    // Another node of the tracker may have looked earlier: what is known is newer then.
    if (known?.asset.key === asset.key && known.asset.epoch > asset.epoch)
      return this.#remember(url, known, until);
    const content = await contentOf(asset, hasher);
    if (body !== undefined) await adopt(content, body);
    if (known?.id === content.id && isStillGrowing(known)) {
      this.#grow(known, asset);
      return this.#remember(url, known, until);
    }
    this.#remember(url, isWhole(asset) ? content : new GrowingContent(content, clock.now()), until);
  }

  async #isSigned(asset: AssetStatement): Promise<boolean> {
    const { hasher, pinnedKeys, problem } = this.#needs;
    if (pinnedKeys?.includes(asset.key) === false) {
      problem("manifest/signer", asset.url);
      return false;
    }
    if (await isSigned(hasher, asset)) return true;
    problem("manifest/signature", asset.url);
    return false;
  }

  #grow(content: Content | undefined, asset: AssetStatement): void {
    if (!isStillGrowing(content) || asset.digests.length <= content.asset.digests.length) return;
    content.grow(asset, this.#needs.clock.now());
    this.#needs.grew();
  }

  #remember(url: string, content: Content | undefined, until: Millis): void {
    const before = this.#words.get(url)?.content;
    if (before !== content) this.#forget(url);
    this.#words.delete(url);
    // While it grows it is what is known, whatever is said about its age in the end.
    const lasts = isStillGrowing(content);
    this.#words.set(url, { content, until: lasts ? Number.POSITIVE_INFINITY : until });
    for (const oldest of this.#words.keys()) {
      if (this.#words.size <= MOST_WORDS) break;
      this.#forget(oldest);
    }
    this.#settle(url, "said");
  }

  #forget(url: string): void {
    const content = this.#words.get(url)?.content;
    this.#words.delete(url);
    if (isStillGrowing(content)) content.end();
  }

  #countQuery(url: string): void {
    const [path = url, query] = url.split("?", 2);
    if (query === undefined || this.#refusedQueries.size >= MOST_WORDS) return;
    this.#refusedQueries.set(path, (this.#refusedQueries.get(path) ?? 0) + 1);
  }

  #ended(one: Ask, outcome: OriginOutcome): void {
    if (!this.#asks.delete(one)) return;
    if (outcome.kind !== "complete") this.#failed();
    for (const url of one.urls) {
      this.#settle(url, "silent");
      if (isStillGrowing(this.#words.get(url)?.content)) this.#askAgain(url);
    }
    if (this.#batch.length > 0) this.#send();
  }

  #failed(): void {
    const { clock, random } = this.#needs;
    const rest = Math.min(LONGEST_REST, REST * 2 ** this.#failures++);
    // Visitors who lost it together must not come back together.
    this.#restUntil = clock.now() + rest * (1 + random.unit() / 2);
  }

  /** The tracker broke off in the middle of a large asset. */
  #askAgain(url: string): void {
    if (this.#failures > MOST_FAILURES) return this.#forget(url);
    const { clock } = this.#needs;
    clock.after(Math.max(LEAST_AGE, this.#restUntil - clock.now()), () => {
      if (isStillGrowing(this.#words.get(url)?.content) && this.#ask(url) === undefined)
        this.#forget(url);
    });
  }
}

function isStillGrowing(content: Content | undefined): content is GrowingContent {
  return content instanceof GrowingContent && isGrowing(content);
}
