// Puts control messages back in the order they were sent. The channel delivers everything, in any order.

import { type ControlMessage, MAX_WAITING } from "./messages.ts";

export class ControlOrder {
  #next = 0;
  readonly #waiting = new Map<number, ControlMessage>();

  /** The messages that may be read now, or `out-of-order` when the sequence repeats or runs too far ahead. */
  accept(sequence: number, message: ControlMessage): readonly ControlMessage[] | "out-of-order" {
    if (sequence < this.#next || this.#waiting.has(sequence)) return "out-of-order";
    if (sequence - this.#next > MAX_WAITING) return "out-of-order";
    if (sequence > this.#next) {
      this.#waiting.set(sequence, message);
      return [];
    }
    const ready = [message];
    for (this.#next++; ; this.#next++) {
      const following = this.#waiting.get(this.#next);
      if (following === undefined) return ready;
      this.#waiting.delete(this.#next);
      ready.push(following);
    }
  }
}
