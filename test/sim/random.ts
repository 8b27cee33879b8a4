// Seeded dice (sfc32, from PractRand). Forked by name, so that one more participant does not disturb the dice of others.

import type { Random } from "../../client/core/ports.ts";
import { seedOf } from "../../client/core/retrieve/election.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";

export class SimRandom implements Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string) {
    this.#seed = seed;
    this.#a = seedOf(`${seed} a`);
    this.#b = seedOf(`${seed} b`);
    this.#c = seedOf(`${seed} c`);
    for (let warm = 0; warm < 12; warm++) this.#next();
  }

  fork(name: string): SimRandom {
    return new SimRandom(`${this.#seed}/${name}`);
  }

  unit(): number {
    return this.#next() / 2 ** 32;
  }

  bytes(count: number): Bytes {
    const words = new Uint32Array(Math.ceil(count / 4));
    for (let at = 0; at < words.length; at++) words[at] = this.#next();
    return new Uint8Array(words.buffer, 0, count).slice();
  }

  /** Uniform between the two. */
  between(least: number, most: number): number {
    return least + this.unit() * (most - least);
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
