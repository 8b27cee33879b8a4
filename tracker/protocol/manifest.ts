// What the bytes of an asset are, and who says so. One statement an asset, each signed by itself, so that a
// browser can pass a single one on; a published file is a list of them with one head. Types, bounds, parser and
// the exact text that is signed. Hashing and signing themselves are done by whoever has a key or a hasher.

import {
  type Bytes,
  base64url,
  concatenated,
  fromBase64url,
  isBase64url,
  sameBytes,
  utf8,
} from "./bytes.ts";

export const MANIFEST_FORMAT = "shoal/1";

export const DIGEST_BYTES = 32;
/** Uncompressed P-256 point (SEC 1, 2.3.3). */
export const KEY_BYTES = 65;
/** r and s, 32 bytes each: the form WebCrypto uses (IEEE P1363). */
export const SIGNATURE_BYTES = 64;

/**
 * The unit of verification and of `have`. 256 KiB hashes in a third of a millisecond, is stored well in batches
 * of 16, and at 5 Mbit/s arrives in under half a second, so a slow peer is noticed within one chunk.
 */
export const CHUNK_BYTES = 256 * 1024;
export const MIN_CHUNK_BYTES = 1024;
export const MAX_CHUNK_BYTES = 4 * 1024 * 1024;
/** Room for a 16 GiB asset in default chunks; its digests take 2 MiB. */
export const MAX_CHUNKS = 65_536;
export const MAX_ASSETS = 100_000;
export const MAX_MANIFEST_BYTES = 32 * 1024 * 1024;
export const MAX_URL_LENGTH = 2048;
export const MAX_FACT_LENGTH = 256;
/** What an asset may be purged by besides its URL; content systems name every part of a page, some of them hundreds. */
export const MAX_TAGS = 256;
export const MAX_TAG_LENGTH = 128;

/**
 * What an origin says of how long its answer may be used and how to ask whether it changed (RFC 9111, RFC 9213), by
 * field name in lower case, in the order of RFC 8785. Signed, so that no hop can make content younger than it is.
 */
export const CACHING_FIELDS = [
  "age",
  "cache-control",
  "cdn-cache-control",
  "date",
  "etag",
  "expires",
  "last-modified",
  "shoal-cache-control",
] as const;
export type CachingField = (typeof CACHING_FIELDS)[number];
export type CachingHeaders = Readonly<Partial<Record<CachingField, string>>>;

/** One asset, as parsed. `digests` is the SHA-256 of every chunk in order, 32 bytes each; see `version`. */
export interface AssetStatement {
  readonly url: string;
  readonly size: number;
  readonly chunkBytes: number;
  readonly digests: Bytes;
  /** Media type for the answer, for example `video/mp4`. */
  readonly type: string;
  /** As the origin sent them, where the signer read the origin's answer; absent where it read files. */
  readonly headers?: CachingHeaders;
  /**
   * Names the content in place of its digests, so that it has a name before all of them are known: of the first chunks
   * alone, in order, while the signer is still reading. Base64url of 32 bytes that are others for each version of the URL.
   */
  readonly version?: string;
  /** By which it may be purged, in order: what `Cache-Tag` or `Surrogate-Key` said. Absent: none. */
  readonly tags?: readonly string[];
  /** Rises with every publication; a lower one than already seen is refused. Milliseconds since 1970 by default. */
  readonly epoch: number;
  /** The signer's public key, base64url of the uncompressed point. */
  readonly key: string;
  readonly signature: Bytes;
}

export interface PublishedManifest {
  readonly epoch: number;
  readonly key: string;
  readonly assets: readonly AssetStatement[];
}

export const chunkCountOf = (size: number, chunkBytes: number): number =>
  Math.ceil(size / chunkBytes);

/** Chunks whose digests the statement has: all of them, or the first of a version that is still being read. */
export const knownChunksOf = ({ digests }: Pick<AssetStatement, "digests">): number =>
  digests.length / DIGEST_BYTES;

/** Whether its signer has read all of it. */
export const isWhole = (asset: AssetStatement): boolean =>
  knownChunksOf(asset) === chunkCountOf(asset.size, asset.chunkBytes);

/** The digest the statement gives for one chunk; empty if it has none yet. */
export const digestAt = ({ digests }: Pick<AssetStatement, "digests">, index: number): Bytes =>
  digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);

