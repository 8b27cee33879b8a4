// A large asset while it is being read: one statement after the other about the first chunks of the same version, each
// signed like any other, so that a crowd can share the beginning before the end is known.

import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { SigningKey } from "../manifest/keys.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { type AssetStatement, knownChunksOf, signedText } from "../protocol/manifest.ts";
import type { ChunkDigests } from "./chunk-digests.ts";

/** Smaller ones are read about as soon as their beginning could be told. */
const LEAST_BYTES = 1024 * 1024;
/** Between two statements: all who ask are told each. */
const PAUSE_MS = 100;
/** Signing looks at the whole statement, so the next one is longer by this share of it. */
const LEAST_SHARE = 1 / 64;

/**
 * Names the version that an answer with these headers is about to bring; `undefined` where it is small, or the origin
 * does not tell versions apart well enough to speak of one unread: by size and a strong ETag (RFC 9110, section 8.8.1).
 */
export function versionOf(url: string, headers: IncomingHttpHeaders): string | undefined {
  const { etag = "W/", "content-length": length, "content-encoding": encoding } = headers;
  const isPlain = encoding === undefined || encoding === "identity";
  if (!isPlain || etag.startsWith("W/") || Number(length ?? 0) < LEAST_BYTES) return undefined;
  const name = JSON.stringify([url, Number(length), etag, headers["last-modified"] ?? null]);
  return createHash("sha256").update(name).digest("base64url");
}

export class Growth {
  readonly #beginning: Omit<AssetStatement, "digests" | "signature">;
  readonly #key: SigningKey;
  readonly #followers = new Set<() => void>();
  #latest: AssetStatement | undefined;
  /** Being signed, or just told. */
  #isResting = false;
  #last: Promise<unknown>;
  #digests: ChunkDigests | undefined;
  #pause: NodeJS.Timeout | undefined;
  /** Resolves when there is a statement, be it about no chunk yet. */
  readonly begun: Promise<unknown>;

  constructor(beginning: Omit<AssetStatement, "digests" | "signature">, key: SigningKey) {
    this.#beginning = beginning;
    this.#key = key;
    this.begun = this.#sign(new Uint8Array());
    this.#last = this.begun;
  }

  /** After `begun`: never undefined. */
  get latest(): AssetStatement | undefined {
    return this.#latest;
  }

  /** Calls back whenever `latest` is another one, until undone. */
  follow(follower: () => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  grew(digests: ChunkDigests): void {
    this.#digests = digests;
    const known = this.#latest === undefined ? 0 : knownChunksOf(this.#latest);
    if (this.#isResting || digests.count - known < Math.max(1, known * LEAST_SHARE)) return;
    this.#isResting = true;
    this.#last = this.#sign(digests.soFar()).then(() => {
      this.#pause = setTimeout(() => {
        this.#isResting = false;
        if (this.#digests !== undefined) this.grew(this.#digests);
      }, PAUSE_MS);
    });
  }

  /** The statement about all of it. */
  async end(digests: Bytes): Promise<AssetStatement> {
    await this.#last;
    clearTimeout(this.#pause);
    return this.#sign(digests);
  }

  async #sign(digests: Bytes): Promise<AssetStatement> {
    const facts = { ...this.#beginning, digests };
    this.#latest = { ...facts, signature: await this.#key.sign(signedText(facts)) };
    for (const follower of this.#followers) follower();
    return this.#latest;
  }
}
