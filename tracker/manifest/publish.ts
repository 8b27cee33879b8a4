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
import { type FileDigests, fileDigests } from "./file-digests.ts";
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

export async function publish(
  settings: PublishSettings,
  { key, ...needs }: PublishNeeds,
): Promise<Publication> {
  const { directory, baseUrl, epoch, chunkBytes = CHUNK_BYTES, isLeftOut = () => false } = settings;
  const { files, skipped } = await listing(directory, isLeftOut);
  const digests = await readFiles(files, chunkBytes, needs);
  const signed = files.map(async (listed) => {
    const facts = digests.get(listed);
    return facts === undefined ? [] : statements(listed, facts, { baseUrl, epoch, key });
  });
  const assets = (await Promise.all(signed)).flat();
  let bytes = 0;
  for (const { size } of digests.values()) bytes += size;
  const text = manifestText(epoch, key, assets);
  return { text, assets: assets.length, files: files.length, bytes, skipped };
}

/**
 * Files read at once. Node has four threads for files, so more would only queue; each reader keeps one buffer of
 * `MAX_CHUNK_BYTES`, which bounds memory at 16 MiB whatever the files are.
 */
const READERS = 4;

/** What is asked of `readFiles`. `unreadable`: told of a file that is left out then; without it, such a file is the end. */
export interface ReadNeeds extends Omit<PublishNeeds, "key"> {
  readonly unreadable?: (file: ListedFile, error: PublishError) => void;
}

/** The digests of all these files. When it settles, all of them are closed, whatever happened to one. */
export async function readFiles(
  files: readonly ListedFile[],
  chunkBytes: number,
  { progress, signal, unreadable }: ReadNeeds,
): Promise<ReadonlyMap<ListedFile, FileDigests>> {
  const totalBytes = files.reduce((sum, file) => sum + file.size, 0);
  const done = new Map<ListedFile, FileDigests>();
  const stop = new AbortController();
  const stopToo = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", stopToo);
  if (signal?.aborted) stopToo();
  let bytes = 0;
  const tell = () => progress?.({ bytes, totalBytes, files: done.size, totalFiles: files.length });

  async function read(listed: ListedFile, buffer: Bytes): Promise<void> {
    const room = {
      buffer,
      signal: stop.signal,
      read: (count: number) => {
        bytes += count;
        tell();
      },
    };
    try {
      done.set(listed, await fileDigests(listed.file, chunkBytes, room));
    } catch (error) {
      if (unreadable === undefined || !(error instanceof PublishError)) throw error;
      unreadable(listed, error);
    }
    tell();
  }

  let next = 0;
  async function reader() {
    const buffer = new Uint8Array(MAX_CHUNK_BYTES);
    for (let listed = files[next++]; listed !== undefined; listed = files[next++]) {
      stop.signal.throwIfAborted();
      await read(listed, buffer);
    }
  }
  const readers = Array.from({ length: Math.min(READERS, files.length) }, reader);
  for (const one of readers) one.catch((error: unknown) => stop.abort(error));
  await Promise.allSettled(readers);
  signal?.removeEventListener("abort", stopToo);
  stop.signal.throwIfAborted();
  return done;
}

/** What is said of one file, once for each URL that it has. */
export async function statements(
  { names }: ListedFile,
  facts: FileDigests,
  by: { readonly baseUrl: URL; readonly epoch: number; readonly key: SigningKey },
): Promise<readonly AssetStatement[]> {
  const { baseUrl, epoch, key } = by;
  const places = [names, directoryNamesOf(names)].filter((place) => place !== undefined);
  return Promise.all(
    places.map(async (place) => {
      const url = urlOf(baseUrl, place);
      if (url === undefined) {
        const path = place.join("/");
        throw new PublishError(
          "publish/long-url",
          `The URL of ${path} is longer than a manifest allows.`,
        );
      }
      const type = mediaTypeOf(names.at(-1) ?? "");
      const unsigned = { ...facts, type, url, epoch, key: key.publicKey };
      return { ...unsigned, signature: await key.sign(signedText(unsigned)) };
    }),
  );
}

/** The manifest over these; what a browser would refuse is refused here, with the reason. */
export function manifestText(
  epoch: number,
  key: SigningKey,
  assets: readonly AssetStatement[],
): string {
  if (assets.length > MAX_ASSETS) {
    throw new PublishError(
      "publish/too-many",
      `The directory has ${assets.length} URLs, and a manifest at most ${MAX_ASSETS}; publish it in several parts.`,
    );
  }
  const text = writeManifest(epoch, key.publicKey, assets);
  if (Buffer.byteLength(text) > MAX_MANIFEST_BYTES) {
    throw new PublishError(
      "publish/too-large",
      `The manifest has more than ${MAX_MANIFEST_BYTES} bytes; publish in several parts or in larger chunks.`,
    );
  }
  const parsed = parseManifest(text);
  if (!parsed.ok) {
    throw new PublishError(
      "publish/malformed",
      `The manifest is not right: ${parsed.path} must be ${parsed.expected}.`,
    );
  }
  return text;
}
