// A token bucket for bytes, shared by all connections of a server: what an uplink is. First come, first served, so
// that connections taking small slices get even shares. Owns one timer while somebody waits.

/** A tenth of a second of credit: short enough that a limit shows in small files, long enough for coarse timers. */
const BURST_SECONDS = 0.1;

export class RateLimit {
  #bytesPerSecond: number | null;
  #credit = 0;
  #countedAt = performance.now();
  #waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** `null`: no limit. */
  constructor(bytesPerSecond: number | null) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  change(bytesPerSecond: number | null): void {
    this.#count();
    this.#bytesPerSecond = bytesPerSecond;
    this.#serve();
  }

  /** Resolves when that many bytes may go. */
  take(bytes: number): Promise<void> {
    if (this.#bytesPerSecond === null && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((go) => {
      this.#waiting.push({ bytes, go });
      this.#serve();
    });
  }

  /** Lets everybody go and forgets the timer. */
  close(): void {
    this.change(null);
  }

  #count(): void {
    const now = performance.now();
    const rate = this.#bytesPerSecond ?? 0;
    this.#credit = Math.min(
      this.#credit + ((now - this.#countedAt) / 1000) * rate,
      rate * BURST_SECONDS,
    );
    this.#countedAt = now;
  }

  #serve(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#count();
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined) return;
      // Credit may go below zero, so that a slice larger than the burst still passes and is paid for afterwards.
      if (this.#bytesPerSecond !== null && this.#credit <= 0) break;
      if (this.#bytesPerSecond !== null) this.#credit -= first.bytes;
      this.#waiting.shift();
      first.go();
    }
    const debtSeconds = (1 - this.#credit) / (this.#bytesPerSecond ?? 1);
    this.#timer = setTimeout(() => this.#serve(), Math.ceil(debtSeconds * 1000));
  }
}
