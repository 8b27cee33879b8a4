// Publishes a directory and goes on publishing it as files come and go: the packager's side of a live stream. Owns what
// was found so far, and when to look again. A file is read and signed once; afterwards it costs a look at its size.
//
// 1. A file that may still be written to is not published: it was moved into its place, or has been left alone for a second.
// 2. A file that changes is the origin's alone until it has been left alone for half a minute; playlists change by nature.
// 3. The epoch stays while files come and go, so that signatures hold. It rises when a URL gets other bytes.

import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { sameBytes } from "../protocol/bytes.ts";
import { type AssetStatement, CHUNK_BYTES } from "../protocol/manifest.ts";
import { type DirectoryWatch, watchDirectories } from "./directory-watch.ts";
import type { FileDigests } from "./file-digests.ts";
import type { SigningKey } from "./keys.ts";
import { type ListedFile, listing } from "./listing.ts";
import { existingManifest, nextEpoch, recogniserOf, replaceFile } from "./manifest-file.ts";
import { manifestText, readFiles, statements } from "./publish.ts";
import { type PublishCode, PublishError } from "./publish-error.ts";

export interface WatchSettings {
  readonly directory: string;
  /** A directory URL: ends with a slash, has no query. */
  readonly baseUrl: URL;
  /** The manifest. */
  readonly out: string;
  readonly chunkBytes?: number;
  /** Not content, wherever they lie. */
  readonly leftOut: readonly string[];
}

export interface WatchNeeds {
  readonly key: SigningKey;
  /** Ends it. */
  readonly signal: AbortSignal;
  log(event: WatchEvent): void;
}

export type WatchEvent =
  | {
      readonly event: "published";
      readonly epoch: number;
      readonly urls: number;
      readonly added: number;
      readonly changed: number;
      readonly removed: number;
      /** Read for this publication. */
      readonly bytes: number;
      readonly elapsedMs: number;
    }
  /** What is published stays as it was; it is tried again at the next look. */
  | { readonly event: "failed"; readonly code: PublishCode; readonly message: string };

/** Files written in place pause between two writes: packagers flush a few times a second. */
const SETTLED_MS = 1000;
/** Twice the longest target duration in use, so that a playlist between two segments is not taken for a finished one. */
const FICKLE_SETTLED_MS = 30_000;
const PLAYLIST = /\.(m3u8|mpd)$/i;
/** Looked at without a hint this often, and more often where hints cannot be had. */
const LOOK_EVERY_MS = 5000;
const BLIND_LOOK_EVERY_MS = 1000;
/** What happens in a row is looked at once. A look that takes longer is followed by a pause as long as itself. */
const GATHER_MS = 30;
/** URLs remembered beyond those that are there, so that none comes back with other bytes in the same epoch. */
const MOST_GONE = 10_000;

/** Resolves when `signal` is aborted, with nothing half done. Rejects if the manifest's place is taken by something else. */
export async function publishAndWatch(settings: WatchSettings, needs: WatchNeeds): Promise<void> {
  const { signal, log } = needs;
  let hint = new AbortController();
  const watch = watchDirectories(() => hint.abort());
  const epoch = nextEpoch(Date.now(), await existingManifest(settings.out));
  const directory = new WatchedDirectory(settings, needs, { watch, epoch });
  try {
    while (!signal.aborted) {
      hint = new AbortController();
      const began = performance.now();
      const pause = await directory.look().catch((error: unknown) => {
        if (!signal.aborted) log(failureOf(error));
        return BLIND_LOOK_EVERY_MS;
      });
      const took = performance.now() - began;
      await nap(pause, AbortSignal.any([signal, hint.signal]));
      await nap(Math.max(GATHER_MS, took), signal);
    }
  } finally {
    watch.close();
  }
}

function nap(ms: number, until: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal: until }).catch(() => {});
}

function failureOf(error: unknown): WatchEvent {
  const code = error instanceof PublishError ? error.code : "publish/unreadable";
  return { event: "failed", code, message: error instanceof Error ? error.message : String(error) };
}

interface Signed {
  readonly facts: FileDigests;
  readonly statements: readonly AssetStatement[];
}

class WatchedDirectory {
  readonly #settings: WatchSettings;
  readonly #needs: WatchNeeds;
  readonly #watch: DirectoryWatch;
  #epoch: number;
  /** By path: the stamp of what was read. */
  readonly #stamps = new Map<string, string>();
  /** By path: everything that was signed in this epoch, whether it is still there or not. */
  #signed = new Map<string, Signed>();
  /** Paths whose bytes changed while we looked. */
  readonly #fickle = new Set<string>();
  #written: readonly AssetStatement[] | null = null;

  constructor(
    settings: WatchSettings,
    needs: WatchNeeds,
    { watch, epoch }: { readonly watch: DirectoryWatch; readonly epoch: number },
  ) {
    this.#settings = settings;
    this.#needs = needs;
    this.#watch = watch;
    this.#epoch = epoch;
  }

