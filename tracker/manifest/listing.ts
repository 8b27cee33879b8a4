// What of a directory is published: its regular files, in an order that is the same on every machine. Owns the rules
// on hidden names and symbolic links. Never reads a file's content, never leaves the directory.

import type { Dirent, Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { MAX_ASSETS } from "../protocol/manifest.ts";
import { PublishError } from "./publish-error.ts";

export interface ListedFile {
  /** Where to read it. */
  readonly file: string;
  /** Its place below the directory, as names. */
  readonly names: readonly string[];
  readonly size: number;
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

  async function walk(at: string, names: readonly string[], above: readonly string[]) {
    const entries = await readdir(at, { withFileTypes: true });
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
    const facts = await stat(real);
    if (facts.isDirectory()) {
      if (above.includes(real)) skipped.push({ file, why: "link leads in a circle" });
      else await walk(real, names, [...above, real]);
    } else if (!facts.isFile()) {
      skipped.push({ file, why: "not a file" });
    } else if (!isLeftOut(facts)) {
      // Directories that link to each other can be walked in more ways than anyone has time for.
      if (files.length >= MAX_ASSETS) {
        throw new PublishError(
          `${directory} has more than ${MAX_ASSETS} files; publish it in several parts.`,
        );
      }
      files.push({ file: real, names, size: facts.size });
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
  return { files, skipped };
}

const isHidden = (name: string): boolean => name.startsWith(".") && name !== SHOWN_DIRECTORY;
