// What hls.js is told of times, so that the quality it chooses fits the network: it must neither dream, because something was
// here already, nor panic, because chunks come whole. Owns the average of what fragments from the network took.

/** As hls.js has them: milliseconds of `performance.now()`. Its object is changed, never replaced. */
export interface Loading {
  start: number;
  first: number;
  end: number;
}

/** The weight of a new fragment in the averages. */
const WEIGHT = 0.3;
/** What a first byte takes before anything is known; hls.js supposes the same. */
const USUAL_FIRST_BYTE_MS = 100;

export class NetworkSpeed {
  #bitsPerSecond: number | null = null;
  #firstByteMs: number | null = null;

  /** `null`: nothing came from the network yet. */
  get bitsPerSecond(): number | null {
    return this.#bitsPerSecond;
  }

  /**
   * A fragment came from the network; `firstBytes` were handed out at `loading.first`. A chunk is handed out when all of
   * it is verified, so its own time belongs to the transfer and not to the wait before it: the first byte is moved to
   * where it was if the chunk came as quickly as the rest. What came in one piece says nothing of waiting.
   */
  learn(loading: Loading, bytes: number, firstBytes: number): void {
    const rest = bytes - firstBytes;
    const ms = rest > 0 ? ((loading.end - loading.first) * firstBytes) / rest : Infinity;
    loading.first = Math.max(loading.start, loading.first - ms);
    const took = Math.max(1, loading.end - loading.first);
    this.#bitsPerSecond = average(this.#bitsPerSecond, (bytes * 8000) / took);
    this.#firstByteMs = average(this.#firstByteMs, loading.first - loading.start);
  }

  /** A fragment was here already: as if it had come at the speed of the network, or else at `otherwise`. */
  pretend(loading: Loading, bytes: number, otherwise: number): void {
    const took = (bytes * 8000) / (this.#bitsPerSecond ?? otherwise);
    loading.first = Math.min(loading.first, loading.end - took);
    loading.start = loading.first - (this.#firstByteMs ?? USUAL_FIRST_BYTE_MS);
  }
}

const average = (before: number | null, now: number): number =>
  before === null ? now : before + WEIGHT * (now - before);
