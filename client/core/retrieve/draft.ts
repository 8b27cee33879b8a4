// A plan in the making: what it would do so far, and what that leaves of every source's free slots.

import { chunkLengthAt } from "../../../tracker/protocol/manifest.ts";
import type { ByteCount, Millis } from "../vocabulary.ts";
import { DATA_BYTES } from "../wire/messages.ts";
import type { Action, LinkView, PlanView, WantView } from "./view.ts";

/**
 * How much work a peer has in hand: two round trips' worth at its measured rate, and this for what it does beside. More is
 * only in line, and lost with it.
 */
const PIPELINE: Millis = 100;
/**
 * The same for all peers together, by what came from them lately. Each of a crowd asks all others; without this bound,
 * twelve pages that shared two cores owed each other six seconds' worth, took it for silence, and asked again elsewhere:
 * two fifths of what they sent came for nothing.
 */
const TOGETHER: Millis = 800;
/** However slow they are: to begin with, and to find out when they are quicker. */
const LEAST_TOGETHER: ByteCount = 1024 * 1024;
/** What an unproven peer is taken to give, in bytes per second: a modest home uplink. */
const UNPROVEN_RATE = 1_000_000;
const UNPROVEN_REQUESTS = 3;
/** A link that is slow, or shared with others, may bring one frame of a chunk in the usual time of so many. */
const SLOW_FRAMES = 10;

export class Draft {
  readonly view: PlanView;
  readonly actions: Action[] = [];
  wakeAt: Millis | "never" = "never";
  freeReads: number;
  readonly #added = new Map<LinkView, { requests: number; bytes: ByteCount }>();
  /** What all peers together owe, and may owe for what can wait. */
  #owed = 0;
  readonly #mostOwed: ByteCount;

  constructor(view: PlanView) {
    this.view = view;
    let rate = 0;
    for (const link of view.links) {
      rate += link.throughput.lately(view.now);
      // What one owes who pauses is about to be asked of others.
      if (link.strikes === 0 && !this.#pauses(link)) this.#owed += link.owed;
    }
    this.#mostOwed = Math.max(LEAST_TOGETHER, (rate * TOGETHER) / 1000);
    this.freeReads = view.origin.freeReads;
  }

  wake(at: Millis): void {
    if (at > this.view.now && (this.wakeAt === "never" || at < this.wakeAt)) this.wakeAt = at;
  }
  /** Whether that moment has come; if not, the plan is looked at again then. */
  isPast(at: Millis | "never"): boolean {
    if (at === "never") return false;
    this.wake(at);
    return this.view.now >= at;
  }

  /** After a standstill of our own, what came meanwhile is still in line: it is not their silence. */
  isSilent(link: LinkView): boolean {
    return link.silentFor(this.view.now) >= link.patience + this.view.late;
  }

  /** Silent for longer than it ever was lately, and longer than a slow link is: it may be over, and others can be asked. */
  #pauses(link: LinkView): boolean {
    const rate = link.throughput.bytesPerSecond;
    if (link.openRequests === 0 || rate === null) return this.isSilent(link);
    const { now, late } = this.view;
    const usual = Math.max(link.patience / 2, (SLOW_FRAMES * DATA_BYTES * 1000) / rate);
    return this.isPast(now - link.silentFor(now) + Math.min(link.patience, usual) + late);
  }

  usable(link: LinkView): boolean {
    return !this.isSilent(link) && this.isPast(link.restUntil);
  }

  hasRoom(link: LinkView, { kind, content }: WantView): boolean {
    const { chunkBytes } = content.asset;
    if (kind === "bulk" && this.#owed + chunkBytes > this.#mostOwed) return false;
    const rate = link.throughput.bytesPerSecond;
    const window =
      rate === null
        ? UNPROVEN_REQUESTS
        : Math.ceil((rate * (PIPELINE + 2 * (link.rttMs ?? 0))) / 1000 / chunkBytes) + 1;
    const open = link.openRequests + (this.#added.get(link)?.requests ?? 0);
    return open < Math.min(window, link.requestLimit);
  }

  /** In what time this link delivers so many more bytes, as a rule. */
  usual(link: LinkView, bytes: ByteCount): Millis {
    const owed = link.owed + (this.#added.get(link)?.bytes ?? 0);
    const rate = Math.max(1, link.throughput.bytesPerSecond ?? UNPROVEN_RATE);
    return ((owed + bytes) * 1000) / rate + (link.rttMs ?? 0);
  }
  /** The same from now on: one that pauses is taken to do so for as long again. */
  eta(link: LinkView, bytes: ByteCount): Millis {
    const pause = this.#pauses(link) ? link.silentFor(this.view.now) : 0;
    return this.usual(link, bytes) + pause;
  }

  /** Of those who have room for it, whom a chunk would come from first. */
  quickest(links: readonly LinkView[], want: WantView, index: number): LinkView | undefined {
    const { asset } = want.content;
    const bytes = chunkLengthAt(asset, index);
    let best: LinkView | undefined;
    let lowest = Number.POSITIVE_INFINITY;
    for (const link of links) {
      if (!link.has(want.content.id, index) || !this.hasRoom(link, want)) continue;
      const eta = this.eta(link, bytes);
      if (eta >= lowest) continue;
      lowest = eta;
      best = link;
    }
    return best;
  }

  request(link: LinkView, want: WantView, index: number): void {
    const added = this.#added.get(link) ?? { requests: 0, bytes: 0 };
    added.requests++;
    added.bytes += chunkLengthAt(want.content.asset, index);
    this.#added.set(link, added);
    this.#owed += chunkLengthAt(want.content.asset, index);
    this.actions.push({ do: "request", peer: link.id, content: want.content.id, index });
  }

  read(want: WantView, first: number, last: number): void {
    this.freeReads--;
    this.actions.push({ do: "read", content: want.content.id, first, last });
  }

  trim(want: WantView, at: number, last: number): void {
    this.actions.push({ do: "trim", content: want.content.id, at, last });
  }
}
