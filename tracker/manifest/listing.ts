// What of a directory is published: its regular files, in an order that is the same on every machine. Owns the rules
// on hidden names and symbolic links. Never reads a file's content, never leaves the directory.

import { type Dirent, type Stats, statSync } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { MAX_ASSETS } from "../protocol/manifest.ts";
import { PublishError } from "./publish-error.ts";

export interface ListedFile {
  /** Where to read it. */
  readonly file: string;
  /** Its place below the directory, as names. */
  readonly names: readonly string[];
  readonly size: number;
  readonly modifiedMs: number;
  /** Another one when the file was written to or replaced. */
  readonly stamp: string;
}

export interface SkippedEntry {
  readonly file: string;
  readonly why:
    | "link leads outside"
    | "link leads nowhere"
    | "link leads in a circle"
    | "link leads to a hidden file"
    | "not a file";
}

export interface Listing {
  readonly files: readonly ListedFile[];
  /** Worth telling the publisher; hidden files are left out on purpose and not told. */
  readonly skipped: readonly SkippedEntry[];
  /** Every directory that was looked into. */
  readonly directories: readonly string[];
}

/** The one hidden directory that is there to be fetched (RFC 8615). */
const SHOWN_DIRECTORY = ".well-known";

/**
 * 1. Names that begin with a dot are private (`.git`, `.env`), except `.well-known`.
 * 2. A link is followed to a file or directory inside `directory` that is itself not hidden; others are skipped.
 * 3. `isLeftOut` sees device and inode, so that a file cannot be published under a second name either.
 * 4. Order is by UTF-16 units of each name, files and directories alike; the locale has no say.
 */
export async function listing(
  directory: string,
  isLeftOut: (facts: Stats) => boolean,
): Promise<Listing> {
  const root = await realpath(directory);
  const files: ListedFile[] = [];
  const skipped: SkippedEntry[] = [];
  const directories: string[] = [];

  async function walk(at: string, names: readonly string[], above: readonly string[]) {
    const entries = await readdir(at, { withFileTypes: true });
    directories.push(at);
    entries.sort((one, other) => (one.name < other.name ? -1 : 1));
    for (const entry of entries) {
      if (isHidden(entry.name)) continue;
      await visit(entry, join(at, entry.name), [...names, entry.name], above);
    }
  }

  async function visit(
    entry: Dirent,
    file: string,
    names: readonly string[],
    above: readonly string[],
  ) {
    const real = entry.isSymbolicLink() ? await linkTarget(file) : file;
    if (typeof real !== "string") {
      skipped.push({ file, why: real.why });
      return;
    }
    // In step, because a thousand trips through a pool of threads take twenty times as long, and nobody waits meanwhile.
    const facts = statSync(real, { throwIfNoEntry: false });
    // Deleted a moment ago, as the old segments of a live stream are.
    if (facts === undefined) return;
    if (facts.isDirectory()) {
      if (above.includes(real)) skipped.push({ file, why: "link leads in a circle" });
      else await walk(real, names, [...above, real]);
    } else if (!facts.isFile()) {
      skipped.push({ file, why: "not a file" });
    } else if (!isLeftOut(facts)) {
      // Directories that link to each other can be walked in more ways than anyone has time for.
      if (files.length >= MAX_ASSETS) {
        throw new PublishError(
          "publish/too-many",
          `${directory} has more than ${MAX_ASSETS} files; publish it in several parts.`,
        );
      }
      const { size, mtimeMs } = facts;
      const stamp = `${facts.dev}:${facts.ino}:${size}:${mtimeMs}`;
      files.push({ file: real, names, size, modifiedMs: mtimeMs, stamp });
    }
  }

  async function linkTarget(file: string): Promise<string | Pick<SkippedEntry, "why">> {
    let real: string;
    try {
      real = await realpath(file);
    } catch {
      return { why: "link leads nowhere" };
    }
    const inside = relative(root, real);
    if (inside === ".." || inside.startsWith(`..${sep}`) || join(root, inside) !== real) {
      return { why: "link leads outside" };
    }
    if (inside.split(sep).some(isHidden)) return { why: "link leads to a hidden file" };
    return real;
  }

  await walk(root, [], [root]);
  return { files, skipped, directories };
}

const isHidden = (name: string): boolean => name.startsWith(".") && name !== SHOWN_DIRECTORY;
