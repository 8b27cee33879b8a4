// What happened, as one hash over everything and the last lines in words. Two runs of one seed have one hash (I7).

import { createHash } from "node:crypto";
import type { Millis } from "../../client/core/vocabulary.ts";

/** Enough to see what led to a failure. */
const REMEMBERED = 60;

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #lines: string[] = [];
  readonly #counts = new Map<string, number>();

  add(at: Millis, who: string, what: string, detail = ""): void {
    const line = `${at.toFixed(3)} ${who} ${what} ${detail}`;
    this.#hash.update(line);
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
    this.#lines.push(line);
    if (this.#lines.length > 2 * REMEMBERED) this.#lines.splice(0, REMEMBERED);
  }

  /** How often something happened: a test asserts that its fault really did. */
  count(what: string): number {
    return this.#counts.get(what) ?? 0;
  }
  get hash(): string {
    return this.#hash.copy().digest("hex");
  }
  get last(): string {
    return this.#lines.slice(-REMEMBERED).join("\n");
  }
}
