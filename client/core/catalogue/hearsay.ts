// What neighbours say that a URL is, for the day neither its site nor the tracker can: a statement is as good from whoever
// passes it on, because its signature and epoch decide. The newest that can be believed counts. And what we say to them.

import { type Bytes, fromUtf8, sameBytes, utf8 } from "../../../tracker/protocol/bytes.ts";
import {
  type AssetStatement,
  parseManifest,
  writeManifest,
} from "../../../tracker/protocol/manifest.ts";
import type { Clock, Hasher } from "../ports.ts";
import type { Cancel, Content, Millis } from "../vocabulary.ts";
import { contentOf } from "./content.ts";

/** For a first answer: the round trips of a large statement on a slow link. */
const PATIENCE: Millis = 4000;
/** After it, for one that is newer. */
const GRACE: Millis = 300;
/** URLs whose digests are remembered. */
const MOST_DIGESTS = 5000;

export interface HearsayNeeds {
  readonly clock: Clock;
  readonly hasher: Hasher;
  /** Whether the signer is known, the signature right, and nothing newer or purged stands against it. */
  believes(asset: AssetStatement): Promise<boolean>;
  /** Contents that are held or being read here. */
  held(): Iterable<Content>;
  /** Whom to ask. */
  neighbours(): Iterable<{ ask(url: Bytes): Promise<Bytes | undefined> }>;
}

export class Hearsay {
  readonly #needs: HearsayNeeds;
  readonly #digests = new Map<string, Bytes>();
  readonly #open = new Map<string, Promise<Content | undefined>>();

  constructor(needs: HearsayNeeds) {
    this.#needs = needs;
  }

  /** What the URL with this SHA-256 is, if any of it is held here: a manifest of one asset. */
  async statement(url: Bytes): Promise<Bytes | undefined> {
    for (const { asset } of this.#held()) {
      if (!sameBytes(await this.#digestOf(asset.url), url)) continue;
      // Nothing is passed on that we would not believe ourselves.
      if (!(await this.#needs.believes(asset))) continue;
      return utf8(writeManifest(asset.epoch, asset.key, [asset]));
    }
    return undefined;
  }

  /** What is held here of this URL, or what neighbours say that it is. Never rejects. */
  find(url: string): Promise<Content | undefined> {
    const open =
      this.#open.get(url) ??
      this.#find(url).finally(() => {
        this.#open.delete(url);
      });
    this.#open.set(url, open);
    return open;
  }

  async #find(url: string): Promise<Content | undefined> {
    for (const content of this.#held()) {
      if (content.asset.url === url && (await this.#needs.believes(content.asset))) return content;
    }
    const newest = await this.#asked(url);
    return newest && contentOf(newest, this.#needs.hasher);
  }

  /** Newest first: of what changes often, many versions are held. */
  #held(): readonly Content[] {
    return [...this.#needs.held()].sort((one, other) => other.asset.epoch - one.asset.epoch);
  }

  async #asked(url: string): Promise<AssetStatement | undefined> {
    const digest = await this.#digestOf(url);
    return new Promise((resolve) => {
      let newest: AssetStatement | undefined;
      const end = (): void => {
        patience();
        grace?.();
        resolve(newest);
      };
      const patience = this.#needs.clock.after(PATIENCE, end);
      let grace: Cancel | null = null;
      const asking = [...this.#needs.neighbours()].map(async (neighbour) => {
        const asset = await this.#believed(url, await neighbour.ask(digest));
        if (asset === undefined || asset.epoch <= (newest?.epoch ?? -1)) return;
        newest = asset;
        grace ??= this.#needs.clock.after(GRACE, end);
      });
      void Promise.all(asking).then(end);
    });
  }

  async #believed(url: string, text: Bytes | undefined): Promise<AssetStatement | undefined> {
    const parsed = text && parseManifest(fromUtf8(text) ?? "");
    const asset = parsed?.ok === true ? parsed.manifest.assets[0] : undefined;
    if (asset?.url !== url || !(await this.#needs.believes(asset))) return undefined;
    return asset;
  }

  async #digestOf(url: string): Promise<Bytes> {
    const digest = this.#digests.get(url) ?? (await this.#needs.hasher.sha256(utf8(url)));
    if (this.#digests.size >= MOST_DIGESTS) this.#digests.clear();
    this.#digests.set(url, digest);
    return digest;
  }
}
