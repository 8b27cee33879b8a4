// What is this URL, and is it still? The content behind it, if the site or its tracker vouches for it, and whether that may be
// handed out as it is, while the origin is asked, or only after. What this browser, or a tracker, read whole from the origin is
// judged by what the origin said of it, anything else by the manifest's own time. Whose bytes they are in the end is no matter.

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import type { AssetStatement } from "../../../tracker/protocol/manifest.ts";
import { isAbout, type Purge } from "../../../tracker/protocol/purge.ts";
import { ShoalError } from "../errors.ts";
import type { Origin, OriginListener, OriginRequest, Store } from "../ports.ts";
import type { CacheMode, CachingFields, Cancel, Content, Millis, Standing } from "../vocabulary.ts";
import type { Attested } from "./attested.ts";
import { believes, isSigned } from "./belief.ts";
import { contentOf, isGrowing } from "./content.ts";
import {
  ageOf,
  type Freshness,
  freshnessOf,
  hasValidator,
  isShareable,
  lastsFor,
  leftOf,
  type Receipt,
  renewed,
} from "./freshness.ts";
import { within } from "./patience.ts";
import { Published } from "./published.ts";
import type { Purges } from "./purges.ts";
import { Receipts } from "./receipts.ts";
import { LEAST_SKEW, SiteDate } from "./site-date.ts";
import { Validation, type ValidationNeeds } from "./validation.ts";

/** So long a request waits for an origin that says nothing, if what is known may be used when it is away. */
const ASK_PATIENCE: Millis = 2000;
/** So long, for the first URL that is not published, what asks the tracker may take to be loaded. */
const ARRIVAL_PATIENCE: Millis = 500;
/** Who uses something stale for the last time asks within this: visitors who came together ask at different moments. */
const SPREAD: Millis = 10_000;

export interface CatalogueNeeds extends ValidationNeeds {
  readonly index: Store;
  /** Where the manifest is, and whether there is one. */
  readonly url: string;
  readonly published: boolean;
  /** The page's own origin, without a slash at the end. */
  readonly site: string;
  /** Where the tracker says what it vouches for, and what asks it; `null`: nowhere. */
  readonly attest: {
    readonly url: string;
    load(): Promise<typeof import("./attested.ts")>;
  } | null;
  /** The only signers to accept, or `null` for whoever the site's own manifest names, and the tracker. */
  readonly pinnedKeys: readonly string[] | null;
  readonly purges: Purges;
  /** The tracker has handed over all bytes of a content. */
  adopt(content: Content, body: Bytes): Promise<unknown>;
  /** Whether the tracker may be told what the page wants. */
  mayAsk(): boolean;
  /** More of a content can be verified than before. */
  grew(): void;
  /** The origin says that this is not for everybody; nothing more of it is read. */
  unshareable(content: Content, error: ShoalError): void;
  problem(error: ShoalError): void;
}

export interface Found {
  readonly content: Content;
  /**
   * Resolves with what may be handed out: this content, or the one that took its place; `undefined`: only the network
   * knows. `null`: this one, at once. Never rejects.
   */
  readonly current: Promise<Content | undefined> | null;
}

/** What was made of a statement; `content` where that is known already. */
interface Vouched {
  readonly asset: AssetStatement;
  readonly promise: Promise<Content | undefined>;
  content: Content | undefined;
}

export class Catalogue {
  readonly #needs: CatalogueNeeds;
  readonly #published: Published;
  #attested: Attested | null = null;
  #arriving: Promise<void> | null = null;
  readonly #receipts: Receipts;
  readonly #validation: Validation;
  readonly #contents = new Map<string, Vouched>();
  /** URLs that are asked about later, and how not to. */
  readonly #later = new Map<string, Cancel>();
  readonly #date: SiteDate;

