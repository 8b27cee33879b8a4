// How far away the other end of a link is, by pings of which one is out at a time.

import type { Violation } from "../events.ts";
import type { Millis } from "../vocabulary.ts";
import { Average } from "./estimate.ts";

export class RoundTrip {
  readonly #average = new Average();
  #out: { readonly nonce: number; readonly at: Millis } | null = null;
  #next = 0;

  get ms(): Millis | null {
    return this.#average.value;
  }
  /** Since when a ping has been out. */
  get since(): Millis | null {
    return this.#out?.at ?? null;
  }

  /** The nonce to send; `undefined` while one is out. */
  begin(now: Millis): number | undefined {
    if (this.#out !== null) return undefined;
    this.#out = { nonce: this.#next++, at: now };
    return this.#out.nonce;
  }

  /** The other end's answer to it. */
  end(nonce: number, now: Millis): Violation | undefined {
    if (nonce !== this.#out?.nonce) return "unasked";
    this.#average.add(now - this.#out.at);
    this.#out = null;
    return undefined;
  }
}
