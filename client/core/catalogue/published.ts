// What the site publishes: loads its manifest, remembers it for the day its origin is gone, and confirms it when its time
// is over. A manifest that is wrong in any way is as good as none: the page then gets everything from the network, and
// the reason is reported once. A URL that is new beside known ones (the next segment of a live stream) has it read again.

import { type Bytes, fromUtf8, sameBytes, utf8 } from "../../../tracker/protocol/bytes.ts";
import {
  type AssetStatement,
  MAX_MANIFEST_BYTES,
  type PublishedManifest,
  parseManifest,
} from "../../../tracker/protocol/manifest.ts";
import { ShoalError } from "../errors.ts";
import type { Clock, Hasher, Origin, Random, Store, Validators } from "../ports.ts";
import type { ByteCount, CachingFields, Millis } from "../vocabulary.ts";
import { directoryOf } from "./content.ts";
import { type Freshness, freshnessOf, hasValidator, type Receipt, renewed } from "./freshness.ts";
import { within } from "./patience.ts";
import { Rereading } from "./rereading.ts";
import type { SiteDate } from "./site-date.ts";
import { epochBytes, epochName, epochOf, withdrawnName } from "./standing.ts";
import { readWhole, type WholeAnswer } from "./whole-read.ts";

/** Requests wait this long for the manifest; then they go on with what an earlier visit stored, or without. */
const LOAD_PATIENCE: Millis = 1500;

/**
 * A request for a new URL waits this long for the manifest to be read again: a round trip and a half on a slow mobile
 * line, and a small part of what players of live streams have in hand.
 */
const REREAD_PATIENCE: Millis = 300;
/**
 * A site that does not say how long its manifest is good is asked at the latest after this: the manifest speaks for all its
 * files, and so their visitors would miss what is new for as long.
 */
const MOST_GUESS: Millis = 60_000;
/** Statements that are remembered as wrong. */
const MOST_DISTRUSTED = 4000;
/** A site that gave no manifest is left alone for this, and up to half as long again. */
const REST: Millis = 5000;

export interface PublishedNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Hasher;
  readonly origin: Origin;
  readonly index: Store;
  /** Where the manifest is. */
  readonly url: string;
  /** `false`: the site is known to publish none, and is not asked. */
  readonly published: boolean;
  /** Whether its server may be asked with a condition. */
  readonly sameOrigin: boolean;
  /** The only signers to accept, or `null` for whoever the site's own manifest names. */
  readonly pinnedKeys: readonly string[] | null;
  readonly date: SiteDate;
  /** Something else is published than before. */
  changed(): void;
  problem(error: ShoalError): void;
}

type Loaded =
  | Exclude<WholeAnswer, { kind: "status" }>
  | { readonly kind: "unchanged"; readonly headers: CachingFields }
  | { readonly kind: "absent" };

/** `same`: what is believed is what it has now. `away`: the site gave no manifest, or none that can be believed. */
export type Renewed = "same" | "away";

const FRESH: Freshness = { state: "fresh" };
const STALE: Freshness = { state: "stale", usable: true };

export class Published {
  readonly #needs: PublishedNeeds;
  #assets = new Map<string, AssetStatement>();
  #loading: Promise<void> | null = null;
  /** Whether the site itself has answered: from then on, what an earlier visit stored counts for nothing. */
  #answered = false;
  /** Whether the first reading is over; until then a second one could only confuse. */
  #wasRead = false;
  /** Where anything is published: a new URL there may be as well. */
  #directories: ReadonlySet<string> = new Set();
  /** A manifest without anything in it: a channel that is about to be on air, and nobody knows where. */
  #isEmpty = false;
  /** Statements that the origin has shown to be wrong. */
  readonly #distrusted = new Map<string, AssetStatement>();
  readonly #rereading: Rereading;
  /** SHA-256 of the manifest that the site gave last, and whether that is what is believed. */
  #digest: Bytes | null = null;
  #isBelieved = false;
  /** What the site said of it last; `null` until it has. */
  #receipt: Receipt | null = null;
  #heardAt: Millis = Number.NEGATIVE_INFINITY;
  #renewal: Promise<Renewed> | null = null;
  /** Of a site that is away; 0 otherwise. */
  #restUntil: Millis = 0;

