// Reading, signing and remembering against a real server of the loopback. Time is the test's own.

import { webcrypto } from "node:crypto";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type Bytes, base64url, fromBase64url } from "../../../../tracker/protocol/bytes.ts";
import {
  type AssetStatement,
  CHUNK_BYTES,
  signedText,
} from "../../../../tracker/protocol/manifest.ts";
import type { OwnAnswer } from "../../../support/servers.ts";
import { noise } from "../../../support/stage.ts";
import {
  attestorWith,
  digestsOf,
  FILM,
  FRESH,
  find,
  found,
  play,
  playsOnASite,
  sends,
  verdictOn,
} from "./attesting.ts";

playsOnASite();

describe("a statement", () => {
  test("says what the bytes are, with the origin's caching fields, signed", async () => {
    play.site.put("/film.mp4", { body: FILM, headers: { ...FRESH, age: "3" } });
    const attestor = await attestorWith();
    const asset = (await found(attestor)) as AssetStatement;
    expect(asset).toMatchObject({
      url: `${play.site.url}/film.mp4`,
      size: FILM.length,
      chunkBytes: CHUNK_BYTES,
      type: "video/mp4",
      epoch: play.now,
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
    play.site.answer("/x", sends(body));
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
    play.site.answer("/x", sends(pack(body), { "content-encoding": name }));
    const asset = (await found(await attestorWith(), "/x")) as AssetStatement;
    expect(asset.size).toBe(body.length);
    expect(base64url(asset.digests)).toBe(digestsOf(body));
  });

  test("is read as a stranger would: without cookies, credentials or referrer", async () => {
    let headers: unknown;
    play.site.answer("/x", (request, response) => {
      headers = request.headers;
      sends("x")(request, response);
    });
    await found(await attestorWith(), "/x");
    expect(headers).toEqual({
      accept: "*/*",
      "accept-encoding": "identity",
      "cdn-loop": "shoal",
      connection: "keep-alive",
      host: new URL(play.site.url).host,
      "user-agent": "shoal-tracker",
    });
  });
});

describe("a crowd", () => {
  test("of a thousand that asks at once costs the origin one read", async () => {
    const attestor = await attestorWith();
    const crowd = await Promise.all(Array.from({ length: 1000 }, () => find(attestor)));
    expect(new Set(crowd).size).toBe(1);
    expect(play.site.requests("/film.mp4")).toBe(1);
    expect(play.site.sent("/film.mp4")).toBe(FILM.length);
  });

  test("that wants many URLs reads a few at a time, and those beyond the queue come back", async () => {
    let open = 0;
    let most = 0;
    const answers: (() => void)[] = [];
    let arrived = (): void => {};
    for (let index = 0; index < 5; index++) {
      play.site.answer(`/${index}`, (request, response) => {
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
    const asked = (path: string) => attestor.find(play.site.url + path, () => false);
    expect(await asked("/film.mp4")).toMatchObject({ refusal: { code: "rate" } });
    await find(attestor);
    expect(await asked("/film.mp4")).toMatchObject({ kind: "vouched" });
    expect(play.site.requests()).toBe(1);
  });
});

describe("what is known", () => {
  test("is said for as long as it is fresh, then validated: 304, no body, a later epoch", async () => {
    const dated = (date: string): void =>
      play.site.put("/film.mp4", { body: FILM, headers: { ...FRESH, date } });
    dated("Fri, 15 Jan 2027 08:00:00 GMT");
    const attestor = await attestorWith();
    const first = (await found(attestor)) as AssetStatement;
    play.now += 59_000;
    expect(await found(attestor)).toBe(first);
    play.now += 2_000;
    const later = "Fri, 15 Jan 2027 08:01:01 GMT";
    dated(later);
    const second = (await found(attestor)) as AssetStatement;
    expect(play.site.requests("/film.mp4")).toBe(2);
    expect(play.site.sent("/film.mp4")).toBe(FILM.length);
    expect(second).toMatchObject({
      epoch: play.now,
      digests: first.digests,
      // RFC 9111, 4.3.4: a 304 updates the fields it has.
      headers: { ...first.headers, date: later },
    });
    expect(second.signature).not.toEqual(first.signature);
  });

  test("lasts from when the origin was asked: by the time it answers it may be older", async () => {
    play.site.answer("/x", (request, response) => {
      play.now += 5000;
      sends("x")(request, response);
    });
    const begun = play.now;
    expect((await find(await attestorWith(), "/x")).until).toBe(begun + 60_000);
  });

  test.each<[handed: boolean, size: number, control: string]>([
    [true, 32 * 1024, "public, max-age=2"],
    [true, 1, "s-maxage=30, max-age=600"],
    [false, 32 * 1024 + 1, "public, max-age=2"],
    [false, 1, "public, max-age=31"],
    // Nobody says that it is the same for everybody.
    [false, 1, "max-age=2"],
  ])(
    "and is soon over is handed to who waited for it (%s: %d bytes, %s), and once",
    async (handed, size, control) => {
      const body = noise(size, 5);
      play.site.answer("/x", sends(body, { "cache-control": control, etag: '"1"' }));
      const attestor = await attestorWith();
      const waiting = await Promise.all([find(attestor, "/x"), find(attestor, "/x")]);
      for (const finding of waiting) expect(finding.body).toEqual(handed ? body : undefined);
      expect(await find(attestor, "/x")).toMatchObject({ kind: "vouched" });
      expect((await find(attestor, "/x")).body).toBeUndefined();
    },
  );

  test("is read again when it changed", async () => {
    const attestor = await attestorWith();
    await find(attestor);
    play.now += 61_000;
    play.site.put("/film.mp4", { body: "another film", headers: FRESH });
    expect(await found(attestor)).toMatchObject({ size: 12, epoch: play.now });
  });

  test("is given up when the 304 says that it is private now", async () => {
    const attestor = await attestorWith();
    await find(attestor);
    play.now += 61_000;
    play.site.put("/film.mp4", { body: FILM, headers: { "cache-control": "private" } });
    expect(await found(attestor)).toBe("private");
  });

  test("has the age of the last answer, not of an older one", async () => {
    play.site.put("/film.mp4", { body: FILM, headers: { ...FRESH, age: "50" } });
    const attestor = await attestorWith();
    await find(attestor);
    play.now += 11_000;
    play.site.put("/film.mp4", { body: FILM, headers: FRESH });
    expect((await found(attestor)) as AssetStatement).not.toHaveProperty("headers.age");
  });

  test("outlives its origin, unless the origin forbade that", async () => {
    play.site.put("/strict", {
      body: "x",
      headers: { "cache-control": "max-age=60, must-revalidate" },
    });
    play.site.put("/scores", {
      body: "2:1",
      headers: { "cache-control": "s-maxage=60, stale-if-error=10" },
    });
    const attestor = await attestorWith();
    const film = await found(attestor);
    const scores = await found(attestor, "/scores");
    await find(attestor, "/strict");
    play.now += 61_000;
    await play.site.goOffline();
    expect(await found(attestor)).toBe(film);
    expect(await found(attestor, "/strict")).toBe("unreachable");
    expect(await found(attestor, "/scores")).toBe(scores);
    play.now += 15_000;
    expect(await found(attestor, "/scores")).toBe("unreachable");
    expect(await found(attestor)).toBe(film);
    // Not asked again by everybody who comes meanwhile.
    await play.site.goOnline();
    play.site.put("/film.mp4", { body: "another film", headers: FRESH });
    expect(await found(attestor)).toBe(film);
    play.now += 16_000;
    expect(await found(attestor)).toMatchObject({ size: 12 });
  });

  test("is given up when one ETag turns out to name two contents", async () => {
    const [one, other] = [7, 8].map((seed) => noise(5 * CHUNK_BYTES, seed));
    const headers = { etag: '"1"', "content-length": String(5 * CHUNK_BYTES) };
    play.site.answer("/x", sends(one ?? "", headers));
    const attestor = await attestorWith();
    expect(await found(attestor, "/x")).toMatchObject({ version: expect.any(String) });
    play.now += 61_000;
    play.site.answer("/x", sends(other ?? "", headers));
    expect(await found(attestor, "/x")).toBe("changing");
  });

  test("and refused is remembered with its reason, and looked at again in time", async () => {
    const attestor = await attestorWith();
    expect(await found(attestor, "/nothing")).toBe("status");
    expect(await find(attestor, "/nothing")).toMatchObject({ refusal: { originStatus: 404 } });
    expect(play.site.requests("/nothing")).toBe(1);
    play.now += 61_000;
    play.site.put("/nothing", { body: "something", headers: FRESH });
    expect(await found(attestor, "/nothing")).toMatchObject({ size: 9 });
  });

  test("is bounded: the least recently asked for goes first", async () => {
    for (const name of ["a", "b", "c"]) play.site.put(`/${name}`, { body: name, headers: FRESH });
    const attestor = await attestorWith({ entries: 2 });
    for (const path of ["/a", "/b", "/a", "/c", "/a"]) await find(attestor, path);
    expect(play.site.requests("/a")).toBe(1);
    await find(attestor, "/b");
    expect(play.site.requests("/b")).toBe(2);
  });

  test("is bounded by its digests, too", async () => {
    play.site.put("/small", { body: "x", headers: FRESH });
    const attestor = await attestorWith({ digestBytes: 4 * 32 });
    for (const path of ["/film.mp4", "/small", "/film.mp4"]) await find(attestor, path);
    expect(play.site.requests("/film.mp4")).toBe(2);
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
    play.site.answer(
      "/x",
      bare(() => "same"),
    );
    const attestor = await attestorWith();
    expect(await found(attestor, "/x")).toMatchObject({ size: 4 });
    expect(play.site.requests("/x")).toBe(2);
    play.now += 61_000;
    // It was seen before, so one look is enough.
    expect(await found(attestor, "/x")).toMatchObject({ size: 4, epoch: play.now });
    expect(play.site.requests("/x")).toBe(3);
  });
  test("is refused when they differ", async () => {
    let count = 0;
    expect(await verdictOn(bare(() => `${count++}`))).toBe("changing");
  });
});

test("reads keep to their pace", async () => {
  const attestor = await attestorWith({ bytesPerSecond: 4 * FILM.length, burstBytes: 1 });
  const begin = performance.now();
  await find(attestor);
  expect(performance.now() - begin).toBeGreaterThan(200);
});

test("closing ends reads under way", async () => {
  const attestor = await attestorWith();
  const asked = new Promise<void>((resolve) => play.site.answer("/x", () => resolve()));
  const finding = found(attestor, "/x");
  await asked;
  attestor.close();
  expect(await finding).toBe("unreachable");
});
