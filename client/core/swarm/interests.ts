// What one peer has asked us about, by the handles it chose.

import { type Bytes, base64url } from "../../../tracker/protocol/bytes.ts";
import type { Violation } from "../events.ts";
import type { ContentId } from "../vocabulary.ts";
import { type Handle, MAX_ASKED } from "../wire/messages.ts";

export class Interests {
  readonly #byHandle = new Map<Handle, ContentId>();
  readonly #byContent = new Map<ContentId, Handle>();

  /** The content it asks about, or what is wrong with asking. */
  add(handle: Handle, contentBytes: Bytes): { readonly content: ContentId } | Violation {
    // A content id is a SHA-256 in base64url, so any 32 bytes name one.
    const content = base64url(contentBytes) as ContentId;
    if (this.#byHandle.has(handle) || this.#byContent.has(content)) return "out-of-order";
    if (this.#byHandle.size >= MAX_ASKED) return "flood";
    this.#byHandle.set(handle, content);
    this.#byContent.set(content, handle);
    return { content };
  }

  remove(handle: Handle): Violation | "removed" {
    const content = this.#byHandle.get(handle);
    if (content === undefined) return "out-of-range";
    this.#byHandle.delete(handle);
    this.#byContent.delete(content);
    return "removed";
  }

  contentOf(handle: Handle): ContentId | undefined {
    return this.#byHandle.get(handle);
  }
  handleOf(content: ContentId): Handle | undefined {
    return this.#byContent.get(content);
  }
}
