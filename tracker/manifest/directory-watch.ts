// Notices that something happens in directories, by the system's own notifications. A hint and no more: who wants to know
// what is there looks himself, and looks now and then without a hint too, because network file systems give none. Owns
// its watchers; `close` ends them.

import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";

/** Linux allows a user 8,192 watches and more (inotify(7), max_user_watches); others want some too. */
const MOST_DIRECTORIES = 1000;
/** Names remembered; behind that all are forgotten, and files that just came are waited for like others. */
const MOST_NAMES = 10_000;

/**
 * Whether a file that comes without a notification of writing was moved into its place. So it is with inotify; other
 * systems put several things that happen in a row into one notification.
 */
const TELLS_WRITES = process.platform === "linux";

export interface DirectoryWatch {
  /** From now on these, and no others. `new`: some were not watched before; `missing`: some cannot be. */
  follow(directories: readonly string[]): "same" | "new" | "missing";
  /** Whether this file was moved into its place whole and has not been written to since, as far as is known. */
  wasMovedIn(file: string): boolean;
  close(): void;
}

/** `happened` is called for everything in them, often several times. */
export function watchDirectories(happened: () => void): DirectoryWatch {
  const watchers = new Map<string, FSWatcher>();
  const movedIn = new Set<string>();

  function begin(directory: string): boolean {
    try {
      const watcher = watch(directory, { persistent: false }, (type, name) => {
        if (name !== null && TELLS_WRITES) {
          const file = join(directory, name);
          if (movedIn.size >= MOST_NAMES) movedIn.clear();
          if (type === "rename") movedIn.add(file);
          else movedIn.delete(file);
        }
        happened();
      });
      // The directory is gone, or no watch can be had: looking without a hint finds out which.
      watcher.on("error", () => end(directory));
      watchers.set(directory, watcher);
      return true;
    } catch {
      return false;
    }
  }

  function end(directory: string): void {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  }

  return {
    follow(directories) {
      const wanted = new Set(directories.slice(0, MOST_DIRECTORIES));
      for (const directory of [...watchers.keys()]) if (!wanted.has(directory)) end(directory);
      let outcome: "same" | "new" | "missing" = "same";
      for (const directory of wanted) {
        if (watchers.has(directory)) continue;
        if (!begin(directory)) return "missing";
        outcome = "new";
      }
      return wanted.size < directories.length ? "missing" : outcome;
    },
    wasMovedIn: (file) => movedIn.has(file),
    close() {
      for (const directory of [...watchers.keys()]) end(directory);
    },
  };
}
