// What another browser asks of us over one link: which contents it wants to hear of, and chunks of them. Answers, refuses and
// judges; the bytes themselves go out through `Serving`. Tells nobody what they did not ask about.

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import type { Bitfield } from "../cache/bitfield.ts";
import type { Violation } from "../events.ts";
import type { Clock, Link } from "../ports.ts";
import type { ByteCount, ContentId, Millis } from "../vocabulary.ts";
import {
  type ControlMessage,
  type DeltaKind,
  type Handle,
  MAX_DELTA,
  type RejectReason,
} from "../wire/messages.ts";
import { Interests } from "./interests.ts";
import { Serving, type ServingNeeds } from "./upload.ts";

export interface GivingNeeds {
  readonly clock: Clock;
  readonly link: Link;
  readonly allowance: ServingNeeds["allowance"];
  readonly slots: ServingNeeds["slots"];
  read(content: ContentId, index: number): Promise<Bytes | undefined>;
  /** Chunks held of a content that the other side asks about; `undefined` when unknown. */
  holding(content: ContentId): Bitfield | undefined;
  /** Chunks of it that are being read from the origin here. */
  pending(content: ContentId): readonly number[];
  say(message: ControlMessage): void;
  /** What the other side holds itself it need not be told of: in a crowd that is half of all there is to tell. */
  theyHave(content: ContentId, index: number): boolean;
}

export class Giving {
  readonly #needs: GivingNeeds;
  readonly #interests = new Interests();
  readonly #serving: Serving;
  /** We serve nobody just now. */
  #choked = false;

  constructor(needs: GivingNeeds) {
    this.#needs = needs;
    this.#serving = new Serving({
      ...needs,
      reject: (request, reason) => this.#refuse(request, reason),
    });
  }

  get choked(): boolean {
    return this.#choked;
  }
  get uploaded(): ByteCount {
    return this.#serving.uploaded;
  }
  /** Since when our own data has been stuck at its end. */
  get stuckSince(): Millis | null {
    return this.#serving.stuckSince;
  }
  wants(content: ContentId): boolean {
    return this.#interests.handleOf(content) !== undefined;
  }

  /** Tells it what changed here, if it asked about this content. */
  tell(content: ContentId, kind: DeltaKind, indices: readonly number[]): void {
    const handle = this.#interests.handleOf(content);
    if (handle === undefined) return;
    const { say, theyHave } = this.#needs;
    const news = kind === "gone" ? indices : indices.filter((index) => !theyHave(content, index));
    for (let at = 0; at < news.length; at += MAX_DELTA) {
      say({ type: "delta", handle, kind, indices: news.slice(at, at + MAX_DELTA) });
    }
  }

  choke(on: boolean): void {
    if (this.#choked === on) return;
    this.#choked = on;
    if (on) this.#serving.stop("choked");
    this.#needs.say({ type: "choke", on });
  }

  asked(handle: Handle, contentBytes: Bytes): Violation | undefined {
    const asked = this.#interests.add(handle, contentBytes);
    if (typeof asked === "string") return asked;
    const held = this.#needs.holding(asked.content);
    const count = held?.count ?? 0;
    const bits = held?.bits() ?? new Uint8Array(0);
    this.#needs.say({ type: "availability", handle, count, bits });
    const pending = this.#needs.pending(asked.content);
    if (pending.length > 0) this.tell(asked.content, "pending", pending);
    return undefined;
  }

  dropped(handle: Handle): Violation | undefined {
    const outcome = this.#interests.remove(handle);
    return outcome === "removed" ? undefined : outcome;
  }

  requested(request: number, handle: Handle, index: number): Violation | undefined {
    const content = this.#interests.contentOf(handle);
    if (content === undefined) return "out-of-range";
    const held = this.#needs.holding(content);
    if (held !== undefined && index >= held.count) return "out-of-range";
    if (this.#choked || this.#needs.allowance.exhausted) return this.#refuse(request, "choked");
    if (held === undefined || !held.has(index)) return this.#refuse(request, "missing");
    const accepted = this.#serving.accept(request, content, index);
    if (accepted === "busy") return this.#refuse(request, "busy");
    return accepted === "flood" ? accepted : undefined;
  }

  cancelled(request: number): void {
    this.#serving.cancel(request);
  }
  drain(): void {
    this.#serving.drain();
  }
  close(): void {
    this.#serving.close();
  }

  #refuse(request: number, reason: RejectReason): undefined {
    this.#needs.say({ type: "reject", request, reason });
  }
}
