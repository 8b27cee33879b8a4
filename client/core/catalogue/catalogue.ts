// What is this URL? Loads the site's published manifest, remembers it for the day its origin is gone, and vouches for
// an asset only after its signature was checked. A manifest that is wrong in any way is as good as none: the page then
// gets everything from the network, and the reason is reported once. A URL that is new beside known ones (the next
// segment of a live stream) has the manifest read again.

import {
  type Bytes,
  concatenated,
  fromBase64url,
  fromUtf8,
  sameBytes,
  utf8,
} from "../../../tracker/protocol/bytes.ts";
import {
  type AssetStatement,
  MAX_MANIFEST_BYTES,
  type PublishedManifest,
  parseManifest,
  signedText,
} from "../../../tracker/protocol/manifest.ts";
import { isAbout, type Purge } from "../../../tracker/protocol/purge.ts";
import { ShoalError } from "../errors.ts";
import type { Clock, Hasher, Origin, OriginOutcome, Random, Store } from "../ports.ts";
import type { ByteCount, Cancel, Content, Millis } from "../vocabulary.ts";
import { contentOf, directoryOf } from "./content.ts";
import type { Purges } from "./purges.ts";
import { Rereading } from "./rereading.ts";
import { epochBytes, epochName, epochOf, withdrawnName } from "./standing.ts";

/** Requests wait this long for the manifest; then they go on with what an earlier visit stored, or without. */
const LOAD_PATIENCE: Millis = 1500;

/**
 * A request for a new URL waits this long for the manifest to be read again: a round trip and a half on a slow mobile
 * line, and a small part of what players of live streams have in hand.
 */
const REREAD_PATIENCE: Millis = 300;

export interface CatalogueNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Hasher;
  readonly origin: Origin;
  readonly index: Store;
  /** Where the manifest is. */
  readonly url: string;
  /** The only signer to accept, or `null` for whoever the site's own manifest names. */
  readonly pinnedKey: string | null;
  readonly purges: Purges;
  problem(error: ShoalError): void;
}

type Loaded =
  | { readonly kind: "bytes"; readonly bytes: Bytes }
  | { readonly kind: "absent" | "unreachable" | "too-large" };

export class Catalogue {
  readonly #needs: CatalogueNeeds;
  #assets = new Map<string, AssetStatement>();
  readonly #contents = new Map<string, Promise<Content | undefined>>();
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
  /** Somebody purged these: what the site itself says of them decides, and is asked for when they are wanted. */
  readonly #doubted = new Set<string>();
  #resolving: Promise<void> | null = null;
  readonly #rereading: Rereading;
  /** SHA-256 of the manifest that is believed. */
  #digest: Bytes | null = null;

