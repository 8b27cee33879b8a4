// Reading, signing and remembering against real servers of the loopback, friendly and hostile. Time is the test's own
// where only freshness is at stake.

import { createHash, webcrypto } from "node:crypto";
import type { ServerResponse } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Attestor, type Finding } from "../../../../tracker/attest/attestor.ts";
import { ContentOrigins } from "../../../../tracker/attest/content-origins.ts";
import { type AttestLimits, DEFAULT_ATTEST_LIMITS } from "../../../../tracker/attest/limits.ts";
import { passingKey } from "../../../../tracker/manifest/keys.ts";
import { type Bytes, base64url, fromBase64url, utf8 } from "../../../../tracker/protocol/bytes.ts";
import {
  type AssetStatement,
  CHUNK_BYTES,
  signedText,
} from "../../../../tracker/protocol/manifest.ts";
import { type OwnAnswer, type Site, startSite, unusedPort } from "../../../support/servers.ts";
import { noise } from "../../../support/stage.ts";

const FILM = noise(3 * CHUNK_BYTES + 100, 1);
const FRESH = { "cache-control": "max-age=60" };

let site: Site;
let now = 1_800_000_000_000;
const attestors: Attestor[] = [];
beforeEach(async () => {
  site = await startSite({ files: { "/film.mp4": { body: FILM, headers: FRESH } } });
});
afterEach(async () => {
  for (const attestor of attestors.splice(0)) attestor.close();
  await site.close();
});

async function attestorWith(limits: Partial<AttestLimits> = {}, origins = [site.url]) {
  const attestor = new Attestor({
    origins: new ContentOrigins(new Set(origins)),
    key: await passingKey(),
    limits: { ...DEFAULT_ATTEST_LIMITS, ...limits },
    now: () => now,
  });
  attestors.push(attestor);
  return attestor;
}
const find = (attestor: Attestor, path = "/film.mp4"): Promise<Finding> =>
  attestor.find(site.url + path, () => true);
/** The statement, or the code of the refusal. */
async function found(attestor: Attestor, path?: string): Promise<AssetStatement | string> {
  const finding = await find(attestor, path);
  return finding.kind === "vouched" ? finding.asset : finding.refusal.code;
}
async function codeOf(own: OwnAnswer, limits: Partial<AttestLimits> = {}): Promise<unknown> {
  site.answer("/x", own);
  return found(await attestorWith(limits), "/x");
}
const digestsOf = (body: Uint8Array): string => {
  const digests: Buffer[] = [];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    digests.push(
      createHash("sha256")
        .update(body.subarray(at, at + CHUNK_BYTES))
        .digest(),
    );
  }
  return Buffer.concat(digests).toString("base64url");
};
const sends =
  (body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): OwnAnswer =>
  (_request, response) => {
    response.writeHead(200, { "content-type": "image/png", ...FRESH, ...headers });
    response.end(body);
  };

