// A file of a site in versions, answered as an origin does that knows HTTP: conditions, ranges, and caching fields as
// the test says. Remembers who asked for what.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Site } from "./servers.ts";

export interface Answer {
  readonly status: number;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
  readonly range: string | undefined;
}

export interface Versioned {
  /** Makes this the version that the origin has from now on. */
  deploy(version: number): void;
  /** Instead of the file; `off`: the connection breaks, `silent`: nothing comes. `null`: the file again. */
  fail(how: number | "off" | "silent" | null): void;
  /** In place of those it began with. */
  headers: Readonly<Record<string, string>>;
  /** `null`: the version's. Empty: none. */
  etag: string | null;
  readonly answers: readonly Answer[];
}

const SIZE = 3000;

/** Begins with `v1 `, `v2 ` and so on, and is of one size whatever the version. No two files have the same. */
export function bodyOf(name: string, version: number): string {
  const word = `v${version} of ${name}, `;
  return word.repeat(Math.ceil(SIZE / word.length)).slice(0, SIZE);
}

/** `headers`: on every 200, 206 and 304. */
export function versioned(
  site: Site,
  path: string,
  headers: Readonly<Record<string, string>>,
): Versioned {
  let version = 1;
  let failure: number | "off" | "silent" | null = null;
  const answers: Answer[] = [];
  const file: Versioned = {
    deploy: (next) => {
      version = next;
    },
    fail: (how) => {
      failure = how;
    },
    headers,
    etag: null,
    answers,
  };
  site.answer(path, (request, response) => {
    const condition = request.headers["if-none-match"];
    const since = request.headers["if-modified-since"];
    const { range } = request.headers;
    const note = (status: number): void => {
      answers.push({ status, ifNoneMatch: condition, ifModifiedSince: since, range });
    };
    if (failure === "off" || failure === "silent") {
      note(0);
      if (failure === "off") response.destroy();
      return;
    }
    if (failure !== null) {
      note(failure);
      return void response.writeHead(failure).end("no");
    }
    const etag = file.etag ?? `"v${version}"`;
    if (etag !== "") response.setHeader("ETag", etag);
    for (const [name, value] of Object.entries(file.headers)) response.setHeader(name, value);
    const changed = file.headers["Last-Modified"];
    const isKnown =
      condition === undefined ? since !== undefined && since === changed : condition === etag;
    answer(request, response, isKnown ? null : Buffer.from(bodyOf(path, version)));
    note(response.statusCode);
  });
  return file;
}

/** `null`: nothing has changed. */
function answer(request: IncomingMessage, response: ServerResponse, body: Buffer | null): void {
  if (body === null) return void response.writeHead(304).end();
  response.setHeader("Content-Type", "text/plain");
  response.setHeader("Accept-Ranges", "bytes");
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  if (first === undefined) {
    response.writeHead(200, { "Content-Length": body.length });
    return void response.end(request.method === "HEAD" ? undefined : body);
  }
  const part = body.subarray(Number(first), Number(last) + 1);
  response.writeHead(206, {
    "Content-Length": part.length,
    "Content-Range": `bytes ${first}-${last}/${body.length}`,
  });
  response.end(part);
}
