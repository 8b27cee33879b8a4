// What the attestor says of origins that are broken or hostile, and of those who ask it to read what it must not: each
// a clear refusal, and nothing grows.

import { createHash } from "node:crypto";
import type { lookup } from "node:dns";
import type { ServerResponse } from "node:http";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ContentOrigins } from "../../../../tracker/attest/content-origins.ts";
import { DEFAULT_ATTEST_LIMITS } from "../../../../tracker/attest/limits.ts";
import { type Bytes, utf8 } from "../../../../tracker/protocol/bytes.ts";
import { type OwnAnswer, startSite, unusedPort } from "../../../support/servers.ts";
import {
  attestorWith,
  FILM,
  FRESH,
  found,
  play,
  playsOnASite,
  sends,
  verdictOn,
} from "./attesting.ts";

playsOnASite();

describe("refused, with a reason of its own:", () => {
  test("what is not listed, without a word to its server", async () => {
    const other = await startSite({ files: { "/x": { body: "x", headers: FRESH } } });
    const attestor = await attestorWith();
    const finding = await attestor.find(`${other.url}/x`, () => true);
    expect(finding).toMatchObject({ refusal: { code: "not-listed" } });
    expect(other.requests()).toBe(0);
    await other.close();
  });
  test("a redirect to a private address, of which nobody hears", async () => {
    const inside = await startSite({ files: { "/secret": { body: "secret", headers: FRESH } } });
    const code = await verdictOn((_request, response) => {
      response.writeHead(302, { ...FRESH, location: `${inside.url}/secret` });
      response.end();
    });
    expect(code).toBe("redirect");
    expect(inside.requests()).toBe(0);
    await inside.close();
  });
  test.each([
    ["this machine", ["127.0.0.1"]],
    ["this machine in IPv6", ["::1"]],
    ["the cloud's metadata", ["169.254.169.254"]],
    ["addresses inside, all of them", ["10.0.0.1", "192.168.0.1"]],
  ])("a listed name that leads to %s, which is not connected to", async (_what, addresses) => {
    const { port } = new URL(play.site.url);
    const listed = `http://shop.example:${port}`;
    const resolve = (_name: string, _options: unknown, done: (...said: unknown[]) => void): void =>
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    const origins = new ContentOrigins(new Set([listed]), resolve as typeof lookup);
    const finding = await (await attestorWith({}, origins)).find(`${listed}/film.mp4`, () => true);
    expect(finding).toMatchObject({ kind: "refused", refusal: { code: "address" } });
    expect(play.site.requests()).toBe(0);
  });
  test.each([301, 302, 303, 307, 308])("redirect %i, wherever it leads", async (status) => {
    play.site.put("/secret", { body: "secret", headers: FRESH });
    const code = await verdictOn((_request, response) => {
      response.writeHead(status, { ...FRESH, location: "/secret" });
      response.end();
    });
    expect(code).toBe("redirect");
    expect(play.site.requests("/secret")).toBe(0);
  });
  test.each([201, 204, 206, 304, 401, 404, 500])("status %i", async (status) => {
    const code = await verdictOn((_request, response) => {
      response.writeHead(status, FRESH);
      response.end();
    });
    expect(code).toBe("status");
  });
  test("headers that forbid it, before any of the body", async () => {
    const code = await verdictOn((_request, response) => {
      response.writeHead(200, { "cache-control": "private" });
      response.flushHeaders();
    });
    expect(code).toBe("private");
  });
  test("a body that says it is too large, unread", async () => {
    const code = await verdictOn(
      (_request, response) => {
        response.writeHead(200, { ...FRESH, "content-length": 1_000_001 });
        response.flushHeaders();
      },
      { assetBytes: 1_000_000 },
    );
    expect(code).toBe("too-large");
  });
  test("a body without end", async () => {
    const ended = new Promise<void>((resolve) => {
      play.site.answer("/x", (_request, response) => {
        response.writeHead(200, FRESH);
        response.on("close", resolve);
        pour(response);
      });
    });
    expect(await found(await attestorWith({ assetBytes: 1_000_000 }), "/x")).toBe("too-large");
    await ended;
  });
  test.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ])("a bomb (%s)", async (name, pack) => {
    const bomb = pack(Buffer.alloc(20_000_000));
    expect(bomb.length).toBeLessThan(50_000);
    const code = await verdictOn(sends(bomb, { "content-encoding": name }), {
      inflatedBytes: 1_000_000,
    });
    expect(code).toBe("too-large");
  });
  test.each([
    ["an unknown encoding", "zstd", "x"],
    ["two encodings", "gzip, gzip", gzipSync(gzipSync("x"))],
    ["gzip that is none", "gzip", "not gzip"],
    ["gzip cut in half", "gzip", gzipSync(FILM).subarray(0, 1000)],
    ["brotli that is none", "br", "not brotli at all"],
  ])("%s", async (_what, encoding, body) => {
    expect(await verdictOn(sends(body, { "content-encoding": encoding }))).toBe("encoding");
  });
  test("a body that breaks off", async () => {
    play.site.behave({ cutsBodies: true });
    expect(await found(await attestorWith())).toBe("unreachable");
  });
  test("an answer with more header than one has, and one with a megabyte of it", async () => {
    for (const length of [20_000, 1_000_000]) {
      const code = await verdictOn(sends("x", { "x-long": "y".repeat(length) }));
      expect(code).toBe("unreachable");
    }
  });
  test("what is no HTTP, and nobody there", async () => {
    const code = await verdictOn((request) => {
      request.socket.end("SSH-2.0-OpenSSH_9.2p1\r\n");
    });
    expect(code).toBe("unreachable");
    const url = `http://127.0.0.1:${await unusedPort()}`;
    const attestor = await attestorWith({}, new ContentOrigins(new Set([url])));
    const finding = await attestor.find(`${url}/`, () => true);
    expect(finding).toMatchObject({ refusal: { code: "unreachable" } });
  });
  test("an origin that never answers", async () => {
    expect(await verdictOn(() => {}, { answerMs: 50 })).toBe("timeout");
  });
  test("a body that stops", async () => {
    const stops: OwnAnswer = (_request, response) => {
      response.writeHead(200, { ...FRESH, "content-length": 1000 });
      response.write("beginning");
    };
    expect(await verdictOn(stops, { idleMs: 50 })).toBe("timeout");
  });
  test("a body that drips for ever", async () => {
    const drips: OwnAnswer = (_request, response) => {
      response.writeHead(200, FRESH);
      const drip = setInterval(() => response.write("."), 10);
      response.on("close", () => clearInterval(drip));
    };
    expect(await verdictOn(drips, { readMs: 200 })).toBe("timeout");
    const rates = { answerMs: 100, leastBytesPerSecond: 1000 };
    expect(await verdictOn(drips, rates)).toBe("timeout");
  });
  test("content that is another one each time", async () => {
    let count = 0;
    const changes: OwnAnswer = (_request, response) => {
      response.writeHead(200, { "content-type": "image/png" });
      response.end(`${count++}`);
    };
    expect(await verdictOn(changes)).toBe("changing");
  });
});

