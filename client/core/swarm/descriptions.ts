// What a URL is, from one browser to another: the signed statement, in parts, for the day nobody else can say. Both sides of
// one link. Whether a statement is right is not judged here, only whether the other side keeps to the question.

import { type Bytes, concatenated } from "../../../tracker/protocol/bytes.ts";
import type { Violation } from "../events.ts";
import { type ControlMessage, DATA_BYTES } from "../wire/messages.ts";

type Describe = ControlMessage & { type: "describe" };
type Description = ControlMessage & { type: "description" };

/** A statement has 2 MiB of digests at most, which are four thirds of that as text. */
export const MAX_STATEMENT_BYTES = 3 * 1024 * 1024;
/** Questions open at once, in either direction; a page in an outage asks about what it wants first. */
export const MAX_DESCRIBES = 16;

export interface DescriptionsNeeds {
  say(message: Describe | Description): void;
  /** The statement about the URL with this SHA-256, as a manifest of one asset; `undefined`: none, or not for others. */
  statement(url: Bytes): Promise<Bytes | undefined>;
  /** Takes so many bytes of what we give; `false`: nothing is given now. */
  give(bytes: number): boolean;
}

interface Question {
  readonly url: Bytes;
  readonly parts: Bytes[];
  received: number;
  answer(statement: Bytes | undefined): void;
}

export class Descriptions {
  readonly #needs: DescriptionsNeeds;
  readonly #asked = new Map<number, Question>();
  #next = 0;
  #answering = 0;
  #closed = false;

  constructor(needs: DescriptionsNeeds) {
    this.#needs = needs;
  }

  /** What the other side knows of a URL, by its SHA-256. `undefined`: nothing, too much is asked already, or the link ended. */
  ask(url: Bytes): Promise<Bytes | undefined> {
    if (this.#closed || this.#asked.size >= MAX_DESCRIBES) return Promise.resolve(undefined);
    return new Promise((answer) => {
      const request = this.#next++;
      this.#asked.set(request, { url, parts: [], received: 0, answer });
      this.#needs.say({ type: "describe", request, offset: 0, url });
    });
  }

  heard(message: Describe | Description): Violation | undefined {
    return message.type === "describe" ? this.#describe(message) : this.#described(message);
  }

  close(): void {
    this.#closed = true;
    for (const { answer } of this.#asked.values()) answer(undefined);
    this.#asked.clear();
  }

  #describe({ request, offset, url }: Describe): Violation | undefined {
    if (this.#answering >= MAX_DESCRIBES) return "flood";
    this.#answering++;
    void this.#needs.statement(url).then((statement) => {
      this.#answering--;
      if (this.#closed) return;
      const part = statement?.slice(offset, offset + DATA_BYTES);
      const isGiven = part !== undefined && this.#needs.give(part.length);
      const total = isGiven ? (statement?.length ?? 0) : 0;
      const bytes = isGiven ? part : new Uint8Array(0);
      this.#needs.say({ type: "description", request, total, bytes });
    });
    return undefined;
  }

  #described({ request, total, bytes }: Description): Violation | undefined {
    const question = this.#asked.get(request);
    if (question === undefined) return "unasked";
    if (total > MAX_STATEMENT_BYTES) return "too-long";
    const { url, parts } = question;
    const due = Math.min(DATA_BYTES, total - question.received);
    if (total > 0 && (due <= 0 || bytes.length !== due)) return "out-of-range";
    parts.push(bytes);
    question.received += bytes.length;
    if (question.received < total) {
      this.#needs.say({ type: "describe", request, offset: question.received, url });
      return undefined;
    }
    this.#asked.delete(request);
    question.answer(total === 0 ? undefined : concatenated(parts));
    return undefined;
  }
}
