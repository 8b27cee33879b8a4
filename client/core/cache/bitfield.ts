// Which chunks of one content are there: one bit a chunk, the first chunk in the highest bit of the first byte, as
// BitTorrent's bitfield (BEP 3).

import type { Bytes } from "../../../tracker/protocol/bytes.ts";

export class Bitfield {
  readonly count: number;
  readonly #bits: Bytes;
  #held = 0;

  constructor(count: number) {
    this.count = count;
    this.#bits = new Uint8Array(Math.ceil(count / 8));
  }

  /** `undefined` when the length is wrong or a spare bit is set. Copies. */
  static from(count: number, bits: Bytes): Bitfield | undefined {
    if (bits.length !== Math.ceil(count / 8)) return undefined;
    const spare = bits.length * 8 - count;
    if (spare > 0 && ((bits[bits.length - 1] ?? 0) & ((1 << spare) - 1)) !== 0) return undefined;
    const field = new Bitfield(count);
    field.#bits.set(bits);
    for (let index = 0; index < count; index++) if (field.has(index)) field.#held++;
    return field;
  }

  /** How many are there. */
  get held(): number {
    return this.#held;
  }
  get complete(): boolean {
    return this.#held === this.count;
  }

  has(index: number): boolean {
    return ((this.#bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0;
  }

  hasAll(first: number, last: number): boolean {
    for (let index = first; index <= last; index++) if (!this.has(index)) return false;
    return true;
  }

  /** Whether this changed anything. Indices outside are ignored. */
  set(index: number): boolean {
    if (index < 0 || index >= this.count || this.has(index)) return false;
    this.#bits[index >> 3] = (this.#bits[index >> 3] ?? 0) | (0x80 >> (index & 7));
    this.#held++;
    return true;
  }

  clear(index: number): boolean {
    if (index < 0 || index >= this.count || !this.has(index)) return false;
    this.#bits[index >> 3] = (this.#bits[index >> 3] ?? 0) & ~(0x80 >> (index & 7));
    this.#held--;
    return true;
  }

  /** A copy for the wire. */
  bits(): Bytes {
    return this.#bits.slice();
  }
}
