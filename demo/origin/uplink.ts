// The origin's uplink: so many bytes a second, shared by whoever is being served, first come, first served. A token
// bucket that may run into debt, so that nobody waits for more than what is ahead of him. Owns one timer while
// somebody waits.

/**
 * Credit that an idle uplink saves up, in seconds. Enough that coarse timers do not lower the rate; little enough that
 * a limit shows on a photograph.
 */
const SAVINGS_SECONDS = 0.05;

export class Uplink {
  #bytesPerSecond: number;
  #credit = 0;
  #countedAt: number;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  readonly #queue: { readonly bytes: number; readonly go: () => void }[] = [];

  /** `now` in milliseconds. */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#now = now;
    this.#countedAt = now();
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** Holds from now on, for those already waiting too. */
  change(bytesPerSecond: number): void {
    this.#count();
    this.#bytesPerSecond = bytesPerSecond;
    this.#serve();
  }

  /** Resolves when so many bytes may go, in the order of the calls. */
  take(bytes: number): Promise<void> {
    return new Promise((go) => {
      this.#queue.push({ bytes, go });
      this.#serve();
    });
  }

  #count(): void {
    const now = this.#now();
    const earned = ((now - this.#countedAt) / 1000) * this.#bytesPerSecond;
    this.#credit = Math.min(this.#credit + earned, this.#bytesPerSecond * SAVINGS_SECONDS);
    this.#countedAt = now;
  }

  #serve(): void {
    clearTimeout(this.#timer);
    this.#count();
    while (this.#credit >= 0) {
      const first = this.#queue.shift();
      if (first === undefined) return;
      this.#credit -= first.bytes;
      first.go();
    }
    if (this.#queue.length === 0) return;
    const wait = (-this.#credit / this.#bytesPerSecond) * 1000;
    this.#timer = setTimeout(() => this.#serve(), Math.ceil(wait));
  }
}
