// Real HTTP servers for tests, each on a free port of the loopback: a static site whose failures are switches, and
// whose counters say what really left it. Owns its sockets; `close` frees them all.

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { RateLimit } from "./rate-limit.ts";

export interface SiteFile {
  readonly body: Uint8Array | string;
  /** Default: by the path's ending, else `application/octet-stream`. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How the site fails just now. Nothing is switched on at first. */
export interface Behaviour {
  /** Answers everything with this status. */
  readonly status: number | null;
  /** Answers ranges with the whole. */
  readonly ignoresRange: boolean;
  /** Promises the whole body and breaks the connection half way. */
  readonly cutsBodies: boolean;
  /** Sends headers and no body, and keeps the connection. */
  readonly stalls: boolean;
}

export interface SiteSettings {
  readonly files: Readonly<Record<string, SiteFile>>;
  /** On every answer, for example CORS. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of bodies, over all connections together; default none. */
  readonly bytesPerSecond?: number;
}

/** Answers one request in a test's own way. */
export type OwnAnswer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Site {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
  put(path: string, file: SiteFile): void;
  /** Instead of a file: whatever the method, before every switch. Counted as a request; its bytes are not counted. */
  answer(path: string, own: OwnAnswer): void;
  behave(change: Partial<Behaviour>): void;
  limit(bytesPerSecond: number | null): void;
  /** Body bytes handed to the network, of one path or of all. */
  sent(path?: string): number;
  /** Requests that arrived, answered or not. */
  requests(path?: string): number;
  /** Connections are refused and open ones broken. */
  goOffline(): Promise<void>;
  /** On the same port as before. */
  goOnline(): Promise<void>;
  close(): Promise<void>;
}

/** One slice between two looks at limit and switches; small enough that connections share a limit evenly. */
const SLICE_BYTES = 16 * 1024;

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  mjs: "text/javascript",
  css: "text/css",
  json: "application/json",
  mp4: "video/mp4",
};

export async function startSite(settings: SiteSettings): Promise<Site> {
  const site = new StaticSite(settings);
  await site.goOnline();
  return site;
}

/** A file as it is sent, made once: hashing 24 MiB for each range would make the test's own server the slow part. */
interface Kept {
  readonly file: SiteFile;
  readonly body: Buffer;
  readonly etag: string;
}

function kept(file: SiteFile): Kept {
  const body = Buffer.from(file.body);
  const digest = createHash("sha256").update(body).digest("base64url");
  return { file, body, etag: `"${digest.slice(0, 22)}"` };
}

class StaticSite implements Site {
  readonly #files: Map<string, Kept>;
  readonly #answers = new Map<string, OwnAnswer>();
  readonly #headers: Readonly<Record<string, string>>;
  readonly #rate: RateLimit;
  readonly #sent = new Map<string, number>();
  readonly #requests = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  #behaviour: Behaviour = { status: null, ignoresRange: false, cutsBodies: false, stalls: false };
  #server: Server | null = null;
  #port = 0;

  constructor({ files, headers, bytesPerSecond }: SiteSettings) {
    this.#files = new Map(Object.entries(files).map(([path, file]) => [path, kept(file)]));
    this.#headers = headers ?? {};
    this.#rate = new RateLimit(bytesPerSecond ?? null);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  put(path: string, file: SiteFile): void {
    this.#answers.delete(path);
    this.#files.set(path, kept(file));
  }
  answer(path: string, own: OwnAnswer): void {
    this.#answers.set(path, own);
  }
  behave(change: Partial<Behaviour>): void {
    this.#behaviour = { ...this.#behaviour, ...change };
  }
  limit(bytesPerSecond: number | null): void {
    this.#rate.change(bytesPerSecond);
  }
  sent(path?: string): number {
    return counted(this.#sent, path);
  }
  requests(path?: string): number {
    return counted(this.#requests, path);
  }

  async goOffline(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async goOnline(): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer((request, response) => void this.#answer(request, response));
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#rate.close();
    await this.goOffline();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://site").pathname;
    add(this.#requests, path, 1);
    for (const [name, value] of Object.entries(this.#headers)) response.setHeader(name, value);
    const own = this.#answers.get(path);
    if (own !== undefined) return own(request, response);
    const { status } = this.#behaviour;
    if (status !== null) return plain(response, status);
    if (request.method === "OPTIONS") return plain(response, 204);
    if (request.method !== "GET" && request.method !== "HEAD") return plain(response, 405);
    const found = this.#files.get(path);
    if (found === undefined) return plain(response, 404);
    const { file, body, etag } = found;
    response.setHeader("ETag", etag);
    response.setHeader("Accept-Ranges", "bytes");
    response.setHeader("Content-Type", file.type ?? typeOf(path));
    for (const [name, value] of Object.entries(file.headers ?? {})) response.setHeader(name, value);
    if (request.headers["if-none-match"] === etag) return plain(response, 304);

    const range = this.#rangeOf(request, etag, body.length);
    if (range === "unsatisfiable") {
      response.setHeader("Content-Range", `bytes */${body.length}`);
      return plain(response, 416);
    }
    if (range !== null) {
      response.statusCode = 206;
      response.setHeader("Content-Range", `bytes ${range.first}-${range.last}/${body.length}`);
    }
    const part = range === null ? body : body.subarray(range.first, range.last + 1);
    response.setHeader("Content-Length", part.length);
    if (request.method === "HEAD") response.end();
    else await this.#send(response, path, part);
  }

  #rangeOf(request: IncomingMessage, etag: string, size: number): Range {
    const { range } = request.headers;
    const condition = request.headers["if-range"];
    if (range === undefined || this.#behaviour.ignoresRange) return null;
    if (condition !== undefined && condition !== etag) return null;
    return rangeOf(range, size);
  }

  async #send(response: ServerResponse, path: string, body: Buffer): Promise<void> {
    const { cutsBodies, stalls } = this.#behaviour;
    response.flushHeaders();
    if (stalls) return;
    const end = cutsBodies ? Math.floor(body.length / 2) : body.length;
    for (let at = 0; at < end; at += SLICE_BYTES) {
      const slice = body.subarray(at, Math.min(at + SLICE_BYTES, end));
      await this.#rate.take(slice.length);
      if (response.destroyed) return;
      // Resolves with an error too when the connection is gone; the next round sees it.
      const failed = await new Promise((done) => response.write(slice, done));
      if (failed) return;
      add(this.#sent, path, slice.length);
    }
    if (cutsBodies) response.destroy();
    else response.end();
  }
}

type Range = { readonly first: number; readonly last: number } | "unsatisfiable" | null;

/** `null`: no range, or several; then the whole is the answer (RFC 9110, 14.2). */
function rangeOf(header: string, size: number): Range {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header);
  const [first = "", last = ""] = match?.slice(1) ?? [];
  if (first === "" && last === "") return null;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { first: size - length, last: size - 1 };
  }
  if (last !== "" && Number(last) < Number(first)) return null;
  if (Number(first) >= size) return "unsatisfiable";
  return { first: Number(first), last: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}

function plain(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.end();
}

function typeOf(path: string): string {
  return TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
}

function add(counts: Map<string, number>, path: string, count: number): void {
  counts.set(path, (counts.get(path) ?? 0) + count);
}

function counted(counts: Map<string, number>, path: string | undefined): number {
  if (path !== undefined) return counts.get(path) ?? 0;
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** A port of the loopback where nobody listens just now. */
export async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
