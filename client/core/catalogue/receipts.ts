// What the origin said of contents that this browser read from it whole: when, how long they are good, and by what they
// can be asked for again. Kept from visit to visit, so that a stale file costs a 304. A chunk says nothing of the rest
// of its file, and neither does a neighbour: what came from peers has no receipt.

import { type Bytes, fromUtf8, utf8 } from "../../../tracker/protocol/bytes.ts";
import type { Store } from "../ports.ts";
import type { Content, ContentId } from "../vocabulary.ts";
import type { Receipt } from "./freshness.ts";

/** In the index store, "receipt.<url>"; what is beyond this from earlier visits is forgotten, and read anew one day. */
const MOST = 5000;
const PREFIX = "receipt.";

interface Entry extends Receipt {
  readonly content: ContentId;
}

export class Receipts {
  readonly #index: Store;
  readonly #known = new Map<string, Entry | null>();

  constructor(index: Store) {
    this.#index = index;
  }

  async load(): Promise<void> {
    const names = (await this.#index.keys()).filter((name) => name.startsWith(PREFIX));
    if (names.length > MOST) await this.#index.delete(names.slice(MOST));
  }

  /** Afterwards `get` knows what earlier visits left. */
  async look(url: string): Promise<void> {
    if (this.#known.has(url)) return;
    const stored = entryOf(await this.#index.get(PREFIX + url));
    // What came meanwhile is newer.
    if (!this.#known.has(url)) this.#remember(url, stored);
  }

  get({ id, asset: { url } }: Content): Receipt | null {
    const entry = this.#known.get(url) ?? null;
    return entry?.content === id ? entry : null;
  }

  put({ id, asset: { url } }: Content, receipt: Receipt): void {
    const entry: Entry = { ...receipt, content: id };
    this.#remember(url, entry);
    void this.#index.put([[PREFIX + url, utf8(JSON.stringify(entry))]]);
  }

  /** `false`: there is none. */
  doubt(url: string): boolean {
    const entry = this.#known.get(url);
    if (!entry) return false;
    const doubted: Entry = { ...entry, doubted: true };
    this.#remember(url, doubted);
    void this.#index.put([[PREFIX + url, utf8(JSON.stringify(doubted))]]);
    return true;
  }

  forget(url: string): void {
    this.#remember(url, null);
    void this.#index.delete([PREFIX + url]);
  }

  #remember(url: string, entry: Entry | null): void {
    this.#known.delete(url);
    this.#known.set(url, entry);
    if (this.#known.size <= MOST) return;
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }
}

/** Our own record, unless the disk lies. */
function entryOf(bytes: Bytes | undefined): Entry | null {
  try {
    const entry = JSON.parse((bytes && fromUtf8(bytes)) ?? "");
    return Object(entry.headers) === entry.headers && typeof entry.at === "number" ? entry : null;
  } catch {
    return null;
  }
}