test("a length that lies hides nothing: what is stated is what a browser takes for the body", async () => {
  const code = await verdictOn((request) => {
    request.socket.end(
      "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\ntrue and more",
    );
  });
  expect(code).toMatchObject({ size: 4, digests: sha256("true") });
});

const sha256 = (text: string): Bytes =>
  new Uint8Array(createHash("sha256").update(utf8(text)).digest());

/** Bytes for as long as anybody takes them. */
function pour(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write(FILM));
  };
  response.on("drain", more);
  more();
}

describe("ten thousand URLs that nobody asked for before", () => {
  const MANY = 10_000;
  const urlOf = (index: number): string => `${play.site.url}/?${index}`;

  test("from all over the world are read a few at a time, most are told to come back, and little is kept", async () => {
    let open = 0;
    let most = 0;
    play.site.answer("/", (request, response) => {
      most = Math.max(most, ++open);
      response.on("close", () => open--);
      sends("x")(request, response);
    });
    const attestor = await attestorWith({ entries: 100 });
    const heap = process.memoryUsage().heapUsed;
    const asked = Array.from({ length: MANY }, (_, index) =>
      attestor.find(urlOf(index), () => true),
    );
    const findings = await Promise.all(asked);
    const busy = findings.filter(
      (finding) => finding.kind === "refused" && finding.refusal.code === "busy",
    );
    const { reads, waitingReads } = DEFAULT_ATTEST_LIMITS;
    expect(busy).toHaveLength(MANY - reads - waitingReads);
    expect(play.site.requests()).toBe(reads + waitingReads);
    expect(most).toBeLessThanOrEqual(reads);
    // Ten thousand refusals are under way at the end; a read has some kilobytes of buffers, and is over.
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(64 * 1024 * 1024);
    expect(await found(attestor)).toMatchObject({ size: FILM.length });
  });

  test("of a listed origin that refuses them leave a bounded memory", async () => {
    const attestor = await attestorWith({ waitingReads: MANY, entries: 100 });
    await Promise.all(
      Array.from({ length: 1000 }, (_, index) => attestor.find(urlOf(index), () => true)),
    );
    const before = play.site.requests();
    // The last hundred are remembered, the first are not.
    expect(await attestor.find(urlOf(999), () => false)).toMatchObject({
      refusal: { code: "status", originStatus: 404 },
    });
    expect(await attestor.find(urlOf(0), () => false)).toMatchObject({ refusal: { code: "rate" } });
    expect(play.site.requests()).toBe(before);
  });
});
