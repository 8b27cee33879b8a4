// How far a fragment that the player asks for lies ahead of what it shows, by what it asked for before; hls.js does not say.
// What was handed over in a row is in its buffer, and playing takes a second a second. A guess on the careful side: behind
// a jump it begins anew.

/** What is needed of hls.js's fragments. */
export interface Fragment {
  /** Pictures, sound or text. */
  readonly type: string;
  readonly sn: number | "initSegment";
  /** Both in seconds; `start` from the beginning of a film. */
  readonly start: number;
  readonly duration: number;
  /** Of the playlist. */
  readonly baseurl: string;
}

/** What a page's video does when what was in its buffer says nothing any more of when the next fragment is due. */
const JUMPS = ["seeking", "waiting", "ratechange"];
/** When a video of this page last did. Which one is not asked: two players only make each other less comfortable. */
let jumpedAt = Number.NEGATIVE_INFINITY;
const watched = new WeakSet<EventTarget>();

/** From now on jumps below this document are seen. */
export function watchJumps(document: EventTarget | undefined): void {
  if (document === undefined || watched.has(document)) return;
  watched.add(document);
  const jumped = (): void => {
    jumpedAt = performance.now();
  };
  // These do not bubble, but they are captured.
  for (const jump of JUMPS) document.addEventListener(jump, jumped, { capture: true });
}

export class Lead {
  #seconds = 0;
  /** When that was so. */
  #at = Number.NEGATIVE_INFINITY;
  #next: number | null = null;

  /** Seconds until this fragment can be missed, at least; 0 when nothing is known. `now` is of `performance.now()`. */
  before({ sn }: Pick<Fragment, "sn">, now: number): number {
    if (sn !== this.#next) return 0;
    this.#drain(now);
    return this.#seconds;
  }

  /** It was handed over. */
  delivered({ sn, start, duration }: Omit<Fragment, "type" | "baseurl">, now: number): void {
    if (sn === "initSegment") return;
    this.#drain(now);
    const isNext = sn === this.#next;
    if (!isNext) this.#seconds = 0;
    // Of the first in a row nobody knows where in it the player begins, but for the first of a film.
    if (isNext || start === 0) this.#seconds += duration;
    this.#next = sn + 1;
  }

  #drain(now: number): void {
    if (jumpedAt >= this.#at) this.#next = null;
    this.#seconds = this.#next === null ? 0 : Math.max(0, this.#seconds - (now - this.#at) / 1000);
    this.#at = now;
  }
}