/**
 * What a statement about the same content has beyond one that is known: `more` digests or a later epoch, or that it is
 * about something else after all, because one version turned out to be two.
 */
export function comparedTo(
  known: AssetStatement,
  { url, epoch, digests }: AssetStatement,
): "no more" | "more" | "another" {
  const both = Math.min(known.digests.length, digests.length);
  if (!sameBytes(known.digests.subarray(0, both), digests.subarray(0, both))) return "another";
  if (url !== known.url || digests.length < known.digests.length) return "no more";
  return digests.length > known.digests.length || epoch > known.epoch ? "more" : "no more";
}

/** The last chunk is the rest. */
export const chunkLengthAt = (asset: { size: number; chunkBytes: number }, index: number): number =>
  Math.min(asset.chunkBytes, asset.size - index * asset.chunkBytes);

/** What is signed of an asset, as UTF-8: the JSON of its facts with keys in order (RFC 8785, JCS). */
export function signedText(asset: Omit<AssetStatement, "signature">): Bytes {
  return utf8(
    JSON.stringify({
      chunkBytes: asset.chunkBytes,
      digests: base64url(asset.digests),
      epoch: asset.epoch,
      format: MANIFEST_FORMAT,
      ...(asset.headers === undefined ? {} : { headers: inOrder(asset.headers) }),
      key: asset.key,
      size: asset.size,
      ...(asset.tags === undefined ? {} : { tags: asset.tags }),
      type: asset.type,
      url: asset.url,
      ...(asset.version === undefined ? {} : { version: asset.version }),
    }),
  );
}

function inOrder(headers: CachingHeaders): CachingHeaders {
  const fields = CACHING_FIELDS.filter((field) => headers[field] !== undefined);
  return Object.fromEntries(fields.map((field) => [field, headers[field]]));
}

/**
 * What a content id is the SHA-256 of: size, chunk size and digests, and nothing about names. Two URLs with the
 * same bytes share one swarm and one place in the cache. Where there is a version, it stands for the digests.
 */
export function contentText(
  asset: Pick<AssetStatement, "size" | "chunkBytes" | "digests" | "version">,
): Bytes {
  const sizes = `${MANIFEST_FORMAT} ${asset.size} ${asset.chunkBytes}`;
  if (asset.version !== undefined) return utf8(`${sizes} ${asset.version}\n`);
  return concatenated([utf8(`${sizes}\n`), asset.digests]);
}

/** The file for these assets, all of one epoch and one key, as `parseManifest` reads it. */
export function writeManifest(
  epoch: number,
  key: string,
  assets: readonly AssetStatement[],
): string {
  const entries = assets.map(({ digests, signature, epoch: _epoch, key: _key, ...facts }) =>
    JSON.stringify({
      ...facts,
      digests: base64url(digests),
      signature: base64url(signature),
    }),
  );
  const head = JSON.stringify({ format: MANIFEST_FORMAT, epoch, key }).slice(0, -1);
  return `${head},"assets":[\n${entries.join(",\n")}\n]}\n`;
}