describe("a statement", () => {
  test("says what the bytes are, with the origin's caching fields, signed", async () => {
    site.put("/film.mp4", { body: FILM, headers: { ...FRESH, age: "3" } });
    const attestor = await attestorWith();
    const asset = (await found(attestor)) as AssetStatement;
    expect(asset).toMatchObject({
      url: `${site.url}/film.mp4`,
      size: FILM.length,
      chunkBytes: CHUNK_BYTES,
      type: "video/mp4",
      epoch: now,
      key: attestor.publicKey,
      headers: { age: "3", "cache-control": "max-age=60", etag: expect.any(String) },
    });
    expect(base64url(asset.digests)).toBe(digestsOf(FILM));
    const point = fromBase64url(asset.key) as Bytes;
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    const key = await webcrypto.subtle.importKey("raw", point, curve, false, ["verify"]);
    const signing = { name: "ECDSA", hash: "SHA-256" };
    const verifies = (signed: AssetStatement): Promise<boolean> =>
      webcrypto.subtle.verify(signing, key, signed.signature, signedText(signed));
    expect(await verifies(asset)).toBe(true);
    expect(await verifies({ ...asset, headers: { ...asset.headers, age: "0" } })).toBe(false);
  });

  test.each([
    ["nothing", 0],
    ["a byte", 1],
    ["one chunk", CHUNK_BYTES],
    ["one chunk and a byte", CHUNK_BYTES + 1],
  ])("is right for %s", async (_what, length) => {
    const body = noise(length, 7);
    site.answer("/x", sends(body));
    const asset = (await found(await attestorWith(), "/x")) as AssetStatement;
    expect(asset.size).toBe(length);
    expect(base64url(asset.digests)).toBe(digestsOf(body));
  });

  test.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ])("is about what a page sees, though the origin compresses unasked (%s)", async (name, pack) => {
    const body = Buffer.from("a page sees this ".repeat(20_000));
    site.answer("/x", sends(pack(body), { "content-encoding": name }));
    const asset = (await found(await attestorWith(), "/x")) as AssetStatement;
    expect(asset.size).toBe(body.length);
    expect(base64url(asset.digests)).toBe(digestsOf(body));
  });

  test("is read as a stranger would: without cookies, credentials or referrer", async () => {
    let headers: unknown;
    site.answer("/x", (request, response) => {
      headers = request.headers;
      sends("x")(request, response);
    });
    await found(await attestorWith(), "/x");
    expect(headers).toEqual({
      accept: "*/*",
      "accept-encoding": "identity",
      "cdn-loop": "shoal",
      connection: "keep-alive",
      host: new URL(site.url).host,
      "user-agent": "shoal-tracker",
    });
  });
});

describe("a crowd", () => {
  test("of a thousand that asks at once costs the origin one read", async () => {
    const attestor = await attestorWith();
    const crowd = await Promise.all(Array.from({ length: 1000 }, () => find(attestor)));
    expect(new Set(crowd).size).toBe(1);
    expect(site.requests("/film.mp4")).toBe(1);
    expect(site.sent("/film.mp4")).toBe(FILM.length);
  });

  test("that wants many URLs reads a few at a time, and those beyond the queue come back", async () => {
    let open = 0;
    let most = 0;
    const answers: (() => void)[] = [];
    let arrived = (): void => {};
    for (let index = 0; index < 5; index++) {
      site.answer(`/${index}`, (request, response) => {
        most = Math.max(most, ++open);
        answers.push(() => {
          open--;
          sends("x")(request, response);
        });
        arrived();
      });
    }
    const attestor = await attestorWith({ reads: 2, waitingReads: 2 });
    const findings = [0, 1, 2, 3, 4].map((index) => found(attestor, `/${index}`));
    expect(await findings[4]).toBe("busy");
    for (const full of [2, 2, 2, 1]) {
      while (answers.length < full) await new Promise<void>((resolve) => (arrived = resolve));
      answers.shift()?.();
    }
    for (const finding of findings.slice(0, 4)) expect(await finding).toMatchObject({ size: 1 });
    expect(most).toBe(2);
  });

  test("beyond its allowance asks nothing of the origin, and still gets what is known", async () => {
    const attestor = await attestorWith();
    const asked = (path: string) => attestor.find(site.url + path, () => false);
    expect(await asked("/film.mp4")).toMatchObject({ refusal: { code: "rate" } });
    await find(attestor);
    expect(await asked("/film.mp4")).toMatchObject({ kind: "vouched" });
    expect(site.requests()).toBe(1);
  });
});