  /** Publishes what there is, if it is not what was published last. Resolves with when to look again at the latest. */
  async look(): Promise<number> {
    const began = performance.now();
    const { directory, leftOut, chunkBytes = CHUNK_BYTES } = this.#settings;
    const { files, directories } = await listing(directory, await recogniserOf(leftOut));
    const hints = this.#watch.follow(directories);
    this.#forget(new Set(files.map(pathOf)));
    const changed = files.filter((file) => this.#stamps.get(pathOf(file)) !== file.stamp);
    for (const file of changed) if (this.#stamps.has(pathOf(file))) this.#fickle.add(pathOf(file));
    const read = await readFiles(
      changed.filter((file) => this.#waitFor(file) <= 0),
      chunkBytes,
      {
        signal: this.#needs.signal,
        unreadable: (file, error) => this.#unreadable(file, error),
      },
    );
    // Asked once more: a notification of writing may have come meanwhile.
    const settled = [...read].filter(([file]) => this.#waitFor(file) <= 0);
    await this.#sign(files, new Map(settled));
    const bytes = settled.reduce((sum, [, { size }]) => sum + size, 0);
    await this.#write(files, { bytes, began });
    if (hints === "new") return 0;
    const waits = changed.map((file) => this.#waitFor(file)).filter((wait) => wait > 0);
    return Math.min(...waits, hints === "missing" ? BLIND_LOOK_EVERY_MS : LOOK_EVERY_MS);
  }

  /** How long until this file counts as finished (1, 2). */
  #waitFor(file: ListedFile): number {
    const path = pathOf(file);
    let least = SETTLED_MS;
    if (PLAYLIST.test(path) || this.#fickle.has(path)) least = FICKLE_SETTLED_MS;
    else if (file.size > 0 && this.#watch.wasMovedIn(file.file)) least = 0;
    // A time in the future is somebody else's clock, and says as much.
    return least - Math.abs(Date.now() - file.modifiedMs);
  }

  #forget(present: ReadonlySet<string>): void {
    for (const known of [this.#stamps, this.#fickle]) {
      for (const path of known.keys()) if (!present.has(path)) known.delete(path);
    }
  }

  /** Left out until it can be read. That it is gone, or changes, is no news. */
  #unreadable({ file }: ListedFile, error: PublishError): void {
    if (error.code !== "publish/changing" && existsSync(file)) this.#needs.log(failureOf(error));
  }

  /** Signs what is new; everything again when the epoch has to rise (3). */
  async #sign(
    files: readonly ListedFile[],
    read: ReadonlyMap<ListedFile, FileDigests>,
  ): Promise<void> {
    const before = this.#signed;
    let isNewEpoch = before.size > files.length + MOST_GONE;
    for (const [file, facts] of read) {
      this.#stamps.set(pathOf(file), file.stamp);
      const known = before.get(pathOf(file));
      if (known !== undefined && !isSame(known.facts, facts)) isNewEpoch = true;
    }
    if (isNewEpoch) {
      this.#epoch = nextEpoch(Date.now(), { epoch: this.#epoch });
      this.#signed = new Map();
    }
    const by = { baseUrl: this.#settings.baseUrl, epoch: this.#epoch, key: this.#needs.key };
    for (const file of files) {
      const path = pathOf(file);
      const facts = read.get(file) ?? before.get(path)?.facts;
      if (!this.#isKnown(file) || facts === undefined || this.#signed.has(path)) continue;
      this.#signed.set(path, { facts, statements: await statements(file, facts, by) });
    }
  }

  /** Whether what was read is what is there. */
  #isKnown(file: ListedFile): boolean {
    return this.#stamps.get(pathOf(file)) === file.stamp;
  }

  async #write(
    files: readonly ListedFile[],
    { bytes, began }: { readonly bytes: number; readonly began: number },
  ): Promise<void> {
    const { out } = this.#settings;
    const { key, signal, log } = this.#needs;
    const assets = files.flatMap((file) =>
      this.#isKnown(file) ? (this.#signed.get(pathOf(file))?.statements ?? []) : [],
    );
    const before = this.#written;
    const isNews =
      before?.length !== assets.length || assets.some((asset, at) => asset !== before[at]);
    if (!isNews) return;
    await replaceFile(out, manifestText(this.#epoch, key, assets), signal);
    this.#written = assets;
    const elapsedMs = Math.round(performance.now() - began);
    const urls = assets.length;
    const changes = changesOf(before ?? [], assets);
    log({ event: "published", epoch: this.#epoch, urls, ...changes, bytes, elapsedMs });
  }
}

function changesOf(before: readonly AssetStatement[], after: readonly AssetStatement[]) {
  const known = new Map(before.map((asset) => [asset.url, asset]));
  let added = 0;
  let changed = 0;
  for (const asset of after) {
    const other = known.get(asset.url);
    if (other === undefined) added++;
    else if (!isSame(other, asset)) changed++;
  }
  return { added, changed, removed: before.length + added - after.length };
}

const isSame = (one: FileDigests, other: FileDigests): boolean =>
  one.size === other.size &&
  one.chunkBytes === other.chunkBytes &&
  sameBytes(one.digests, other.digests);

const pathOf = ({ names }: ListedFile): string => names.join("/");
