// What hls.js is told of times, so that the quality it chooses fits the network: it must neither dream, because something was
// here already or came from several at once, nor panic, because chunks come whole and others are fetched beside it. Owns
// the average of what fragments from the network took.

/** As hls.js has them: milliseconds of `performance.now()`. Its object is changed, never replaced. */
export interface Loading {
  start: number;
  first: number;
  end: number;
}

/** How a fragment came; all in bytes. */
export interface Arrival {
  readonly bytes: number;
  /** Handed out at `loading.first`. */
  readonly firstBytes: number;
  /** Whether peers gave any of it. */
  readonly fromPeers: boolean;
  /** What the network brought between `start` and `end`, whatever it was for. */
  readonly network: number;
  /** Whether it had to come at once. */
  readonly isUrgent: boolean;
}

/** The weight of a new fragment in the averages. */
const WEIGHT = 0.3;
/** What is smaller (an init segment) is all delay, and says nothing of speed. */
const LEAST_BYTES = 32 * 1024;
/** What a first byte takes before anything is known; hls.js supposes the same. */
const USUAL_FIRST_BYTE_MS = 100;
/** Chunks come whole, from several peers at once: at least this share of the time was transfer, whatever it looks like. */
const PEERS_TRANSFER = 0.75;

export class NetworkSpeed {
  #bitsPerSecond: number | null = null;
  #firstByteMs: number | null = null;
  #loadMs: number | null = null;

  /** From asking for a fragment at once to having it, as a rule; `null` before there was one. */
  get loadMs(): number | null {
    return this.#loadMs;
  }

  /** A fragment came. Leaves `loading.end` as it is, and `otherwise` is the speed where none is known, in bits a second. */
  told(loading: Loading, arrival: Arrival, otherwise: number): void {
    if (arrival.bytes === 0) return;
    // Most of it was here.
    if (arrival.network * 2 < arrival.bytes) this.#pretend(loading, arrival.bytes, otherwise);
    else this.#learn(loading, arrival);
  }

  /**
   * A chunk is handed out when all of it is verified, so its own time belongs to the transfer and not to the wait before it:
   * the first byte is moved to where it was if the chunk came as quickly as the rest. What came in one piece says nothing
   * of waiting. What was fetched beside it would have left the network to it.
   */
  #learn(loading: Loading, { bytes, firstBytes, fromPeers, network, isUrgent }: Arrival): void {
    const whole = loading.end - loading.start;
    const rest = bytes - firstBytes;
    const seen = rest > 0 ? ((loading.end - loading.first) * bytes) / rest : whole;
    const transfer = Math.min(whole, fromPeers ? Math.max(seen, whole * PEERS_TRANSFER) : seen);
    const wait = whole - transfer;
    const took = Math.max(1, transfer * Math.min(1, bytes / network));
    loading.first = loading.end - took;
    loading.start = loading.first - wait;
    if (bytes < LEAST_BYTES) return;
    if (isUrgent) this.#loadMs = average(this.#loadMs, whole);
    this.#bitsPerSecond = average(this.#bitsPerSecond, (bytes * 8000) / took);
    this.#firstByteMs = average(this.#firstByteMs, wait);
  }

  /** As if it had come at the speed of the network, with its delay. */
  #pretend(loading: Loading, bytes: number, otherwise: number): void {
    const took = (bytes * 8000) / (this.#bitsPerSecond ?? otherwise);
    loading.first = Math.min(loading.first, loading.end - took);
    loading.start = loading.first - (this.#firstByteMs ?? USUAL_FIRST_BYTE_MS);
  }
}

const average = (before: number | null, now: number): number =>
  before === null ? now : before + WEIGHT * (now - before);
