// How far a fragment that the player asks for lies ahead of what it shows, by what it asked for before; hls.js does not say.
// What was handed over in a row is in its buffer, and playing takes a second a second. A guess on the careful side, for a
// player that does not jump: behind a jump begin anew.

/** What is needed of hls.js's fragments. */
export interface Fragment {
  /** Pictures, sound or text. */
  readonly type: string;
  readonly sn: number | "initSegment";
  readonly duration: number;
}

export class Lead {
  #seconds = 0;
  /** When that was so. */
  #at = 0;
  #next: number | null = null;

  /** Seconds until this fragment can be missed, at least; 0 when nothing is known. */
  before({ sn }: Fragment, now: number): number {
    if (sn === "initSegment" || sn !== this.#next) return 0;
    this.#drain(now);
    return this.#seconds;
  }

  /** It was handed over. */
  delivered({ sn, duration }: Fragment, now: number): void {
    if (sn === "initSegment") return;
    this.#drain(now);
    // Of the first in a row nobody knows where in it the player begins.
    this.#seconds = sn === this.#next ? this.#seconds + duration : 0;
    this.#next = sn + 1;
  }

  #drain(now: number): void {
    this.#seconds = Math.max(0, this.#seconds - (now - this.#at) / 1000);
    this.#at = now;
  }
}
