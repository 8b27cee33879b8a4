// The SHA-256 of every chunk of one file, read once from front to back in constant memory. Notices a file that changes
// under its hands and reads it again, once. Never writes, never follows names: it is told which file.

import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import type { Bytes } from "../protocol/bytes.ts";
import { chunkCountOf, DIGEST_BYTES, MAX_CHUNK_BYTES, MAX_CHUNKS } from "../protocol/manifest.ts";
import { PublishError } from "./publish-error.ts";

export interface FileDigests {
  readonly size: number;
  readonly chunkBytes: number;
  /** In order, 32 bytes each. */
  readonly digests: Bytes;
}

export interface ReadingRoom {
  /** At least `MAX_CHUNK_BYTES`; overwritten at will, so no two readings may share one. */
  readonly buffer: Bytes;
  readonly signal?: AbortSignal;
  /** Bytes read since the last call; negative when a changed file starts over. */
  readonly read?: (bytes: number) => void;
}

/**
 * A file that will not fit in `MAX_CHUNKS` gets chunks twice as large, and so on up to `MAX_CHUNK_BYTES`.
 * `undefined`: too large even so.
 */
export function chunkBytesFor(size: number, least: number): number | undefined {
  let chunkBytes = least;
  while (chunkCountOf(size, chunkBytes) > MAX_CHUNKS) {
    if (chunkBytes >= MAX_CHUNK_BYTES) return undefined;
    chunkBytes = Math.min(chunkBytes * 2, MAX_CHUNK_BYTES);
  }
  return chunkBytes;
}

/** A build that is still writing settles within one reading or is a mistake: two tries, then a sentence. */
const TRIES = 2;

export async function fileDigests(
  file: string,
  leastChunkBytes: number,
  room: ReadingRoom,
): Promise<FileDigests> {
  for (let tries = 0; tries < TRIES; tries++) {
    const digests = await oneReading(file, leastChunkBytes, room);
    if (digests !== undefined) return digests;
  }
  throw new PublishError(
    "publish/changing",
    `${file} changed while it was being read; publish again when nothing writes to it.`,
  );
}

/** `undefined` when the file was not the same at the end as at the beginning. */
async function oneReading(
  file: string,
  leastChunkBytes: number,
  room: ReadingRoom,
): Promise<FileDigests | undefined> {
  const handle = await open(file, "r").catch((error: unknown) => {
    throw new PublishError("publish/unreadable", `${file} cannot be read (${codeOf(error)}).`);
  });
  let counted = 0;
  try {
    const before = await handle.stat({ bigint: true });
    const size = Number(before.size);
    const chunkBytes = chunkBytesFor(size, leastChunkBytes);
    if (chunkBytes === undefined) {
      const most = (MAX_CHUNKS * MAX_CHUNK_BYTES) / 1024 ** 3;
      throw new PublishError(
        "publish/too-large",
        `${file} has more than ${most} GiB, the most a manifest can describe.`,
      );
    }
    const digests = new Uint8Array(chunkCountOf(size, chunkBytes) * DIGEST_BYTES);
    let at = 0;
    while (at < size) {
      room.signal?.throwIfAborted();
      const want = Math.min(chunkBytes, size - at);
      const got = await filled(handle, room.buffer.subarray(0, want), at);
      counted += got;
      room.read?.(got);
      if (got < want) break;
      const digest = createHash("sha256").update(room.buffer.subarray(0, want)).digest();
      digests.set(digest, (at / chunkBytes) * DIGEST_BYTES);
      at += want;
    }
    // By name, too: a build tool that replaces the file leaves the open one untouched.
    const same =
      at === size &&
      isSame(before, await handle.stat({ bigint: true })) &&
      isSame(before, await stat(file, { bigint: true }).catch(() => undefined));
    if (same) return { size, chunkBytes, digests };
    room.read?.(-counted);
    return undefined;
  } finally {
    await handle.close();
  }
}

/** Reads until `target` is full or the file ends; a single read may be short. */
async function filled(handle: FileHandle, target: Bytes, position: number): Promise<number> {
  let got = 0;
  while (got < target.length) {
    const { bytesRead } = await handle.read(target, got, target.length - got, position + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}

const isSame = (one: BigIntStats, other: BigIntStats | undefined): boolean =>
  one.size === other?.size &&
  one.mtimeNs === other.mtimeNs &&
  one.ino === other.ino &&
  one.dev === other.dev;

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
