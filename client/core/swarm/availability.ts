// What one peer holds of the contents we asked it about, and what it is reading from the origin now. Handles are
// chosen here, by the asker; an answer to a handle that was dropped meanwhile is late, not wrong.

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import { Bitfield } from "../cache/bitfield.ts";
import type { Violation } from "../events.ts";
import type { Content, ContentId, Millis } from "../vocabulary.ts";
import { type ControlMessage, type Handle, MAX_ASKED } from "../wire/messages.ts";
import { Average } from "./estimate.ts";

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
/** A neighbour answers within a round trip of some 20 to 80 ms; a tenth of a second is what nobody notices. */
const ANSWER_PATIENCE: Millis = 100;
/** Answers are worth waiting for unless the last ten or so were all that it holds nothing. */
const LEAST_HELP = 0.05;

export class Availability {
  #next = 0;
  readonly #byContent = new Map<ContentId, Asked>();
  readonly #byHandle = new Map<Handle, Asked>();
  /** How often an answer was that it holds something. */
  readonly #help = new Average();

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
  /** Until when its answer is worth waiting for, a round trip away; long past when it is not awaited, or rarely helps. */
  answerBy(content: ContentId, rttMs: Millis | null): Millis {
    const asked = this.#byContent.get(content);
    const isWorthIt = (this.#help.value ?? 1) >= LEAST_HELP;
    if (asked === undefined || asked.held !== null || !isWorthIt) return Number.NEGATIVE_INFINITY;
    return asked.askedAt + Math.min(ANSWER_PATIENCE, 1.5 * (rttMs ?? ANSWER_PATIENCE));
  }
  /** Whether it holds any of it, or has yet to say. */
  mayHold(content: ContentId): boolean {
    const asked = this.#byContent.get(content);
    return asked !== undefined && (asked.held === null || asked.held.held > 0);
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
    this.#help.add(held.held > 0 ? 1 : 0);
    return "changed";
  }

  delta(
    { handle, kind, indices }: Omit<ControlMessage & { type: "delta" }, "type">,
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
