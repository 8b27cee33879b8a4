// What one peer holds of the contents we asked it about, and what it is reading from the origin now. Handles are
// chosen here, by the asker; an answer to a handle that was dropped meanwhile is late, not wrong.

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import { Bitfield } from "../cache/bitfield.ts";
import type { Violation } from "../events.ts";
import type { Content, ContentId, Millis } from "../vocabulary.ts";
import { type DeltaKind, type Handle, MAX_ASKED } from "../wire/messages.ts";

interface Asked {
  readonly content: Content;
  readonly handle: Handle;
  readonly askedAt: Millis;
  /** `null` until it answers. An answer of "unknown" is an empty bitfield. */
  held: Bitfield | null;
  readonly pending: Map<number, Millis>;
  /** When it last had something new: a reader that gets on with its work is waited for. */
  progressAt: Millis;
}

const HANDLES = 0x1_0000;

export class Availability {
  #next = 0;
  readonly #byContent = new Map<ContentId, Asked>();
  readonly #byHandle = new Map<Handle, Asked>();

  /** The handle to ask with, or `undefined` when it is asked already or too much is. */
  ask(content: Content, now: Millis): Handle | undefined {
    if (this.#byContent.has(content.id) || this.#byContent.size >= MAX_ASKED) return undefined;
    while (this.#byHandle.has(this.#next % HANDLES)) this.#next++;
    const handle = this.#next++ % HANDLES;
    const asked: Asked = {
      content,
      handle,
      askedAt: now,
      held: null,
      pending: new Map(),
      progressAt: now,
    };
    this.#byContent.set(content.id, asked);
    this.#byHandle.set(handle, asked);
    return handle;
  }

  drop(content: ContentId): Handle | undefined {
    const asked = this.#byContent.get(content);
    if (asked === undefined) return undefined;
    this.#byContent.delete(content);
    this.#byHandle.delete(asked.handle);
    return asked.handle;
  }

  handleOf(content: ContentId): Handle | undefined {
    return this.#byContent.get(content)?.handle;
  }
  /** Since when its answer is awaited; `answered` once it came, `unasked` before the question. */
  awaitedSince(content: ContentId): Millis | "answered" | "unasked" {
    const asked = this.#byContent.get(content);
    if (asked === undefined) return "unasked";
    return asked.held === null ? asked.askedAt : "answered";
  }
  has(content: ContentId, index: number): boolean {
    return this.#byContent.get(content)?.held?.has(index) ?? false;
  }
  /** Since when it has been reading this without bringing anything home. */
  pendingSince(content: ContentId, index: number): Millis | undefined {
    const asked = this.#byContent.get(content);
    const since = asked?.pending.get(index);
    return asked === undefined || since === undefined ? since : Math.max(since, asked.progressAt);
  }
  /** It said that it does not have this after all. */
  lacks(content: ContentId, index: number): void {
    this.#byContent.get(content)?.held?.clear(index);
  }

  answer(handle: Handle, count: number, bits: Bytes): Violation | "late" | "changed" {
    const asked = this.#byHandle.get(handle);
    if (asked === undefined) return this.#late(handle);
    const { chunkCount } = asked.content;
    if (count !== 0 && count !== chunkCount) return "out-of-range";
    const held = count === 0 ? new Bitfield(chunkCount) : Bitfield.from(count, bits);
    if (held === undefined) return "malformed";
    asked.held = held;
    return "changed";
  }

  delta(
    handle: Handle,
    kind: DeltaKind,
    indices: readonly number[],
    now: Millis,
  ): Violation | "late" | "changed" {
    const asked = this.#byHandle.get(handle);
    if (asked === undefined) return this.#late(handle);
    if (asked.held === null) return "out-of-order";
    if (kind === "have") asked.progressAt = now;
    for (const index of indices) {
      if (index >= asked.content.chunkCount) return "out-of-range";
      if (kind === "pending") {
        asked.pending.set(index, now);
        continue;
      }
      asked.pending.delete(index);
      if (kind === "have") asked.held.set(index);
      else asked.held.clear(index);
    }
    return "changed";
  }

  #late(handle: Handle): "late" | "unasked" {
    return handle < this.#next ? "late" : "unasked";
  }
}
