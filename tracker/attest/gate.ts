// So many at once, so many waiting in turn, and no more.

export class Gate {
  readonly #most: number;
  readonly #mostWaiting: number;
  #inside = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  /** Runs the task when its turn comes; `undefined` at once when too many wait already. */
  through<T>(task: () => Promise<T>): Promise<T> | undefined {
    if (this.#inside < this.#most) {
      this.#inside++;
      return this.#run(task);
    }
    if (this.#waiting.length >= this.#mostWaiting) return undefined;
    return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.#run(task));
  }

  /** Whoever leaves hands the place on. */
  async #run<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#inside--;
      else next();
    }
  }
}
