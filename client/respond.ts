// A reading as a web Response: status, headers, a body that is pulled and not pushed, abort. Until the first bytes are
// there nothing is promised, so that a request which Shoal cannot answer can still go to the network untouched.

import type { Bytes } from "../tracker/protocol/bytes.ts";
import { ShoalError } from "./core/errors.ts";
import type { Reading } from "./core/retrieve/reading.ts";
import type { ByteRange, Content } from "./core/vocabulary.ts";
import type { Asked } from "./request.ts";

export interface Answer {
  readonly asked: Asked;
  readonly content: Content;
  readonly range: ByteRange | "whole";
  readonly reading: Reading;
  /** The same request, asked of the network. */
  network(): Promise<Response>;
}

/** Resolves with the first bytes. Rejects with the abort's reason, or when no source has anything. */
export async function respond(answer: Answer): Promise<Response> {
  const { asked, reading } = answer;
  const { signal } = asked;
  signal?.throwIfAborted();
  const body = new Body(answer);
  const abort = (): void => body.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  reading.whenClosed(() => signal?.removeEventListener("abort", abort));
  const first = await reading.next().catch((error: unknown) => {
    throw signal?.aborted ? signal.reason : error;
  });
  return body.response(first);
}

class Body {
  readonly #answer: Answer;
  #controller: ReadableStreamDefaultController<Bytes> | null = null;
  #response: Response | null = null;
  #sent = 0;
  #aborted: { readonly reason: unknown } | null = null;
  #network: ReadableStreamDefaultReader<Uint8Array> | null = null;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  response(first: Bytes | null): Response {
    const { content, range, asked } = this.#answer;
    const stream = new ReadableStream<Bytes>(
      {
        start: (controller) => {
          this.#controller = controller;
          this.#deliver(first);
        },
        pull: () => this.#pull(),
        cancel: () => this.#stop(),
      },
      // Nothing is read before the page asks for it.
      { highWaterMark: 0 },
    );
    const { size, type } = content.asset;
    const response = new Response(stream, {
      status: range === "whole" ? 200 : 206,
      statusText: range === "whole" ? "OK" : "Partial Content",
      headers: {
        "Accept-Ranges": "bytes",
        "Content-Length": String(range === "whole" ? size : range.last - range.first + 1),
        "Content-Type": type,
        ...(range === "whole"
          ? {}
          : { "Content-Range": `bytes ${range.first}-${range.last}/${size}` }),
      },
    });
    this.#response = asFetched(response, asked.url, () => this.#aborted);
    this.#status();
    return response;
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#stop();
    this.#controller?.error(reason);
  }

  #stop(): void {
    this.#answer.reading.close();
    void this.#network?.cancel().catch(() => {});
  }

  async #pull(): Promise<void> {
    try {
      if (this.#network === null) this.#deliver(await this.#answer.reading.next());
      else this.#deliver((await this.#network.read()).value ?? null);
    } catch (error) {
      if (await this.#goOn(error)) return;
      // Going on at the network, the reading that listened for the abort is over.
      const { signal } = this.#answer.asked;
      if (signal?.aborted) this.abort(signal.reason);
      else this.#controller?.error(networkError(error));
    }
  }

  #deliver(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.#controller?.close();
    } else {
      this.#sent += bytes.length;
      this.#controller?.enqueue(bytes as Bytes);
    }
    this.#status();
  }

  /**
   * The site has another version than its manifest says. If all that the page has seen came from the origin, it gets
   * the rest from there too, at the same byte: exactly what it would have had without us.
   */
  async #goOn(error: unknown): Promise<boolean> {
    const { cache, peers } = this.#answer.reading.bytes;
    const isMismatch = error instanceof ShoalError && error.code === "origin/mismatch";
    if (!isMismatch || cache + peers > 0) return false;
    const response = await this.#answer.network().catch(() => null);
    const reader = response?.ok ? response.body?.getReader() : undefined;
    if (reader === undefined) return false;
    this.#network = reader;
    for (let skip = this.#sent; ; ) {
      const { value, done } = await reader.read();
      if (done) return false;
      if (value.length > skip) {
        this.#deliver(value.subarray(skip));
        return true;
      }
      skip -= value.length;
    }
  }

  /** RFC 9211. Bytes by source so far; the last look, when the body has ended, is the whole truth. */
  #status(): void {
    const { cache, peers, origin } = this.#answer.reading.bytes;
    const forward = cache > 0 ? "partial" : "miss";
    const text =
      peers + origin === 0
        ? "shoal; hit"
        : `shoal; fwd=${forward}; detail="peers=${peers},origin=${origin}"`;
    try {
      this.#response?.headers.set("Cache-Status", text);
    } catch {
      // The page may have frozen its headers by passing the response on.
    }
  }
}

/** Chromium (156) tells these only that a made body failed, and not what it failed with. */
const CONSUMERS = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const;

/**
 * A made response has neither URL nor type, loses both again in a clone, and pages do look at them. `aborted`: whether
 * an abort ended its body, and why.
 */
function asFetched(
  response: Response,
  url: string,
  aborted: () => { readonly reason: unknown } | null,
): Response {
  const type: ResponseType = new URL(url).origin === globalThis.origin ? "basic" : "cors";
  const properties: Record<string, unknown> = {
    url,
    type,
    clone: () => asFetched(Response.prototype.clone.call(response), url, aborted),
  };
  for (const name of CONSUMERS) {
    const consume: unknown = Reflect.get(Response.prototype, name);
    // `bytes` is younger than the browsers that can run this.
    if (typeof consume !== "function") continue;
    properties[name] = async (): Promise<unknown> => {
      const isFirst = !response.bodyUsed;
      try {
        return await consume.call(response);
      } catch (error) {
        const abort = isFirst ? aborted() : null;
        throw abort === null ? error : abort.reason;
      }
    };
  }
  for (const [name, value] of Object.entries(properties)) {
    Object.defineProperty(response, name, { value, configurable: true, writable: true });
  }
  return response;
}

/** What `fetch` would reject with; the code stays readable as the cause. */
function networkError(cause: unknown): TypeError {
  return new TypeError("Failed to fetch", { cause });
}

export function unsatisfiable({ url }: Asked, { asset }: Content): Response {
  const response = new Response(null, {
    status: 416,
    statusText: "Range Not Satisfiable",
    headers: {
      "Content-Length": "0",
      "Content-Range": `bytes */${asset.size}`,
      "Cache-Status": "shoal; hit",
    },
  });
  return asFetched(response, url, () => null);
}