  constructor(needs: CatalogueNeeds) {
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

  /** The content behind an absolute URL without fragment, if the manifest vouches for it. */
  async find(url: string): Promise<Content | undefined> {
    await this.load();
    if (this.#mayBeNew(url)) {
      await this.#within(REREAD_PATIENCE, this.#rereading.for(url));
    }
    if (this.#doubted.has(url)) await this.#within(REREAD_PATIENCE, this.#resolved());
    const asset = this.#assets.get(url);
    if (asset === undefined) return undefined;
    const { purges } = this.#needs;
    await purges.learned(asset.key);
    if (purges.judge(asset) !== undefined) return undefined;
    const known = this.#contents.get(url) ?? this.#vouched(asset);
    this.#contents.set(url, known);
    return known;
  }

  /** What is published says by its own signature and epoch what it is worth; a purge only has it looked at again. */
  purged(purges: readonly Purge[]): void {
    for (const [url, asset] of this.#assets) {
      if (purges.some((purge) => isAbout(purge, asset))) this.#doubted.add(url);
    }
  }

  /** Once for everything in doubt. */
  #resolved(): Promise<void> {
    this.#resolving ??= this.#reread().then(() => {
      this.#resolving = null;
      this.#doubted.clear();
    });
    return this.#resolving;
  }

  /** Files have no query: what has one is made for the occasion. */
  #mayBeNew(url: string): boolean {
    if (!this.#wasRead || this.#assets.has(url) || this.#distrusted.has(url)) return false;
    return !url.includes("?") && (this.#isEmpty || this.#directories.has(directoryOf(url)));
  }

  /** The manifest and the origin disagree about this URL: no more of it until it is published anew. `false`: that was known. */
  distrust(url: string): boolean {
    const asset = this.#assets.get(url);
    if (asset !== undefined) this.#distrusted.set(url, asset);
    this.#contents.delete(url);
    return this.#assets.delete(url);
  }

  /**
   * Whether a statement that somebody passes on counts: of a signer whom the page names, whose manifest it has read at some
   * time, or whose tracker it has met; rightly signed, and with nothing newer or purged against it.
   */
  async believes(asset: AssetStatement): Promise<boolean> {
    const { pinnedKey, purges, index } = this.#needs;
    const read = await index.get(this.#epochName(asset.key));
    const isKnown = read !== undefined || asset.key === purges.known?.key;
    if (pinnedKey === null ? !isKnown : asset.key !== pinnedKey) return false;
    const withdrawn = await index.get(this.#withdrawnName);
    if (withdrawn !== undefined && sameBytes(withdrawn, utf8(asset.key))) return false;
    if (asset.epoch < epochOf(read) || purges.judge(asset) === "hard") return false;
    const wrong = this.#distrusted.get(asset.url);
    if (wrong !== undefined && sameBytes(wrong.digests, asset.digests)) return false;
    return this.#isSigned(asset);
  }

  async #isSigned(asset: AssetStatement): Promise<boolean> {
    const key = fromBase64url(asset.key);
    if (key === undefined) return false;
    return this.#needs.hasher.verify(key, asset.signature, signedText(asset));
  }

  async #vouched(asset: AssetStatement): Promise<Content | undefined> {
    const { hasher, url } = this.#needs;
    if (!(await this.#isSigned(asset))) {
      this.#needs.problem(new ShoalError("manifest/signature", { url, asset: asset.url }));
      return undefined;
    }
    return contentOf(asset, hasher);
  }

  async #load(): Promise<void> {
    const reading = this.#read().then(async (loaded) => {
      await this.#adopt(loaded);
      this.#wasRead = true;
    });
    if ((await this.#within(LOAD_PATIENCE, reading)) !== "late") return;
    // Go on with what an earlier visit stored; the real one takes its place when it comes.
    const stored = await this.#needs.index.get(this.#storedName);
    if (stored !== undefined) await this.#useStored(stored);
  }

  async #within<T>(patience: Millis, work: Promise<T>): Promise<T | "late"> {
    let cancel: Cancel = () => {};
    const late = new Promise<"late">((resolve) => {
      cancel = this.#needs.clock.after(patience, () => resolve("late"));
    });
    const first = await Promise.race([work, late]);
    cancel();
    return first;
  }

  /** Resolves with the bytes that were new. What is no manifest leaves things as they were. */
  async #reread(): Promise<ByteCount | "failed"> {
    const loaded = await this.#read();
    if (loaded.kind !== "bytes") return "failed";
    const digest = await this.#needs.hasher.sha256(loaded.bytes);
    if (this.#digest !== null && sameBytes(digest, this.#digest)) return 0;
    await this.#adopt(loaded);
    return loaded.bytes.length;
  }

  async #adopt(loaded: Loaded): Promise<void> {
    const { url, index } = this.#needs;
    this.#answered = loaded.kind !== "unreachable";
    this.#isEmpty = false;
    switch (loaded.kind) {
      case "absent":
        this.#believe([]);
        return this.#withdraw();
      case "too-large":
        return this.#needs.problem(
          new ShoalError("manifest/too-large", { url, limit: MAX_MANIFEST_BYTES }),
        );
      case "unreachable": {
        this.#needs.problem(new ShoalError("manifest/unreachable", { url }));
        const stored = await index.get(this.#storedName);
        if (stored !== undefined) await this.#useStored(stored);
        return;
      }
      case "bytes": {
        const manifest = await this.#checked(loaded.bytes);
        this.#digest = await this.#needs.hasher.sha256(loaded.bytes);
        if (manifest instanceof ShoalError) return this.#needs.problem(manifest);
        this.#believe(manifest.assets);
        this.#isEmpty = manifest.assets.length === 0;
        await index.put([
          [this.#storedName, loaded.bytes],
          [this.#epochName(manifest.key), epochBytes(manifest.epoch)],
        ]);
        await index.delete([this.#withdrawnName]);
      }
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
      const wrong = this.#distrusted.get(asset.url);
      if (wrong !== undefined && sameBytes(wrong.digests, asset.digests)) continue;
      // A signature covers everything that a statement says.
      const isSame = known !== undefined && sameBytes(known.signature, asset.signature);
      this.#assets.set(asset.url, isSame ? known : asset);
    }
    for (const url of this.#contents.keys()) {
      if (this.#assets.get(url) !== before.get(url)) this.#contents.delete(url);
    }
    this.#directories = new Set(assets.map(({ url }) => directoryOf(url)));
  }

  async #checked(bytes: Bytes): Promise<PublishedManifest | ShoalError> {
    const { url, pinnedKey, index } = this.#needs;
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
    if (pinnedKey !== null && key !== pinnedKey) return new ShoalError("manifest/signer", { url });
    const known = epochOf(await index.get(this.#epochName(key)));
    if (epoch < known) return new ShoalError("manifest/rollback", { url, epoch, known });
    return parsed.manifest;
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

  #read(): Promise<Loaded> {
    return new Promise((resolve) => {
      const parts: Bytes[] = [];
      let size = 0;
      const cancel = this.#needs.origin.read(
        { url: this.#needs.url, range: "whole", cache: "no-cache" },
        {
          start: () => {},
          bytes: (data) => {
            parts.push(data);
            size += data.length;
            if (size <= MAX_MANIFEST_BYTES) return;
            cancel();
            resolve({ kind: "too-large" });
          },
          end: (outcome) =>
            resolve(
              outcome.kind === "complete"
                ? { kind: "bytes", bytes: concatenated(parts) }
                : { kind: isAbsent(outcome) ? "absent" : "unreachable" },
            ),
        },
      );
    });
  }
}

/** 4xx: the site says that there is none. Anything else may be a bad day. */
function isAbsent(outcome: OriginOutcome): boolean {
  return outcome.kind === "status" && outcome.status >= 400 && outcome.status < 500;
}