  constructor(needs: PublishedNeeds) {
    this.#needs = needs;
    this.#rereading = new Rereading({
      clock: needs.clock,
      random: needs.random,
      read: () => this.#reread(),
      lists: (url) => this.#assets.has(url),
    });
  }

  /** Resolves when it is known what the site publishes, be it nothing. Runs once; never rejects. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** What the manifest says of an absolute URL without fragment; its signature is not checked. */
  async find(url: string): Promise<AssetStatement | undefined> {
    await this.load();
    if (this.#mayBeNew(url)) {
      await within(this.#needs.clock, REREAD_PATIENCE, this.#rereading.for(url));
    }
    const asset = this.#assets.get(url);
    return asset === undefined && this.#distrusted.has(url) ? this.findAnew(url) : asset;
  }

  /** The same where what was said is not to be used any more: something else may be published by now. */
  async findAnew(url: string): Promise<AssetStatement | undefined> {
    const { clock } = this.#needs;
    const isDoubted = this.#receipt?.doubted === true;
    if (this.freshness(clock.now()).state !== "fresh") {
      const renewal = this.renew();
      // Whatever its age, it is for the next request: this one is the network's.
      if (isDoubted) await within(clock, REREAD_PATIENCE, renewal);
    }
    return this.#assets.get(url);
  }

  get assets(): Iterable<AssetStatement> {
    return this.#assets.values();
  }
  /** Whether this is still what the manifest says. */
  stands(asset: AssetStatement): boolean {
    return this.#assets.get(asset.url) === asset;
  }

  /** How good the manifest is for a request that came at `since`, without asking for it again. */
  freshness(since: Millis): Freshness {
    const { clock, date } = this.#needs;
    if (!this.#wasRead || this.#heardAt >= since || clock.now() < this.#restUntil) return FRESH;
    if (this.#receipt === null) return STALE;
    const freshness = freshnessOf(this.#receipt, date.now(), MOST_GUESS);
    // It is signed and counted, and made to be good when its site is away, whatever is said of answers in general.
    return freshness.state === "stale" ? STALE : freshness;
  }

  /** What the site said of it is not fresh any more. */
  doubt(): void {
    if (this.#receipt !== null) this.#receipt = { ...this.#receipt, doubted: true };
  }

  /** Asks the site for the manifest it has now, once for all who ask meanwhile. Never rejects. */
  renew(): Promise<Renewed> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #renew(): Promise<Renewed> {
    if (this.#needs.clock.now() < this.#restUntil) return "away";
    const loaded = await this.#read(this.#receipt?.headers);
    if (loaded.kind === "bytes") await this.#adoptNew(loaded);
    else if (loaded.kind !== "unchanged") await this.#adopt(loaded);
    return this.#isBelieved && this.#restUntil === 0 ? "same" : "away";
  }

  /** Files have no query: what has one is made for the occasion. */
  #mayBeNew(url: string): boolean {
    if (!this.#wasRead || this.#assets.has(url) || this.#distrusted.has(url)) return false;
    return !url.includes("?") && (this.#isEmpty || this.#directories.has(directoryOf(url)));
  }

  /** This statement and the origin disagree: no more of it, whoever says it. `false`: it was not published, or that was known. */
  distrust(asset: AssetStatement): boolean {
    if (this.#distrusted.size >= MOST_DISTRUSTED) this.#distrusted.clear();
    this.#distrusted.set(asset.url, asset);
    return this.stands(asset) && this.#assets.delete(asset.url);
  }

  isDistrusted({ url, version, digests }: AssetStatement): boolean {
    const wrong = this.#distrusted.get(url);
    if (wrong?.version !== undefined) return wrong.version === version;
    return wrong !== undefined && sameBytes(wrong.digests, digests);
  }

  async #load(): Promise<void> {
    const reading = this.#read().then(async (loaded) => {
      if (loaded.kind !== "unchanged") await this.#adopt(loaded);
      this.#wasRead = true;
    });
    if ((await within(this.#needs.clock, LOAD_PATIENCE, reading)) !== "late") return;
    // Go on with what an earlier visit stored; the real one takes its place when it comes.
    const stored = await this.#needs.index.get(this.#storedName);
    if (stored !== undefined) await this.#useStored(stored);
  }

  /** Resolves with the bytes that were new. What is no manifest leaves things as they were. */
  async #reread(): Promise<ByteCount | "failed"> {
    const loaded = await this.#read(this.#receipt?.headers);
    if (loaded.kind === "unchanged") return 0;
    return loaded.kind === "bytes" ? this.#adoptNew(loaded) : "failed";
  }

  async #adoptNew(loaded: Loaded & { kind: "bytes" }): Promise<ByteCount> {
    const digest = await this.#needs.hasher.sha256(loaded.bytes);
    if (this.#digest !== null && sameBytes(digest, this.#digest)) return 0;
    await this.#adopt(loaded);
    return loaded.bytes.length;
  }

  async #adopt(loaded: Exclude<Loaded, { kind: "unchanged" }>): Promise<void> {
    const { url, index, clock, random } = this.#needs;
    const wasAway = this.#restUntil > 0;
    if (loaded.kind !== "bytes") {
      this.#restUntil = clock.now() + REST * (1 + random.unit() / 2);
    }
    if (loaded.kind === "unreachable") {
      if (!wasAway) this.#needs.problem(new ShoalError("manifest/unreachable", { url }));
      if (this.#answered) return;
      const stored = await index.get(this.#storedName);
      if (stored !== undefined) await this.#useStored(stored);
      return;
    }
    this.#answered = true;
    this.#isBelieved = false;
    if (loaded.kind === "bytes") {
      const manifest = await this.#checked(loaded.bytes);
      this.#digest = await this.#needs.hasher.sha256(loaded.bytes);
      if (manifest instanceof ShoalError) return this.#needs.problem(manifest);
      this.#isBelieved = true;
      this.#believe(manifest.assets);
      this.#isEmpty = manifest.assets.length === 0;
      await index.put([
        [this.#storedName, loaded.bytes],
        [this.#epochName(manifest.key), epochBytes(manifest.epoch)],
      ]);
      await index.delete([this.#withdrawnName]);
      return;
    }
    // What comes after these is read whole, even if it is what was there before.
    this.#digest = null;
    this.#receipt = null;
    if (loaded.kind === "absent") {
      this.#believe([]);
      await this.#withdraw();
    } else if (!wasAway) {
      this.#needs.problem(new ShoalError("manifest/too-large", { url, limit: MAX_MANIFEST_BYTES }));
    }
  }

  /** The site has taken its manifest away: what that signer said counts for nothing until it is there again. */
  async #withdraw(): Promise<void> {
    const { index } = this.#needs;
    const stored = await index.get(this.#storedName);
    if (stored === undefined) return;
    const parsed = parseManifest(fromUtf8(stored) ?? "");
    if (parsed.ok) await index.put([[this.#withdrawnName, utf8(parsed.manifest.key)]]);
    await index.delete([this.#storedName]);
  }
  async isWithdrawn({ key }: AssetStatement): Promise<boolean> {
    const withdrawn = await this.#needs.index.get(this.#withdrawnName);
    return withdrawn !== undefined && sameBytes(withdrawn, utf8(key));
  }

  async #useStored(bytes: Bytes): Promise<void> {
    const manifest = await this.#checked(bytes);
    if (this.#answered) return;
    if (manifest instanceof ShoalError) this.#needs.problem(manifest);
    else this.#believe(manifest.assets);
  }

  /** Whatever says the same as before stays as it is, with all that is known of it. */
  #believe(assets: readonly AssetStatement[]): void {
    const before = this.#assets;
    this.#assets = new Map();
    for (const asset of assets) {
      const known = before.get(asset.url);
      if (this.isDistrusted(asset)) continue;
      // A signature covers everything that a statement says.
      const isSame = known !== undefined && sameBytes(known.signature, asset.signature);
      this.#assets.set(asset.url, isSame ? known : asset);
    }
    this.#directories = new Set(assets.map(({ url }) => directoryOf(url)));
    this.#isEmpty = false;
    this.#needs.changed();
  }

  async #checked(bytes: Bytes): Promise<PublishedManifest | ShoalError> {
    const { url, pinnedKeys } = this.#needs;
    const text = fromUtf8(bytes);
    const parsed =
      text === undefined
        ? ({ ok: false, path: "", expected: "UTF-8" } as const)
        : parseManifest(text);
    if (!parsed.ok) {
      const { path, expected } = parsed;
      return new ShoalError("manifest/malformed", { url, path, expected });
    }
    const { key, epoch } = parsed.manifest;
    if (pinnedKeys?.includes(key) === false) return new ShoalError("manifest/signer", { url });
    const known = (await this.epochOf(key)) ?? 0;
    if (epoch < known) return new ShoalError("manifest/rollback", { url, epoch, known });
    return parsed.manifest;
  }

  /** Of the newest manifest of this signer that was ever read here. */
  async epochOf(key: string): Promise<number | undefined> {
    const bytes = await this.#needs.index.get(this.#epochName(key));
    return bytes && epochOf(bytes);
  }

  get #storedName(): string {
    return `manifest.${this.#needs.url}`;
  }
  get #withdrawnName(): string {
    return withdrawnName(this.#needs.url);
  }
  #epochName(key: string): string {
    return epochName(key, this.#needs.url);
  }

  async #read(validators?: Validators): Promise<Loaded> {
    const { clock, url, published, sameOrigin, date } = this.#needs;
    if (!published) return { kind: "absent" };
    const unless = sameOrigin && hasValidator(validators) ? validators : undefined;
    const request = unless === undefined ? { url } : { url, unless };
    const answer = await readWhole(this.#needs, request, MAX_MANIFEST_BYTES);
    const loaded = answer.kind === "status" ? meaningOf(answer) : answer;
    if (loaded.kind === "bytes" || loaded.kind === "unchanged") {
      date.told(loaded.headers);
      this.#restUntil = 0;
      const before = loaded.kind === "unchanged" ? this.#receipt : null;
      this.#receipt = renewed(before, loaded.headers, date.now());
      this.#heardAt = clock.now();
    }
    return loaded;
  }
}

/** 4xx: the site says that there is none, unless it is about haste. Anything else may be a bad day. */
function meaningOf({ status, headers }: Extract<WholeAnswer, { kind: "status" }>): Loaded {
  if (status === 304) return { kind: "unchanged", headers };
  const isAbsent = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return { kind: isAbsent ? "absent" : "unreachable" };
}
