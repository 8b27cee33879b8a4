// The `Origin` over `fetch`: one request a read, streamed. Owns the request and its abort. Never retries, never
// judges bytes, and believes an answer's headers only as far as the browser shows them all.

import type { Bytes } from "../../tracker/protocol/bytes.ts";
import { CACHING_FIELDS } from "../../tracker/protocol/manifest.ts";
import type { Origin, OriginListener, OriginRequest } from "../core/ports.ts";
import type { ByteCount, ByteRange, CachingFields } from "../core/vocabulary.ts";

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/**
 * `fetchFunction` is the page's `fetch` as it was at load: whoever wraps it later, Shoal included, must not see
 * these reads, or they would come back to us.
 */
export function fetchOrigin(fetchFunction: Fetch): Origin {
  return {
    read(request, listener) {
      const abort = new AbortController();
      const read = new Read(request, listener, abort);
      void read.run(fetchFunction);
      return () => {
        read.cancel();
        abort.abort();
      };
    },
  };
}

/** What an answer says of its bytes. `length`: how many there must be, if that is known. */
interface Announced {
  readonly offset: number;
  readonly total: number | null;
  readonly length: ByteCount | null;
}

class Read {
  readonly #request: OriginRequest;
  readonly #listener: OriginListener;
  readonly #abort: AbortController;
  #over = false;

  constructor(request: OriginRequest, listener: OriginListener, abort: AbortController) {
    this.#request = request;
    this.#listener = listener;
    this.#abort = abort;
  }

  cancel(): void {
    this.#over = true;
  }

  async run(fetchFunction: Fetch): Promise<void> {
    const response = await this.#ask(fetchFunction);
    if (this.#over) return;
    if (response === null) return this.#end({ kind: "unreachable" });
    const { status } = response;
    const isAsked = status === 200 || (status === 206 && this.#request.range !== "whole");
    const headers = cachingFieldsOf(response);
    if (!isAsked) {
      return this.#end({ kind: "status", status, ...(status === 304 ? { headers } : {}) });
    }
    const announced =
      status === 200 ? announcedByWhole(response) : announcedByPart(response, this.#request.range);
    if (announced === null) return this.#end({ kind: "unreachable" });
    const { offset, total } = announced;
    const unranged = status === 200 && this.#request.range !== "whole";
    this.#listener.start({ offset, total, headers, ...(unranged ? { unranged } : {}) });
    if (!this.#over) await this.#carry(response.body, announced.length);
  }

  async #ask(fetchFunction: Fetch): Promise<Response | null> {
    const { url, range, cache, unless, body } = this.#request;
    const headers = new Headers();
    if (range !== "whole") headers.set("Range", `bytes=${range.first}-${range.last}`);
    if (unless?.etag) headers.set("If-None-Match", unless.etag);
    if (unless?.["last-modified"]) headers.set("If-Modified-Since", unless["last-modified"]);
    try {
      return await fetchFunction(url, {
        ...(body === undefined ? {} : { method: "POST", body }),
        // Its own condition is the browser's cache's to leave alone (Fetch, HTTP-network-or-cache fetch).
        cache: unless === undefined ? cache : "no-store",
        credentials: "same-origin",
        redirect: "follow",
        signal: this.#abort.signal,
        headers,
      });
    } catch {
      return null;
    }
  }

  /** Passes buffers on as the network brings them: the core cuts chunks out of any sizes. */
  async #carry(body: ReadableStream<Bytes> | null, length: ByteCount | null): Promise<void> {
    let received: ByteCount = 0;
    const reader = body?.getReader();
    while (reader !== undefined) {
      let next: ReadableStreamReadResult<Bytes>;
      try {
        next = await reader.read();
      } catch {
        if (!this.#over) this.#end({ kind: "unreachable" });
        return;
      }
      if (this.#over) return;
      if (next.done) break;
      received += next.value.byteLength;
      if (length !== null && received > length) return this.#end({ kind: "unreachable" });
      if (next.value.byteLength > 0) this.#listener.bytes(next.value);
      if (this.#over) return;
    }
    const isShort = length !== null && received < length;
    this.#end(isShort ? { kind: "unreachable" } : { kind: "complete" });
  }

  #end(outcome: Parameters<OriginListener["end"]>[0]): void {
    this.#over = true;
    // A body nobody reads any more would keep its connection busy.
    if (outcome.kind !== "complete") this.#abort.abort();
    this.#listener.end(outcome);
  }
}

function cachingFieldsOf({ headers }: Response): CachingFields {
  const fields: Record<string, string> = {};
  for (const name of [...CACHING_FIELDS, "vary"]) {
    const value = headers.get(name);
    if (value !== null) fields[name] = value;
  }
  return fields;
}

function announcedByWhole(response: Response): Announced {
  // Across origins Content-Length is shown and Content-Encoding is not (Fetch, CORS-safelisted response-header
  // names), so the length may be that of compressed bytes we never see.
  const isPlain = response.type !== "cors" && !response.headers.has("Content-Encoding");
  const size = isPlain ? countOf(response.headers.get("Content-Length")) : null;
  return { offset: 0, total: size, length: size };
}

/** `null`: not an answer to what was asked. */
function announcedByPart(response: Response, asked: ByteRange | "whole"): Announced | null {
  if (asked === "whole") return null;
  const text = response.headers.get("Content-Range");
  if (text === null) {
    // Hidden across origins unless exposed. One range was asked, so one range it is, unless it says otherwise.
    const isMultipart = response.headers.get("Content-Type")?.startsWith("multipart/") === true;
    if (response.type !== "cors" || isMultipart) return null;
    return { offset: asked.first, total: null, length: null };
  }
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(text.trim());
  const first = countOf(match?.[1]);
  const last = countOf(match?.[2]);
  if (first === null || last === null || last < first) return null;
  const total = countOf(match?.[3]);
  if (total !== null && last >= total) return null;
  // Another part than the asked one is reported where it really is, if it is of any use.
  if (last < asked.first || first > asked.last) return null;
  return { offset: first, total, length: last - first + 1 };
}

function countOf(text: string | null | undefined): number | null {
  if (text === null || text === undefined || !/^\d{1,15}$/.test(text)) return null;
  return Number(text);
}