describe("what is known", () => {
  test("is said for as long as it is fresh, then validated: 304, no body, a later epoch", async () => {
    const attestor = await attestorWith();
    const first = (await found(attestor)) as AssetStatement;
    now += 59_000;
    expect(await found(attestor)).toBe(first);
    now += 2_000;
    const second = (await found(attestor)) as AssetStatement;
    expect(site.requests("/film.mp4")).toBe(2);
    expect(site.sent("/film.mp4")).toBe(FILM.length);
    expect(second).toMatchObject({ epoch: now, digests: first.digests, headers: first.headers });
    expect(second.signature).not.toEqual(first.signature);
  });

  test("is read again when it changed", async () => {
    const attestor = await attestorWith();
    await find(attestor);
    now += 61_000;
    site.put("/film.mp4", { body: "another film", headers: FRESH });
    expect(await found(attestor)).toMatchObject({ size: 12, epoch: now });
  });

  test("is given up when the 304 says that it is private now", async () => {
    const attestor = await attestorWith();
    await find(attestor);
    now += 61_000;
    site.put("/film.mp4", { body: FILM, headers: { "cache-control": "private" } });
    expect(await found(attestor)).toBe("private");
  });

  test("has the age of the last answer, not of an older one", async () => {
    site.put("/film.mp4", { body: FILM, headers: { ...FRESH, age: "50" } });
    const attestor = await attestorWith();
    await find(attestor);
    now += 11_000;
    site.put("/film.mp4", { body: FILM, headers: FRESH });
    expect((await found(attestor)) as AssetStatement).not.toHaveProperty("headers.age");
  });

  test("outlives its origin, unless the origin forbade that", async () => {
    site.put("/strict", { body: "x", headers: { "cache-control": "max-age=60, must-revalidate" } });
    const attestor = await attestorWith();
    const film = await found(attestor);
    await find(attestor, "/strict");
    now += 61_000;
    await site.goOffline();
    expect(await found(attestor)).toBe(film);
    expect(await found(attestor, "/strict")).toBe("unreachable");
    // Not asked again by everybody who comes meanwhile.
    await site.goOnline();
    site.put("/film.mp4", { body: "another film", headers: FRESH });
    expect(await found(attestor)).toBe(film);
    now += 16_000;
    expect(await found(attestor)).toMatchObject({ size: 12 });
  });

  test("and refused is remembered with its reason, and looked at again in time", async () => {
    const attestor = await attestorWith();
    expect(await found(attestor, "/nothing")).toBe("status");
    expect(await find(attestor, "/nothing")).toMatchObject({ refusal: { originStatus: 404 } });
    expect(site.requests("/nothing")).toBe(1);
    now += 61_000;
    site.put("/nothing", { body: "something", headers: FRESH });
    expect(await found(attestor, "/nothing")).toMatchObject({ size: 9 });
  });

  test("is bounded: the least recently asked for goes first", async () => {
    for (const name of ["a", "b", "c"]) site.put(`/${name}`, { body: name, headers: FRESH });
    const attestor = await attestorWith({ entries: 2 });
    for (const path of ["/a", "/b", "/a", "/c", "/a"]) await find(attestor, path);
    expect(site.requests("/a")).toBe(1);
    await find(attestor, "/b");
    expect(site.requests("/b")).toBe(2);
  });

  test("is bounded by its digests, too", async () => {
    site.put("/small", { body: "x", headers: FRESH });
    const attestor = await attestorWith({ digestBytes: 4 * 32 });
    for (const path of ["/film.mp4", "/small", "/film.mp4"]) await find(attestor, path);
    expect(site.requests("/film.mp4")).toBe(2);
  });
});

describe("an origin that says nothing of time or version", () => {
  const bare =
    (body: () => string): OwnAnswer =>
    (_request, response) => {
      response.writeHead(200, { "content-type": "image/png" });
      response.end(body());
    };
  test("is read twice, and believed when both are the same", async () => {
    site.answer(
      "/x",
      bare(() => "same"),
    );
    const attestor = await attestorWith();
    expect(await found(attestor, "/x")).toMatchObject({ size: 4 });
    expect(site.requests("/x")).toBe(2);
    now += 61_000;
    // It was seen before, so one look is enough.
    expect(await found(attestor, "/x")).toMatchObject({ size: 4, epoch: now });
    expect(site.requests("/x")).toBe(3);
  });
  test("is refused when they differ", async () => {
    let count = 0;
    expect(await codeOf(bare(() => `${count++}`))).toBe("changing");
  });
});

