// The published manifest as a file: reading the one that is there, and replacing it in one step, so that a web server
// never sends half of one. Never overwrites a file that is not a manifest.

import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { mkdir, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { type PublishedManifest, parseManifest } from "../protocol/manifest.ts";
import { PublishError } from "./publish-error.ts";

/** Where a client looks for it, below the root of the site. */
export const DEFAULT_PLACE: readonly string[] = [".well-known", "shoal.json"];

/** `undefined` when there is no such file yet. */
export async function existingManifest(file: string): Promise<PublishedManifest | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new PublishError("publish/unreadable", `${file} cannot be read (${codeOf(error)}).`);
  }
  const parsed = parseManifest(text);
  if (parsed.ok) return parsed.manifest;
  throw new PublishError(
    "publish/not-a-manifest",
    `${file} exists and is not a manifest; move it away or write elsewhere.`,
  );
}

/** Always later than what browsers have already seen, even when a clock went back. */
export function nextEpoch(
  now: number,
  existing: Pick<PublishedManifest, "epoch"> | undefined,
): number {
  return existing === undefined ? now : Math.max(now, existing.epoch + 1);
}

/** All or nothing; `signal` is asked for the last time right before the new file takes its place. */
export async function replaceFile(file: string, text: string, signal?: AbortSignal): Promise<void> {
  const folder = dirname(file);
  // Hidden, so that neither a listing nor a careful web server shows it, and beside the target: a rename does not cross disks.
  const draft = join(folder, `.${basename(file)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(draft, "wx", 0o644);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    signal?.throwIfAborted();
    await rename(draft, file);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new PublishError("publish/unwritable", `${file} cannot be written (${codeOf(error)}).`);
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
}

/** Whether this file, there yet or not, lies in the directory, by whatever links. Rejects where its own one is not there. */
export async function wouldBePublished(directory: string, file: string): Promise<boolean> {
  const root = await realpath(directory).catch(() => resolve(directory));
  const home = await realpath(dirname(resolve(file)));
  const place = relative(root, join(home, basename(file)));
  return place !== ".." && !place.startsWith(`..${sep}`) && !isAbsolute(place);
}

/** Recognises files by device and inode, so that links to them are left out as well. */
export async function recogniserOf(files: readonly string[]): Promise<(facts: Stats) => boolean> {
  const known = new Set<string>();
  const idOf = (facts: Stats): string => `${facts.dev}:${facts.ino}`;
  for (const file of files) {
    const facts = await stat(file).catch(() => undefined);
    if (facts !== undefined) known.add(idOf(facts));
  }
  return (facts) => known.has(idOf(facts));
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
