// A directory becomes a published manifest: files found, hashed a few at a time, signed one by one, listed in the order
// of their names. Owns concurrency and bounds. Prints nothing and knows no flags; what it returns has passed the parser
// that browsers use.

import type { Stats } from "node:fs";
import type { Bytes } from "../protocol/bytes.ts";
import {
  type AssetStatement,
  CHUNK_BYTES,
  MAX_ASSETS,
  MAX_CHUNK_BYTES,
  MAX_MANIFEST_BYTES,
  parseManifest,
  signedText,
  writeManifest,
} from "../protocol/manifest.ts";
import { directoryNamesOf, mediaTypeOf, urlOf } from "./address.ts";
import { fileDigests } from "./file-digests.ts";
import type { SigningKey } from "./keys.ts";
import { type ListedFile, listing, type SkippedEntry } from "./listing.ts";
import { PublishError } from "./publish-error.ts";

export interface PublishNeeds {
  readonly key: SigningKey;
  /** Called often; cheap work only. */
  readonly progress?: (now: PublishProgress) => void;
  /** Stops between two chunks; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface PublishSettings {
  readonly directory: string;
  /** A directory URL: ends with a slash, has no query. */
  readonly baseUrl: URL;
  readonly epoch: number;
  readonly chunkBytes?: number;
  /** Files of the directory that are not content: the manifest itself, a key. */
  readonly isLeftOut?: (facts: Stats) => boolean;
}

export interface PublishProgress {
  readonly bytes: number;
  readonly totalBytes: number;
  readonly files: number;
  readonly totalFiles: number;
}

export interface Publication {
  /** The manifest, ready to be written. */
  readonly text: string;
  readonly assets: number;
  readonly files: number;
  readonly bytes: number;
  readonly skipped: readonly SkippedEntry[];
}

/**
 * Files read at once. Node has four threads for files, so more would only queue; each reader keeps one buffer of
 * `MAX_CHUNK_BYTES`, which bounds memory at 16 MiB whatever the files are.
 */
const READERS = 4;

export async function publish(
  settings: PublishSettings,
  { key, progress, signal }: PublishNeeds,
): Promise<Publication> {
  const { directory, baseUrl, epoch, chunkBytes = CHUNK_BYTES, isLeftOut = () => false } = settings;
  const { files, skipped } = await listing(directory, isLeftOut);
  const totalBytes = files.reduce((sum, file) => sum + file.size, 0);
  const done = new Map<ListedFile, readonly AssetStatement[]>();
  const stop = new AbortController();
  const stopToo = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", stopToo);
  if (signal?.aborted) stopToo();
  let bytes = 0;
  const tell = () => progress?.({ bytes, totalBytes, files: done.size, totalFiles: files.length });

  async function statement(
    names: readonly string[],
    facts: Pick<AssetStatement, "size" | "chunkBytes" | "digests" | "type">,
  ): Promise<AssetStatement> {
    const url = urlOf(baseUrl, names);
    if (url === undefined) {
      throw new PublishError(`The URL of ${names.join("/")} is longer than a manifest allows.`);
    }
    const unsigned = { ...facts, url, epoch, key: key.publicKey };
    return { ...unsigned, signature: await key.sign(signedText(unsigned)) };
  }

  async function statements({ file, names }: ListedFile, buffer: Bytes) {
    const digests = await fileDigests(file, chunkBytes, {
      buffer,
      signal: stop.signal,
      read: (count) => {
        bytes += count;
        tell();
      },
    });
    const facts = { ...digests, type: mediaTypeOf(names.at(-1) ?? "") };
    const places = [names, directoryNamesOf(names)].filter((place) => place !== undefined);
    return Promise.all(places.map((place) => statement(place, facts)));
  }

  let next = 0;
  async function reader() {
    const buffer = new Uint8Array(MAX_CHUNK_BYTES);
    for (let listed = files[next++]; listed !== undefined; listed = files[next++]) {
      stop.signal.throwIfAborted();
      done.set(listed, await statements(listed, buffer));
      tell();
    }
  }
  // All readers have closed their files before this function settles, whatever happened to one of them.
  const readers = Array.from({ length: Math.min(READERS, files.length) }, reader);
  for (const one of readers) one.catch((error: unknown) => stop.abort(error));
  await Promise.allSettled(readers);
  signal?.removeEventListener("abort", stopToo);
  stop.signal.throwIfAborted();

  const assets = files.flatMap((listed) => done.get(listed) ?? []);
  return {
    text: checkedText(writeManifest(epoch, key.publicKey, assets), assets.length),
    assets: assets.length,
    files: files.length,
    bytes,
    skipped,
  };
}

/** What a browser would refuse is refused here, with the reason. */
function checkedText(text: string, assets: number): string {
  if (assets > MAX_ASSETS) {
    throw new PublishError(
      `The directory has ${assets} URLs, and a manifest at most ${MAX_ASSETS}; publish it in several parts.`,
    );
  }
  if (Buffer.byteLength(text) > MAX_MANIFEST_BYTES) {
    throw new PublishError(
      `The manifest has more than ${MAX_MANIFEST_BYTES} bytes; publish in several parts or in larger chunks.`,
    );
  }
  const parsed = parseManifest(text);
  if (!parsed.ok) {
    throw new PublishError(`The manifest is not right: ${parsed.path} must be ${parsed.expected}.`);
  }
  return text;
}
