// A reading as a web Response: status, headers, a body that is pulled and not pushed, abort. Until the first bytes are
// there nothing is promised, so that a request which Shoal cannot answer can still go to the network untouched.

import type { Bytes } from "../tracker/protocol/bytes.ts";
import { ShoalError } from "./core/errors.ts";
import type { Hasher } from "./core/ports.ts";
import type { Reading } from "./core/retrieve/reading.ts";
import type { ByteRange, CachingFields, Content } from "./core/vocabulary.ts";
import { headOf } from "./head.ts";
import type { Asked } from "./request.ts";
import { continues, Rest, Seen } from "./resume.ts";

export interface Answer {
  readonly asked: Asked;
  readonly content: Content;
  readonly range: ByteRange | "whole";
  readonly reading: Reading;
  /** What is known of its age and version. */
  fields(): CachingFields;
  readonly hasher: Hasher;
  /** The asset as the network has it. */
  network(range: ByteRange | null): Promise<Response>;
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
  #stopped = false;
  #aborted: { readonly reason: unknown } | null = null;
  readonly #seen: Seen;
  #network: Rest | null = null;

  constructor(answer: Answer) {
    this.#answer = answer;
    const { range, content } = answer;
    this.#seen = new Seen(range === "whole" ? 0 : range.first, content);
  }

  response(first: Bytes | null): Response {
    const { content, range, asked, fields } = this.#answer;
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
    const { headers, ...head } = headOf(content.asset, range);
    const told = fields() as Record<string, string>;
    const response = new Response(stream, { ...head, headers: { ...told, ...headers } });
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
    this.#stopped = true;
    this.#answer.reading.close();
    this.#network?.cancel();
  }

  async #pull(): Promise<void> {
    try {
      if (this.#network === null) this.#deliver(await this.#answer.reading.next());
      else this.#deliver(await this.#network.next());
    } catch (error) {
      if (await this.#goOn(error)) return;
      // Going on at the network, the reading that listened for the abort is over.
      const { signal } = this.#answer.asked;
      if (signal?.aborted) this.abort(signal.reason);
      else this.#controller?.error(networkError(error));
    }
  }

  #deliver(bytes: Bytes | null): void {
    if (bytes === null) {
      this.#controller?.close();
    } else {
      const isOurs = this.#network === null;
      if (isOurs) this.#seen.add(bytes);
      // The page may do with its own as it likes.
      this.#controller?.enqueue(isOurs ? bytes.slice() : bytes);
    }
    this.#status();
  }

  /**
   * The site has another version than its manifest says, or has taken this one back. If it begins with what the page has seen, the page gets the
   * rest of it: exactly what it would have had without us.
   */
  async #goOn(error: unknown): Promise<boolean> {
    const { content, hasher } = this.#answer;
    if (!(error instanceof ShoalError) || !isParting(error)) return false;
    const rest = await this.#rest().catch(() => null);
    if (rest === null) return false;
    this.#network = rest;
    if (this.#stopped) rest.cancel();
    const { chunk } = error.details;
    const parted = { asset: content.asset, seen: this.#seen, wrong: chunk, hasher };
    const isSame = await continues(rest, parted).catch(() => false);
    if (isSame) await this.#pull();
    else rest.cancel();
    return isSame;
  }

  /** The network's answer, from the beginning of the chunk in which the page's range begins, or from before. */
  async #rest(): Promise<Rest | null> {
    const { range, content, network } = this.#answer;
    const { chunkBytes } = content.asset;
    const first = range === "whole" ? 0 : range.first - (range.first % chunkBytes);
    const response = await network(range === "whole" ? null : { first, last: range.last });
    const end = range === "whole" ? Number.POSITIVE_INFINITY : range.last + 1;
    if (response.body === null) return null;
    if (response.status === 200) return new Rest(response.body, 0, end);
    // Hidden across origins unless exposed; one range was asked, so it is that one.
    const told = /^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? `bytes ${first}-`);
    const isAsked = response.status === 206 && Number(told?.[1]) === first;
    return isAsked && range !== "whole" ? new Rest(response.body, first, end) : null;
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

/** From some chunk on there is only the network. */
const isParting = (error: ShoalError): error is ShoalError<"origin/mismatch" | "content/purged"> =>
  error.code === "origin/mismatch" || error.code === "content/purged";

/** What `fetch` would reject with; the code stays readable as the cause. */
function networkError(cause: unknown): TypeError {
  return new TypeError("Failed to fetch", { cause });
}

export function unsatisfiable({ url }: Asked, { asset }: Content): Response {
  return asFetched(new Response(null, headOf(asset, "unsatisfiable")), url, () => null);
}
