// The books: bytes by source, chunks verified and rejected, and what of it the tracker has been told. Invariant I4.

import type { PeerId } from "../../tracker/protocol/ids.ts";
import { type ByteReport, MAX_WANT } from "../../tracker/protocol/messages.ts";
import type { ByteStats } from "./stats.ts";
import type { ByteCount } from "./vocabulary.ts";

export class Account {
  cache: ByteCount = 0;
  peers: ByteCount = 0;
  origin: ByteCount = 0;
  wasted: ByteCount = 0;
  verified = 0;
  rejected = 0;
  readonly #uploaded: () => ByteCount;
  #reported: ByteReport = { cache: 0, peers: 0, origin: 0, uploaded: 0 };
  readonly #poisoners = new Set<PeerId>();

  constructor(uploaded: () => ByteCount) {
    this.#uploaded = uploaded;
  }

  get bytes(): ByteStats {
    const { cache, peers, origin, wasted } = this;
    return { cache, peers, origin, wasted, uploaded: this.#uploaded() };
  }
  get offload(): number {
    const { peers, origin } = this;
    return peers + origin === 0 ? 0 : peers / (peers + origin);
  }

  /** A chunk from this peer had a wrong digest. */
  poisoned(peer: PeerId): void {
    this.rejected++;
    this.#poisoners.add(peer);
  }

  /** Hands what is new to `send`; it counts as told when that says so. */
  report(send: (bytes: ByteReport, poisoned: readonly PeerId[]) => boolean): void {
    const { cache, peers, origin, uploaded } = this.bytes;
    const before = this.#reported;
    const news = {
      cache: cache - before.cache,
      peers: peers - before.peers,
      origin: origin - before.origin,
      uploaded: uploaded - before.uploaded,
    };
    const poisoned = [...this.#poisoners].slice(0, MAX_WANT);
    const moved = news.cache + news.peers + news.origin + news.uploaded > 0;
    if (!moved && poisoned.length === 0) return;
    if (!send(news, poisoned)) return;
    this.#reported = { cache, peers, origin, uploaded };
    for (const peer of poisoned) this.#poisoners.delete(peer);
  }
}
