// What happened, as one hash over everything and the last lines in words. Two runs of one seed have one hash (I7).

import { createHash } from "node:crypto";
import type { Millis } from "../../client/core/vocabulary.ts";

/** Enough to see what led to a failure. */
const REMEMBERED = 60;
/** Lines are hashed so many at a time: a call a line costs more than the line. */
const BATCH = 1024;

export class Trace {
  readonly #hash = createHash("sha256");
  #lines: string[] = [];
  #last: string[] = [];
  readonly #counts = new Map<string, number>();

  add(at: Millis, who: string, what: string, detail: string | number = ""): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
    this.#lines.push(`${Math.round(at * 1000)} ${who} ${what} ${detail}`);
    if (this.#lines.length >= BATCH) this.#absorb();
  }

  /** How often something happened: a test asserts that its fault really did. */
  count(what: string): number {
    return this.#counts.get(what) ?? 0;
  }
  get hash(): string {
    this.#absorb();
    return this.#hash.copy().digest("hex");
  }
  /** The last lines; their times are in microseconds. */
  get last(): string {
    return [...this.#last, ...this.#lines].slice(-REMEMBERED).join("\n");
  }

  #absorb(): void {
    if (this.#lines.length === 0) return;
    this.#hash.update(`${this.#lines.join("\n")}\n`);
    this.#last = [...this.#last, ...this.#lines].slice(-REMEMBERED);
    this.#lines = [];
  }
}