  constructor(needs: CatalogueNeeds) {
    this.#needs = needs;
    const { url, site, index } = needs;
    this.#date = new SiteDate(needs.clock);
    this.#receipts = new Receipts(index);
    this.#validation = new Validation(needs);
    this.#published = new Published({
      ...needs,
      sameOrigin: isOf(site, url),
      date: this.#date,
      changed: () => this.#dropReplaced(),
      problem: (error) => needs.problem(error),
    });
  }

  /** Resolves when it is known what the site publishes, be it nothing. Never rejects. */
  async load(): Promise<void> {
    await Promise.all([this.#published.load(), this.#receipts.load()]);
  }

  /** The page is being put away. */
  pause(): void {
    this.#attested?.stop();
  }

  close(): void {
    this.pause();
    for (const cancel of this.#later.values()) cancel();
    this.#later.clear();
  }

  /** The content behind an absolute URL without fragment, if anybody vouches for it. */
  async find(url: string, mode: CacheMode = "default"): Promise<Found | undefined> {
    const since = this.#needs.clock.now();
    const content = await this.#content(url);
    if (content === undefined) return undefined;
    await this.#receipts.look(url);
    const receipt = this.#receiptOf(content);
    return { content, current: this.#judged(content, receipt, { mode, since }) };
  }

  /** What may be said of a URL to who cannot ask. */
  async standing(url: string): Promise<Standing | undefined> {
    const found = await this.find(url, "force-cache");
    if (found === undefined || isGrowing(found.content)) return undefined;
    const { content } = found;
    const receipt = this.#receiptOf(content);
    const left = receipt === null ? Number.POSITIVE_INFINITY : leftOf(receipt, this.#date.now());
    const said = this.#attested?.leftOf(url) || left;
    return { content, left: Math.min(left, said), lasts: await this.lastsFor(content) };
  }

  /** For how long it may be handed out while nobody can say that it still is; not at all, if negative. */
  async lastsFor(content: Content): Promise<Millis> {
    await this.#receipts.look(content.asset.url);
    const receipt = this.#receiptOf(content);
    return receipt === null ? Number.POSITIVE_INFINITY : lastsFor(receipt, this.#date.now());
  }

  /** Caching fields for an answer made of it, as a cache has to give them; none where the origin's are not known. */
  fieldsOf(content: Content): CachingFields {
    const receipt = this.#receiptOf(content);
    if (receipt === null) return {};
    const { vary: _decoded, age: _then, ...fields } = receipt.headers;
    const age = Math.floor(ageOf(receipt, this.#date.now()) / 1000);
    return age === 0 ? fields : { ...fields, age: String(age) };
  }

  /**
   * Its signer and the origin disagree about this URL: no more of it until something else is said. `false`: that was known,
   * or it is the tracker's word, which the origin may well outrun.
   */
  distrust({ asset }: Content): boolean {
    this.#receipts.forget(asset.url);
    this.#attested?.doubt(asset.url);
    return this.#published.distrust(asset);
  }

  /**
   * Distrusts it, and says whether the site, asked again, still publishes what its origin does not have; a deployment may be
   * under way. Once for a file, however many of its chunks are others.
   */
  async insists(content: Content): Promise<boolean> {
    if (!this.distrust(content)) return false;
    await this.#published.renew();
    return (await this.#published.find(content.asset.url)) === undefined;
  }

  /** The page went past every cache, or changed something: what is known of this URL is not fresh any more. */
  async doubt(url: string): Promise<void> {
    await this.#receipts.look(url);
    const content = this.#known(url);
    const receipt = content && this.#receiptOf(content);
    if (content && receipt) this.#receipts.put(content, { ...receipt, doubted: true });
    else if (!this.#receipts.doubt(url)) this.#published.doubt();
  }

  /** What is published says by its own signature and epoch what it is worth; a purge only has it looked at again. */
  purged(purges: readonly Purge[]): void {
    const affected = [...this.#published.assets].filter((asset) =>
      purges.some((purge) => isAbout(purge, asset)),
    );
    for (const { url } of affected) void this.doubt(url);
    if (affected.length > 0) this.#published.doubt();
  }

  /** The origin, while we listen to what it says of contents that are read from it. */
  readonly origin: Origin = { read: (request, listener) => this.#read(request, listener) };

  async #content(url: string): Promise<Content | undefined> {
    const published = await this.#publishedContent(url);
    if (published !== undefined || !this.#needs.mayAsk()) return published;
    this.#arriving ??= this.#meet();
    await within(this.#needs.clock, ARRIVAL_PATIENCE, this.#arriving);
    return this.#attested?.find(url);
  }

  /** A page whose tracker does not give it goes on as one whose tracker says nothing. */
  async #meet(): Promise<void> {
    const { attest, problem } = this.#needs;
    const loaded = await attest?.load().catch(() => null);
    if (attest === null || !loaded) return;
    const { url } = attest;
    this.#attested = new loaded.Attested({
      ...this.#needs,
      url,
      isDistrusted: (asset) => this.#published.isDistrusted(asset),
      problem: (code, asset) => problem(new ShoalError(code, { url, asset })),
    });
  }

  async #publishedContent(url: string): Promise<Content | undefined> {
    let asset = await this.#published.find(url);
    if (asset !== undefined && (await this.#isPurged(asset))) {
      asset = await this.#published.findAnew(url);
    }
    if (asset === undefined) return undefined;
    let known = this.#contents.get(url);
    if (known?.asset !== asset) {
      known = { asset, promise: this.#check(asset), content: undefined };
      this.#contents.set(url, known);
    }
    const content = await known.promise;
    known.content = content;
    return (await this.#isPurged(asset)) ? undefined : content;
  }

  /** Softly as well: the network has something better. */
  async #isPurged(asset: AssetStatement): Promise<boolean> {
    const { purges } = this.#needs;
    await purges.learned(asset.key);
    return purges.judge(asset) !== undefined;
  }

  /** What is known of this URL without asking anybody. */
  #known(url: string): Content | undefined {
    return this.#contents.get(url)?.content ?? this.#attested?.known(url);
  }

  /** Whether this is still what its signer says. */
  #stands({ asset, id }: Content): boolean {
    return this.#published.stands(asset) || this.#attested?.known(asset.url)?.id === id;
  }

  #renew({ asset: { url } }: Content): Promise<"same" | "away"> {
    return this.#attested?.known(url) ? this.#attested.renew(url) : this.#published.renew();
  }

  #dropReplaced(): void {
    for (const [url, { asset }] of this.#contents) {
      if (!this.#published.stands(asset)) this.#contents.delete(url);
    }
  }

  /** What the origin said last of this content: to this browser, or to its signer. */
  #receiptOf(content: Content): Receipt | null {
    const { headers, epoch } = content.asset;
    const own = this.#receipts.get(content);
    if (headers === undefined || (own !== null && own.at >= epoch)) return own;
    return { headers, at: epoch };
  }

  /** Whether a statement that somebody passes on counts. */
  believes(asset: AssetStatement): Promise<boolean> {
    return believes({ ...this.#needs, published: this.#published }, asset);
  }

  async #check(asset: AssetStatement): Promise<Content | undefined> {
    const { hasher, url } = this.#needs;
    if (!(await isSigned(hasher, asset))) {
      this.#needs.problem(new ShoalError("manifest/signature", { url, asset: asset.url }));
      return undefined;
    }
    return contentOf(asset, hasher);
  }

  #judged(
    content: Content,
    receipt: Receipt | null,
    { mode, since }: { readonly mode: CacheMode; readonly since: Millis },
  ): Found["current"] {
    if (mode === "force-cache" || mode === "only-if-cached") return null;
    if (mode === "no-cache") return this.#asked(content, receipt, false);
    const freshness = this.#freshness(content, receipt, since);
    switch (freshness.state) {
      case "fresh":
        return null;
      case "revalidate":
        this.#askLater(content, receipt, Math.min(freshness.left / 2, SPREAD));
        return null;
      case "stale":
        return this.#asked(content, receipt, freshness.usable);
    }
  }

  #freshness({ asset }: Content, receipt: Receipt | null, since: Millis): Freshness {
    if (receipt !== null) return freshnessOf(receipt, this.#nowFor(asset.url, receipt));
    // The tracker's word is asked for again when its time is over.
    return this.#published.stands(asset) ? this.#published.freshness(since) : { state: "fresh" };
  }

  /** The tracker counts the time of its word itself: while that lasts, this device's clock may be off by as much as it may. */
  #nowFor(url: string, { at }: Receipt): Millis {
    const now = this.#date.now();
    return this.#attested?.leftOf(url) ? Math.max(at, now - LEAST_SKEW) : now;
  }

  /** `usable`: also if nobody answers. */
  async #asked(
    content: Content,
    receipt: Receipt | null,
    usable: boolean,
  ): Promise<Content | undefined> {
    const answer = this.#ask(content, receipt);
    const verdict = usable ? await within(this.#needs.clock, ASK_PATIENCE, answer) : await answer;
    if (verdict === "other") return this.#content(content.asset.url);
    return verdict === "same" || usable ? content : undefined;
  }

  async #ask(content: Content, receipt: Receipt | null): Promise<"same" | "other" | "away"> {
    const { asset } = content;
    if (receipt !== null && hasValidator(receipt.headers) && isOf(this.#needs.site, asset.url)) {
      const verdict = await this.#validation.ask(content, receipt.headers);
      if (verdict.kind === "same") {
        this.#date.told(verdict.headers);
        this.#receipts.put(content, renewed(receipt, verdict.headers, this.#date.now()));
      }
      if (verdict.kind !== "other") return verdict.kind;
      await this.#renew(content);
      // Its signer has not heard of it.
      if (this.#stands(content)) this.distrust(content);
      return "other";
    }
    const renewal = await this.#renew(content);
    return this.#stands(content) ? renewal : "other";
  }

  #askLater(content: Content, receipt: Receipt | null, spread: Millis): void {
    const { clock, random } = this.#needs;
    const { url } = content.asset;
    if (this.#later.has(url)) return;
    const cancel = clock.after(random.unit() * spread, () => {
      void this.#ask(content, receipt).then(() => this.#later.delete(url));
    });
    this.#later.set(url, cancel);
  }

  #read(request: OriginRequest, listener: OriginListener): Cancel {
    const content = this.#known(request.url);
    let headers: CachingFields = {};
    let length = 0;
    return this.#needs.origin.read(request, {
      start: (answer) => {
        headers = answer.headers ?? {};
        if (content !== undefined && !isShareable(headers)) this.#unshareable(content);
        listener.start(answer);
      },
      bytes: (data) => {
        length += data.length;
        const isWhole = request.range === "whole" && length === content?.asset.size;
        // Without its Date (across origins) nobody knows how long the browser's own cache has had it.
        if (isWhole && headers.date !== undefined) {
          this.#receipts.put(content, { headers, at: this.#date.now() });
        }
        listener.bytes(data);
      },
      end: (outcome) => listener.end(outcome),
    });
  }

  #unshareable(content: Content): void {
    const error = new ShoalError("origin/unshareable", { url: content.asset.url });
    if (this.distrust(content)) this.#needs.problem(error);
    this.#needs.unshareable(content, error);
  }
}

const isOf = (site: string, url: string): boolean => url.startsWith(`${site}/`);
