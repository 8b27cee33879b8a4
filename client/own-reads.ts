// What this page itself reads of the network for the client, kept apart from what the page's own scripts ask: the worker must not
// come back to us with it, or a read would be answered with itself and wait for ever.

/** Tells the worker that a read is ours; `null` while it does not ask us. */
type Marker = () => ((init: RequestInit) => RequestInit) | null;

export class OwnReads {
  readonly #fetch: typeof fetch;
  readonly #marker: Marker;
  /** URLs of reads that are not marked, for as long as nobody has answered them. */
  readonly #unmarked: string[] = [];

  constructor(nativeFetch: typeof fetch, marker: Marker) {
    this.#fetch = nativeFetch;
    this.#marker = marker;
  }

  async read(url: string, init: RequestInit): Promise<Response> {
    const mark = this.#marker();
    if (mark !== null) return this.#fetch(url, mark(init));
    // A worker that is still starting, or just taking over, may get to see it, and us, only later.
    this.#unmarked.push(url);
    try {
      return await this.#fetch(url, init);
    } finally {
      this.#unmarked.splice(this.#unmarked.indexOf(url), 1);
    }
  }

  /** Whether such a read may be on its way through the worker, which does not know it for ours. */
  mayBeSeen(url: string): boolean {
    return this.#unmarked.includes(url);
  }
}
