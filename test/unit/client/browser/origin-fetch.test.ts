// What the fetch origin makes of answers that are odd but possible, from a real server.

import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { fetchOrigin } from "../../../../client/browser/origin-fetch.ts";
import type { OriginRequest } from "../../../../client/core/ports.ts";
import { patterned } from "../../../contract/battery.ts";
import { type Site, type SiteFile, startSite } from "../../../support/servers.ts";

const bytes = patterned(1000);
let site: Site | undefined;
afterEach(() => site?.close());

interface Seen {
  readonly start: unknown;
  readonly length: number;
  readonly end: unknown;
}

async function read(
  file: SiteFile,
  range: OriginRequest["range"],
  fetchFunction = fetch,
): Promise<Seen> {
  site = await startSite({ files: { "/a": file } });
  const url = `${site.url}/a`;
  return new Promise((resolve) => {
    let start: unknown = null;
    let length = 0;
    fetchOrigin(fetchFunction).read(
      { url, range, cache: "reload" },
      {
        start: ({ headers: _headers, ...answer }) => {
          start = answer;
        },
        bytes: (data) => {
          length += data.length;
        },
        end: (end) => resolve({ start, length, end }),
      },
    );
  });
}

/** The site's answer with other words on it. */
const relabelled =
  (headers: Record<string, string>, status?: number): typeof fetch =>
  async (input, init) => {
    const response = await fetch(input, init);
    const all = new Headers(response.headers);
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    return new Response(response.body, { status: status ?? response.status, headers: all });
  };

const complete = { kind: "complete" };
const unreachable = { kind: "unreachable" };

test("a compressed body is as long as it turns out to be", async () => {
  const file = { body: gzipSync(new Uint8Array(50_000)), headers: { "Content-Encoding": "gzip" } };
  expect(await read(file, "whole")).toEqual({
    start: { offset: 0, total: null },
    length: 50_000,
    end: complete,
  });
});

test("an empty body is complete", async () => {
  expect(await read({ body: "" }, "whole")).toEqual({
    start: { offset: 0, total: 0 },
    length: 0,
    end: complete,
  });
});

test("another part than the asked one is reported where it is", async () => {
  const other = relabelled({ "Content-Range": "bytes 105-204/1000" });
  expect(await read({ body: bytes }, { first: 100, last: 199 }, other)).toEqual({
    start: { offset: 105, total: 1000 },
    length: 100,
    end: complete,
  });
});

test.each([
  "bytes 200-299/1000",
  "bytes 199-100/1000",
  "bytes 100-199/150",
  "bytes */1000",
  "lines 100-199/1000",
  "bytes 100-199",
  "bytes 1e2-199/1000",
])("a part labelled %s is no answer", async (label) => {
  const odd = relabelled({ "Content-Range": label });
  expect(await read({ body: bytes }, { first: 100, last: 199 }, odd)).toEqual({
    start: null,
    length: 0,
    end: unreachable,
  });
});

test("a part of unknown total is a part", async () => {
  const vague = relabelled({ "Content-Range": "bytes 100-199/*" });
  expect(await read({ body: bytes }, { first: 100, last: 199 }, vague)).toEqual({
    start: { offset: 100, total: null },
    length: 100,
    end: complete,
  });
});

test("a part shorter or longer than its label is unreachable, and nothing beyond the label comes", async () => {
  const long = relabelled({ "Content-Range": "bytes 100-209/1000" });
  expect(await read({ body: bytes }, { first: 100, last: 199 }, long)).toMatchObject({
    end: unreachable,
  });
  await site?.close();
  const short = relabelled({ "Content-Range": "bytes 100-149/1000" });
  const seen = await read({ body: bytes }, { first: 100, last: 199 }, short);
  expect(seen.end).toEqual(unreachable);
  expect(seen.length).toBeLessThanOrEqual(50);
});

test("a part nobody asked for is a status", async () => {
  const partial = relabelled({ "Content-Range": "bytes 0-999/1000" }, 206);
  expect(await read({ body: bytes }, "whole", partial)).toEqual({
    start: null,
    length: 0,
    end: { kind: "status", status: 206 },
  });
});

test("an address that is none is unreachable", async () => {
  const end = await new Promise((resolve) => {
    fetchOrigin(fetch).read(
      { url: "not an address", range: "whole", cache: "default" },
      { start() {}, bytes() {}, end: resolve },
    );
  });
  expect(end).toEqual(unreachable);
});

test("ranges are asked for as such, wholes without the header", async () => {
  const asked: (string | undefined)[] = [];
  const noted: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    asked.push(`${init?.cache} ${init?.credentials} ${init?.redirect} ${headers.get("Range")}`);
    return fetch(input, init);
  };
  await read({ body: bytes }, { first: 5, last: 9 }, noted);
  await site?.close();
  await read({ body: bytes }, "whole", noted);
  expect(asked).toEqual(["reload same-origin follow bytes=5-9", "reload same-origin follow null"]);
});
