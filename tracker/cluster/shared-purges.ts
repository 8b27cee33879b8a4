// Purges among nodes: what was purged with a key lies in one place that all nodes of the key read and replace, so that
// they know the same in the same order. A node that starts, or comes back, gives what it knows and takes what it does
// not. Knows no Redis: the place is handed in. Losing it costs time alone: what was purged meanwhile is exchanged later.

import type { Log } from "../log.ts";
import { isPurgeRecord, type PurgeRecord } from "../protocol/purge.ts";
import { PurgeFileError, type PurgeLog } from "../purge/purge-log.ts";

/** Both may reject, and must do so soon: whoever purges meanwhile waits. */
export interface Board {
  /** Empty when there is nothing. */
  read(): Promise<string>;
  /** Puts `text` in the place of `was` and says so to all nodes; `false`: it is not what is there any more. */
  replace(was: string, text: string): Promise<boolean>;
}
export interface SharedPurgesNeeds {
  readonly book: PurgeLog;
  readonly board: Board;
  readonly log: Log;
  /** These have come from other nodes just now. */
  learned(records: readonly PurgeRecord[]): void;
}

/** Somebody else may be first each time, but not for long: each has something to say once. */
const MOST_ATTEMPTS = 16;

export class SharedPurges {
  readonly #needs: SharedPurgesNeeds;
  /** The exchange under way, and the one that is to follow it. */
  #running: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;

  constructor(needs: SharedPurgesNeeds) {
    this.#needs = needs;
  }

  /**
   * Everything that holds when this is called can be known by the other nodes when it resolves with `true`, and what they
   * had is ours. Never rejects.
   */
  exchange(): Promise<boolean> {
    if (this.#running === undefined) return this.#start();
    // The one under way may have looked before; one more sees everything, for all who ask meanwhile.
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#start();
    });
    return this.#next;
  }

  #start(): Promise<boolean> {
    this.#running = this.#exchange()
      .catch((error: unknown) => {
        // What Redis says may name hosts and users.
        const message =
          error instanceof PurgeFileError ? error.message : "Redis did not take them; later.";
        this.#needs.log("error", "purges-not-exchanged", { message });
        return false;
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #exchange(): Promise<boolean> {
    const { book, board, learned } = this.#needs;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const was = await board.read();
      const theirs = recordsOf(was);
      const fresh = await book.merge(theirs, async (all) =>
        isSame(all, theirs) ? true : board.replace(was, JSON.stringify(all)),
      );
      if (fresh === undefined) continue;
      if (fresh.length > 0) learned(fresh);
      return true;
    }
    return false;
  }
}

/** The same purge may have been signed by two nodes, and signatures differ every time. */
const isSame = (some: readonly PurgeRecord[], others: readonly PurgeRecord[]): boolean =>
  some.length === others.length &&
  some.every(({ epoch, scope, what, soft }, at) => {
    const other = others[at];
    return (
      other?.epoch === epoch && other.scope === scope && other.what === what && other.soft === soft
    );
  });

/** Nothing of what is not ours, or of another version: it is replaced by what we know. */
function recordsOf(text: string): readonly PurgeRecord[] {
  try {
    const values: unknown = JSON.parse(text);
    return Array.isArray(values) ? values.filter(isPurgeRecord) : [];
  } catch {
    return [];
  }
}