export type ManifestRefusal = {
  readonly ok: false;
  readonly path: string;
  readonly expected: string;
};
export type ParsedManifest =
  | { readonly ok: true; readonly manifest: PublishedManifest }
  | ManifestRefusal;

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isInteger = (value: unknown, least: number, most: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
const no = (path: string, expected: string): ManifestRefusal => ({ ok: false, path, expected });

/** `text` is the file's content, already bounded by `MAX_MANIFEST_BYTES`. Signatures are not checked here. */
export function parseManifest(text: string): ParsedManifest {
  try {
    return manifestOf(JSON.parse(text));
  } catch {
    return no("", "JSON");
  }
}

/** The same for a text that is already read as JSON. */
export function manifestOf(file: unknown): ParsedManifest {
  if (!isFields(file)) return no("", "an object");
  const { format, epoch, key, assets } = file;
  if (format !== MANIFEST_FORMAT) return no("format", `"${MANIFEST_FORMAT}"`);
  if (!isInteger(epoch, 0, Number.MAX_SAFE_INTEGER)) return no("epoch", "a whole number");
  if (typeof key !== "string" || !isBase64url(key, KEY_BYTES)) {
    return no("key", "a P-256 public key, base64url");
  }
  if (!Array.isArray(assets) || assets.length > MAX_ASSETS) {
    return no("assets", `a list of at most ${MAX_ASSETS}`);
  }
  const parsed: AssetStatement[] = [];
  const urls = new Set<string>();
  for (const [index, entry] of assets.entries()) {
    const asset = assetOf(entry, epoch, key, `assets[${index}]`);
    if ("ok" in asset) return asset;
    if (urls.has(asset.url)) return no(`assets[${index}].url`, "each URL once");
    urls.add(asset.url);
    parsed.push(asset);
  }
  return { ok: true, manifest: { epoch, key, assets: parsed } };
}

function assetOf(
  entry: unknown,
  epoch: number,
  key: string,
  path: string,
): AssetStatement | ManifestRefusal {
  if (!isFields(entry)) return no(path, "an object");
  const { url, size, chunkBytes, digests, type, headers, tags, version, signature } = entry;
  if (!isUrl(url)) {
    return no(`${path}.url`, "an absolute http(s) URL without fragment");
  }
  if (!isInteger(chunkBytes, MIN_CHUNK_BYTES, MAX_CHUNK_BYTES)) {
    return no(`${path}.chunkBytes`, `${MIN_CHUNK_BYTES} to ${MAX_CHUNK_BYTES}`);
  }
  if (!isInteger(size, 0, chunkBytes * MAX_CHUNKS)) {
    return no(`${path}.size`, `a whole number of at most ${MAX_CHUNKS} chunks`);
  }
  if (version !== undefined && !isVersion(version)) {
    return no(`${path}.version`, "32 bytes, base64url");
  }
  const hashes = typeof digests === "string" ? fromBase64url(digests) : undefined;
  const whole = chunkCountOf(size, chunkBytes) * DIGEST_BYTES;
  const isBeginning = hashes && hashes.length < whole && hashes.length % DIGEST_BYTES === 0;
  if (hashes?.length !== whole && !(version !== undefined && isBeginning)) {
    return no(`${path}.digests`, "one SHA-256 a chunk, base64url of all in a row");
  }
  if (!isFact(type)) return no(`${path}.type`, "a media type");
  if (headers !== undefined && !isCachingHeaders(headers)) {
    return no(`${path}.headers`, "the origin's caching fields");
  }
  if (tags !== undefined && !isTags(tags)) {
    return no(`${path}.tags`, `1 to ${MAX_TAGS} tags`);
  }
  const signed = typeof signature === "string" ? fromBase64url(signature) : undefined;
  if (signed?.length !== SIGNATURE_BYTES) {
    return no(`${path}.signature`, "an ECDSA P-256 signature, base64url");
  }
  return {
    url,
    size,
    chunkBytes,
    digests: hashes,
    type,
    ...(headers === undefined ? {} : { headers }),
    ...(tags === undefined ? {} : { tags }),
    ...(version === undefined ? {} : { version }),
    epoch,
    key,
    signature: signed,
  };
}

const isVersion = (value: unknown): value is string =>
  typeof value === "string" && isBase64url(value, DIGEST_BYTES);

/** Short and printable: what may be said of an asset besides its bytes. */
export const isFact = (value: unknown): value is string =>
  typeof value === "string" && value.length <= MAX_FACT_LENGTH && !/[^\x20-\x7e]/.test(value);

function isCachingHeaders(value: unknown): value is CachingHeaders {
  if (!isFields(value)) return false;
  const known: readonly string[] = CACHING_FIELDS;
  return Object.entries(value).every(([name, fact]) => known.includes(name) && isFact(fact));
}

/** Absolute, http or https, without fragment. */
export const isUrl = (value: unknown): value is string =>
  typeof value === "string" && value.length <= MAX_URL_LENGTH && /^https?:\/\/[^#\s]+$/.test(value);

/** Printable, without the space and comma that separate tags in `Cache-Tag` and `Surrogate-Key`. */
export const isTag = (value: unknown): value is string =>
  typeof value === "string" && value.length <= MAX_TAG_LENGTH && /^[!-+\--~]+$/.test(value);

const isTags = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.length <= MAX_TAGS && value.every(isTag);