describe("refused, with a reason of its own:", () => {
  test("what is not listed, without a word to its server", async () => {
    const other = await startSite({ files: { "/x": { body: "x", headers: FRESH } } });
    const attestor = await attestorWith();
    const finding = await attestor.find(`${other.url}/x`, () => true);
    expect(finding).toMatchObject({ refusal: { code: "not-listed" } });
    expect(other.requests()).toBe(0);
    await other.close();
  });
  test.each([301, 302, 303, 307, 308])("redirect %i, wherever it leads", async (status) => {
    site.put("/secret", { body: "secret", headers: FRESH });
    const code = await codeOf((_request, response) => {
      response.writeHead(status, { ...FRESH, location: "/secret" });
      response.end();
    });
    expect(code).toBe("redirect");
    expect(site.requests("/secret")).toBe(0);
  });
  test.each([201, 204, 206, 304, 401, 404, 500])("status %i", async (status) => {
    const code = await codeOf((_request, response) => {
      response.writeHead(status, FRESH);
      response.end();
    });
    expect(code).toBe("status");
  });
  test("headers that forbid it, before any of the body", async () => {
    const code = await codeOf((_request, response) => {
      response.writeHead(200, { "cache-control": "private" });
      response.flushHeaders();
    });
    expect(code).toBe("private");
  });
  test("a body that says it is too large, unread", async () => {
    const code = await codeOf(
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
      site.answer("/x", (_request, response) => {
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
    const code = await codeOf(sends(bomb, { "content-encoding": name }), {
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
    expect(await codeOf(sends(body, { "content-encoding": encoding }))).toBe("encoding");
  });
  test("a body that breaks off", async () => {
    site.behave({ cutsBodies: true });
    expect(await found(await attestorWith())).toBe("unreachable");
  });
  test("an answer with more header than one has", async () => {
    const code = await codeOf(sends("x", { "x-long": "y".repeat(20_000) }));
    expect(code).toBe("unreachable");
  });
  test("what is no HTTP, and nobody there", async () => {
    const code = await codeOf((request) => {
      request.socket.end("SSH-2.0-OpenSSH_9.2p1\r\n");
    });
    expect(code).toBe("unreachable");
    const url = `http://127.0.0.1:${await unusedPort()}`;
    const attestor = await attestorWith({}, [url]);
    const finding = await attestor.find(`${url}/`, () => true);
    expect(finding).toMatchObject({ refusal: { code: "unreachable" } });
  });
  test("an origin that never answers", async () => {
    expect(await codeOf(() => {}, { answerMs: 50 })).toBe("timeout");
  });
  test("a body that stops", async () => {
    const stops: OwnAnswer = (_request, response) => {
      response.writeHead(200, { ...FRESH, "content-length": 1000 });
      response.write("beginning");
    };
    expect(await codeOf(stops, { idleMs: 50 })).toBe("timeout");
  });
  test("a body that drips for ever", async () => {
    const drips: OwnAnswer = (_request, response) => {
      response.writeHead(200, FRESH);
      const drip = setInterval(() => response.write("."), 10);
      response.on("close", () => clearInterval(drip));
    };
    expect(await codeOf(drips, { readMs: 200 })).toBe("timeout");
  });
});

test("a length that lies hides nothing: what is stated is what a browser takes for the body", async () => {
  const code = await codeOf((request) => {
    request.socket.end(
      "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\ntrue and more",
    );
  });
  expect(code).toMatchObject({ size: 4, digests: sha256("true") });
});

test("reads keep to their pace", async () => {
  const attestor = await attestorWith({ bytesPerSecond: 4 * FILM.length, burstBytes: 1 });
  const begin = performance.now();
  await find(attestor);
  expect(performance.now() - begin).toBeGreaterThan(200);
});

test("closing ends reads under way", async () => {
  const attestor = await attestorWith();
  const asked = new Promise<void>((resolve) => site.answer("/x", () => resolve()));
  const finding = found(attestor, "/x");
  await asked;
  attestor.close();
  expect(await finding).toBe("unreachable");
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
