// Asks the origin whether it still has the version that this browser knows: one conditional request for all who want to
// know of a URL, and none for a while once that has failed. Judges nothing else.

import { sameBytes } from "../../../tracker/protocol/bytes.ts";
import type { Clock, Hasher, Origin, Random, Validators } from "../ports.ts";
import type { CachingFields, Content, Millis } from "../vocabulary.ts";
import { readWhole } from "./whole-read.ts";

/** About a URL whose origin failed nothing is asked for this, and up to half as long again, so that not all come back together. */
const REST: Millis = 5000;

/** URLs that are at rest; with more of them all are asked about again. */
const MOST_RESTING = 1000;

/** `same` has what the origin says of it now. `away`: no answer, or 5xx. */
export type Verdict =
  | { readonly kind: "same"; readonly headers: CachingFields }
  | { readonly kind: "other" | "away" };

export interface ValidationNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Hasher;
  readonly origin: Origin;
}

export class Validation {
  readonly #needs: ValidationNeeds;
  readonly #open = new Map<string, Promise<Verdict>>();
  readonly #restUntil = new Map<string, Millis>();

  constructor(needs: ValidationNeeds) {
    this.#needs = needs;
  }

  /** Never rejects. `validators`: at least one. */
  ask(content: Content, validators: Validators): Promise<Verdict> {
    const { url } = content.asset;
    const open =
      this.#open.get(url) ??
      this.#ask(content, validators).finally(() => {
        this.#open.delete(url);
      });
    this.#open.set(url, open);
    return open;
  }

  async #ask(content: Content, unless: Validators): Promise<Verdict> {
    const { clock, random } = this.#needs;
    const { url } = content.asset;
    if (clock.now() < (this.#restUntil.get(url) ?? 0)) return { kind: "away" };
    const verdict = await this.#answer(content, unless);
    if (verdict.kind === "away") {
      if (this.#restUntil.size >= MOST_RESTING) this.#restUntil.clear();
      this.#restUntil.set(url, clock.now() + REST * (1 + random.unit() / 2));
    }
    return verdict;
  }

  async #answer({ asset, chunkCount }: Content, unless: Validators): Promise<Verdict> {
    // A new name for the same bytes (files copied to a new server) shows in a small one's body.
    const most = chunkCount === 1 ? asset.size : 0;
    const answer = await readWhole(this.#needs, { url: asset.url, unless }, most);
    switch (answer.kind) {
      case "unreachable":
        return { kind: "away" };
      case "too-large":
        return { kind: "other" };
      case "status":
        if (answer.status === 304) return { kind: "same", headers: answer.headers };
        return { kind: answer.status >= 500 ? "away" : "other" };
      case "bytes": {
        const digest = await this.#needs.hasher.sha256(answer.bytes);
        const isSame = sameBytes(digest, asset.digests);
        return isSame ? { kind: "same", headers: answer.headers } : { kind: "other" };
      }
    }
  }
}
