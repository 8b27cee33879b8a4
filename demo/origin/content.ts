// The content origin: one directory over HTTP as a CDN's origin would serve it, with ranges, validators and a count of
// every byte. Can be slowed down and switched off, because that is what the demo is about. Knows nothing of Shoal but
// one response header.

import { open } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Uplink } from "./uplink.ts";

export interface ContentFile {
  readonly file: string;
  readonly size: number;
  readonly type: string;
  /** Quoted, as in the header. */
  readonly etag: string;
}

/** What is not a file but made when it is asked for: playlists, live data. */
export interface MadeContent {
  readonly body: string;
  readonly type: string;
  /** Quoted; the same for the same body. */
  readonly etag: string;
  /** How long it may be kept and passed on. 0: not at all. */
  readonly seconds: number;
}

export interface OriginState {
  /** Bytes of content sent since the start; headers are not counted. */
  readonly bytes: number;
  readonly requests: number;
  readonly isOn: boolean;
  readonly isSlow: boolean;
  readonly bytesPerSecond: number;
}

export interface OriginRates {
  readonly normal: number;
  readonly slow: number;
}

/** Small slices keep a shared uplink fair and a switch-off prompt. */
const SLICE_BYTES = 64 * 1024;

/**
 * Visitors of the demo are frames of one browser and would share its HTTP cache, which would then pass for a cheap
 * origin. So that cache is kept out, and Shoal, by its own field (RFC 9213), is told that it may keep what it gets.
 */
const caching = (seconds: number) => ({
  "cache-control": "no-store",
  "shoal-cache-control": seconds === 0 ? "no-store" : `public, max-age=${seconds}`,
});
const FILE_SECONDS = 86_400;

export class ContentOrigin {
  readonly #files: ReadonlyMap<string, ContentFile>;
  readonly #made: ReadonlyMap<string, () => MadeContent>;
  readonly #uplink: Uplink;
  readonly #rates: OriginRates;
  readonly #open = new Set<ServerResponse>();
  #bytes = 0;
  #requests = 0;
  #isOn = true;
  #isSlow = false;

  /** Both by path, with the leading slash and percent-encoded, as requests have it; `files` may come and go. */
  constructor(
    shelf: {
      readonly files: ReadonlyMap<string, ContentFile>;
      readonly made?: ReadonlyMap<string, () => MadeContent>;
    },
    uplink: Uplink,
    rates: OriginRates,
  ) {
    this.#files = shelf.files;
    this.#made = shelf.made ?? new Map();
    this.#uplink = uplink;
    this.#rates = rates;
  }

  state(): OriginState {
    return {
      bytes: this.#bytes,
      requests: this.#requests,
      isOn: this.#isOn,
      isSlow: this.#isSlow,
      bytesPerSecond: this.#uplink.bytesPerSecond,
    };
  }

  change(to: { readonly isOn?: boolean; readonly isSlow?: boolean }): OriginState {
    this.#isOn = to.isOn ?? this.#isOn;
    this.#isSlow = to.isSlow ?? this.#isSlow;
    this.#uplink.change(this.#isSlow ? this.#rates.slow : this.#rates.normal);
    if (!this.#isOn) for (const response of this.#open) response.destroy();
    return this.state();
  }

  /** Resolves when the answer is over, however it ended. */
  async answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    this.#requests++;
    // A server that is down does not say so; the connection just ends.
    if (!this.#isOn) return void response.destroy();
    const made = this.#made.get(path);
    const found = this.#files.get(path);
    if (made === undefined && found === undefined) {
      return void response.writeHead(404).end("Not found\n");
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return void response.writeHead(405, { allow: "GET, HEAD" }).end();
    }
    if (made !== undefined) return this.#answerMade(request, response, made());
    if (found !== undefined) return this.#answerFile(request, response, found);
  }

  async #answerMade(request: IncomingMessage, response: ServerResponse, made: MadeContent) {
    const { body, type, etag, seconds } = made;
    const headers = { ...caching(seconds), etag, "content-type": type };
    if (request.headers["if-none-match"] === etag) {
      return void response.writeHead(304, headers).end();
    }
    const length = Buffer.byteLength(body);
    response.writeHead(200, { ...headers, "content-length": length });
    if (request.method === "HEAD") return void response.end();
    await this.#uplink.take(length);
    if (response.destroyed) return;
    this.#bytes += length;
    response.end(body);
  }

  async #answerFile(request: IncomingMessage, response: ServerResponse, found: ContentFile) {
    const headers = {
      ...caching(FILE_SECONDS),
      etag: found.etag,
      "accept-ranges": "bytes",
      "content-type": found.type,
    };
    if (request.headers["if-none-match"] === found.etag) {
      return void response.writeHead(304, headers).end();
    }
    const range = rangeOf(request, found);
    if (range === "unsatisfiable") {
      return void response.writeHead(416, { "content-range": `bytes */${found.size}` }).end();
    }
    const [first, last] = range ?? [0, found.size - 1];
    response.writeHead(range === undefined ? 200 : 206, {
      ...headers,
      "content-length": last - first + 1,
      ...(range === undefined ? {} : { "content-range": `bytes ${first}-${last}/${found.size}` }),
    });
    if (request.method === "HEAD") return void response.end();
    this.#open.add(response);
    try {
      await this.#send(found.file, response, [first, last]);
    } finally {
      this.#open.delete(response);
    }
  }

  async #send(file: string, response: ServerResponse, [first, last]: [number, number]) {
    const handle = await open(file, "r");
    try {
      for (let at = first; at <= last; ) {
        const length = Math.min(SLICE_BYTES, last - at + 1);
        await this.#uplink.take(length);
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at);
        if (response.destroyed || bytesRead === 0) return void response.destroy();
        at += bytesRead;
        this.#bytes += bytesRead;
        if (!response.write(buffer.subarray(0, bytesRead))) await drained(response);
      }
      response.end();
    } finally {
      await handle.close();
    }
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}

/** One range of bytes; several, or none that can be read, mean the whole file (RFC 9110, section 14.2). */
function rangeOf(
  request: IncomingMessage,
  { size, etag }: ContentFile,
): [number, number] | "unsatisfiable" | undefined {
  const { range, "if-range": ifRange } = request.headers;
  if (ifRange !== undefined && ifRange !== etag) return undefined;
  const found = /^bytes=(\d*)-(\d*)$/.exec(range ?? "");
  if (found === null || found[0] === "bytes=-") return undefined;
  const [, from = "", to = ""] = found;
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? "unsatisfiable" : [size - length, size - 1];
  }
  const first = Number(from);
  const last = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== "" && Number(to) < first) return undefined;
  return first < size ? [first, last] : "unsatisfiable";
}
