// What the player will ask for one after the other is asked for at once, as far as its playlist says what that is: in a crowd
// each segment then has one reader at the origin, and different ones for different segments. Keeps nothing; what comes
// is in the client's cache when the player asks.
//
// 1. Only what the player has in hand may be risked for it: no further ahead than it has seconds to show, but for a reserve.
//    What it cannot begin without, or is about to miss, has the network to itself.
// 2. Never further than the player itself would buffer: one that is paused, or has enough, has nothing fetched for it.
// 3. Only where there are peers, and only what is shared; nothing here makes the network be asked for anything twice.

import type { Client } from "../index.ts";
import { type Playlist, parsePlaylist } from "./playlist.ts";

/** What is needed of hls.js's fragments. */
export interface Fragment {
  /** Pictures, sound or text. */
  readonly type: string;
  readonly sn: number | "initSegment";
  /** Both in seconds; `start` on the film's timeline, which is that of its video element. */
  readonly start: number;
  readonly duration: number;
  /** Of the playlist. */
  readonly baseurl: string;
}

/** At once: as many as a busy link answers side by side; more only wait for each other. */
const MOST_AHEAD = 6;
/** Players begin, and go on after a stall, with two or three fragments: those come first. */
const RESERVE_FRAGMENTS = 2;
/** A playlist that had nothing ahead (a live one, as a rule) is looked at again after so many segments. */
const REREAD_AFTER = 8;

/** As it was when Shoal was loaded. */
const nativeFetch: typeof fetch = globalThis.fetch.bind(globalThis);

export class LookAhead {
  readonly #client: Pick<Client, "fetch" | "stats">;
  #list: Playlist | null = null;
  #isReading = false;
  #rereadAt = 0;
  /** What the player asked for last, and of which playlist. */
  #url = "";
  #at = 0;
  /** By number; those that are over as well, until the player has passed them. */
  readonly #open = new Map<number, AbortController>();

  constructor(client: Pick<Client, "fetch" | "stats">) {
    this.#client = client;
  }

  /** The player asks for this one itself. What is not on its way from there is given up. */
  asked({ baseurl, sn }: Fragment): void {
    if (sn === "initSegment") return;
    if (baseurl !== this.#url) this.stop();
    this.#url = baseurl;
    this.#at = sn;
    for (const [one, fetch] of this.#open) {
      if (one >= sn && one <= sn + 1 + MOST_AHEAD) continue;
      fetch.abort();
      this.#open.delete(one);
    }
  }

  /** The player has this one, which is at `url`; it can show so many seconds, and has room for so many beyond the next. */
  async delivered(
    { sn, duration }: Fragment,
    url: string,
    { inHand, room }: { readonly inHand: number; readonly room: number },
  ): Promise<void> {
    let left = Math.min(inHand - RESERVE_FRAGMENTS * duration, room);
    if (sn === "initSegment" || left <= 0) return;
    if (this.#client.stats().links.length === 0) return;
    const list = this.#listOf(sn, url) ?? (await this.#read(sn, url));
    if (list === null || list.url !== this.#url) return;
    // The next is the player's own to ask for.
    for (let next = this.#at + 2; next <= this.#at + 1 + MOST_AHEAD; next++) {
      const segment = list.segments[next - list.first];
      left -= segment?.seconds ?? 0;
      if (segment === undefined || left < 0) return;
      if (segment.url === null || this.#open.has(next)) continue;
      void this.#fetch(next, segment.url, segment.range);
    }
  }

  /** The player went elsewhere, or away. */
  stop(): void {
    for (const fetch of this.#open.values()) fetch.abort();
    this.#open.clear();
    this.#rereadAt = 0;
  }

  /** What is known of the playlist, if this segment is where it says, and there is more to come or never will be. */
  #listOf(sn: number, url: string): Playlist | null {
    const list = this.#list;
    if (list?.url !== this.#url || list.segments[sn - list.first]?.url !== url) return null;
    return list.ended || sn + 2 - list.first < list.segments.length ? list : null;
  }

  /**
   * The player had it a moment ago, so the browser's HTTP cache is asked first, however old it is there. Where it must not be
   * kept the site is asked again, once in several segments.
   */
  async #read(sn: number, url: string): Promise<Playlist | null> {
    if (this.#isReading || sn < this.#rereadAt) return null;
    this.#isReading = true;
    this.#rereadAt = sn + REREAD_AFTER;
    try {
      const response = await nativeFetch(this.#url, { cache: "force-cache" });
      this.#list = response.ok ? parsePlaylist(await response.text(), response.url) : null;
    } catch {
      this.#list = null;
    } finally {
      this.#isReading = false;
    }
    return this.#listOf(sn, url);
  }

  async #fetch(sn: number, url: string, range: string | null): Promise<void> {
    const fetch = new AbortController();
    const { signal } = fetch;
    this.#open.set(sn, fetch);
    const headers: HeadersInit = range === null ? {} : { Range: range };
    try {
      const shoal = { urgency: "idle", passThrough: false } as const;
      const { body } = await this.#client.fetch(url, { headers, signal, shoal });
      await body?.pipeTo(new WritableStream(), { signal });
    } catch {
      // The player will ask for it, and hear why.
    }
  }
}
