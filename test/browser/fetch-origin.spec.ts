// Origins that have another version than the manifest says, and origins that behave oddly. The page gets what the
// origin has now, or fails as fetch fails; never a mixture, and nothing unverified is kept.

import { gzipSync } from "node:zlib";
import { expect, type JSHandle, type Page, test } from "@playwright/test";
import { CHUNK_BYTES } from "../../tracker/protocol/manifest.ts";
import { type Complaints, complaintsOf, keepDegraded, outcome } from "../support/outcome.ts";
import type { OwnAnswer } from "../support/servers.ts";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const SIZE = 4 * CHUNK_BYTES + 1000;
/** What the manifest says. Each test has one of its own, since a browser that has seen a content keeps it. */
const published = new Map<string, Uint8Array>(
  Array.from({ length: 40 }, (_, at) => [`/asset-${at}.bin`, noise(at < 4 ? 1000 : SIZE, at + 1)]),
);
const free = [...published.keys()];

let stage: Stage;
let page: Page;
let complaints: Complaints;

test.beforeAll(async ({ browser }) => {
  stage = await setStage();
  await stage.publish(Object.fromEntries(published));
  page = await stage.visit(browser, { before: keepDegraded });
  complaints = complaintsOf(page);
});
test.afterAll(() => stage.close());
test.afterEach(() => {
  expect(complaints).toMatchObject({ errors: [], warnings: [] });
});

/** A published asset that no test has used yet. */
function asset(size: "small" | "large" = "large"): {
  readonly path: string;
  readonly old: Uint8Array;
} {
  const at = free.findIndex(
    (path) => (published.get(path)?.length === 1000) === (size === "small"),
  );
  const [path = ""] = free.splice(at, 1);
  const old = published.get(path);
  if (old === undefined) throw new Error("There are more tests than assets");
  return { path, old };
}

/** The same bytes with others from `from` on (to `to`). */
function changed(old: Uint8Array, from = 0, to = old.length): Uint8Array {
  const fresh = old.slice();
  for (let at = from; at < to; at++) fresh[at] = ~(old[at] ?? 0);
  return fresh;
}

/** As origins do that compress on the fly: ranges are ignored, and no length is known beforehand. */
function gzipped(body: Uint8Array): OwnAnswer {
  return ({ headers }, response) => {
    const isWanted = /\bgzip\b/.test(String(headers["accept-encoding"]));
    response.writeHead(200, isWanted ? { "Content-Encoding": "gzip" } : {});
    response.end(isWanted ? gzipSync(body) : body);
  };
}

const degraded = (): Promise<string[]> => page.evaluate(() => window.degraded?.splice(0) ?? []);
const range = (first: number, last: number): RequestInit => ({
  headers: { Range: `bytes=${first}-${last}` },
});

test.describe("the site has changed since it was published", () => {
  const versions: Readonly<Record<string, (old: Uint8Array) => Uint8Array>> = {
    "everything, same size": (old) => changed(old),
    "the first byte": (old) => changed(old, 0, 1),
    "a byte in the middle": (old) => changed(old, SIZE / 2, SIZE / 2 + 1),
    "the last byte": (old) => changed(old, old.length - 1),
    "it is longer": (old) => noise(old.length + 5000, 99),
    "it only got longer": (old) => new Uint8Array([...old, ...noise(5000, 98)]),
    "it is shorter": (old) => noise(old.length - 500, 97),
    "it was only cut": (old) => old.slice(0, -500),
    "it is empty": () => new Uint8Array(0),
  };
  for (const [what, version] of Object.entries(versions)) {
    for (const how of ["plain", "compressed"] as const) {
      // Compressed and longer: until the end of what was published nothing is wrong, and that is what is answered.
      const isUnseen = what === "it only got longer" && how === "compressed";
      if (isUnseen) continue;
      test(`${what} (${how})`, async () => {
        const { path, old } = asset(what === "the first byte" ? "small" : "large");
        const now = version(old);
        if (how === "plain") stage.site.put(path, { body: now });
        else stage.site.answer(path, gzipped(now));
        const before = await stats(page);
        // Twice: the second time it is known that the manifest is wrong about it.
        for (const time of [1, 2]) {
          const got = await outcome(page, "shoal", { url: path });
          const { length } = now;
          expect([time, got]).toMatchObject([
            time,
            { answered: { status: 200, length, sha256: sha256(now) } },
          ]);
        }
        expect(await degraded()).toEqual(["origin/mismatch"]);
        const after = await stats(page);
        // Chunks that are as published may be kept, and nothing else.
        const kept = after.cache.bytes - before.cache.bytes;
        expect(kept).toBeLessThan(old.length);
        if (what === "everything, same size") expect(kept).toBe(0);
      });
    }
  }
});

test.describe("a part of a file that has changed", () => {
  const answers: Readonly<Record<string, (path: string, now: Uint8Array) => void>> = {
    "by ranges": (path, now) => stage.site.put(path, { body: now }),
    "with the whole": (path, now) => stage.site.answer(path, gzipped(now)),
  };
  for (const [how, serve] of Object.entries(answers)) {
    for (const [first, last] of [
      [10, SIZE - 10],
      [CHUNK_BYTES - 5, 2 * CHUNK_BYTES + 5],
      [2 * CHUNK_BYTES, SIZE - 1],
    ] as const) {
      test(`bytes ${first} to ${last} of an origin that answers ${how}`, async () => {
        const { path, old } = asset();
        // Right until the middle of the second chunk that is asked for.
        const now = changed(old, first + CHUNK_BYTES + 1000);
        serve(path, now);
        const got = await outcome(page, "shoal", { url: path, init: range(first, last) });
        const body = now.slice(first, last + 1);
        expect(got).toMatchObject({
          answered: { status: 206, length: body.length, sha256: sha256(body) },
        });
        await degraded();
      });
    }
  }
});

interface Begun {
  readonly reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly parts: Uint8Array<ArrayBuffer>[];
}
/** A request in the page of which at least so many bytes have been seen. */
function begin(path: string, least = 1): Promise<JSHandle<Begun>> {
  return page.evaluateHandle(
    async ([url, enough]) => {
      const answer = await window.shoal?.fetch(url);
      if (!answer?.body) throw new Error("There is no body");
      const reader = answer.body.getReader();
      const parts: Uint8Array<ArrayBuffer>[] = [];
      for (let seen = 0; seen < enough; ) {
        const { value } = await reader.read();
        if (value === undefined) throw new Error("The body is too short");
        parts.push(value);
        seen += value.length;
      }
      return { reader, parts };
    },
    [path, least] as const,
  );
}
/** The digest of all of it, or how its end fails. */
function ending(begun: JSHandle<Begun>): Promise<string> {
  return begun.evaluate(async ({ reader, parts }) => {
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        parts.push(next.value);
      }
    } catch (error) {
      return String(error);
    }
    const digest = await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  });
}

test("the site changes in the middle of a transfer, and the page gets no mixture", async () => {
  const { path, old } = asset();
  let breakOff = (): void => {};
  stage.site.answer(path, (_request, response) => {
    breakOff = () => response.destroy();
    response.writeHead(200, { "Content-Length": old.length });
    response.write(old.subarray(0, 2 * CHUNK_BYTES + 5000));
  });
  const begun = await begin(path);
  // The connection breaks, and the next request finds the new version.
  stage.site.put(path, { body: changed(old) });
  breakOff();
  expect(await ending(begun)).toMatch(/^TypeError/);
  expect(await degraded()).toEqual(["origin/mismatch"]);
  const again = await outcome(page, "shoal", { url: path });
  expect(again).toMatchObject({ answered: { sha256: sha256(changed(old)) } });
});

test("what is held of the old version is not mixed with the new one", async () => {
  const { path, old } = asset();
  stage.site.put(path, { body: old });
  const held = { url: path, init: range(0, 2 * CHUNK_BYTES - 1) };
  expect(await outcome(page, "shoal", held)).toMatchObject({ answered: { status: 206 } });
  const waiting: (() => void)[] = [];
  stage.site.answer(path, (_request, response) => {
    waiting.push(() => response.end(changed(old)));
  });
  const begun = await begin(path);
  await expect.poll(() => waiting.length).toBeGreaterThan(0);
  stage.site.put(path, { body: changed(old) });
  for (const answer of waiting) answer();
  expect(await ending(begun)).toMatch(/^TypeError/);
  expect(await degraded()).toEqual(["origin/mismatch"]);
  // Then it is known, and the network has its way.
  const again = await outcome(page, "shoal", { url: path });
  expect(again).toMatchObject({ answered: { sha256: sha256(changed(old)) }, cacheStatus: null });
});

test("a third version is not mixed with the second, of which the page has seen a part", async () => {
  const { path, old } = asset();
  const second = changed(old, CHUNK_BYTES);
  let goOn = (): void => {};
  stage.site.answer(path, (_request, response) => {
    goOn = () => response.end(second.subarray(CHUNK_BYTES + 5000));
    response.writeHead(200, { "Content-Length": second.length });
    response.write(second.subarray(0, CHUNK_BYTES + 5000));
  });
  const begun = await begin(path, CHUNK_BYTES + 1000);
  stage.site.put(path, { body: changed(second, CHUNK_BYTES + 100, CHUNK_BYTES + 200) });
  goOn();
  expect(await ending(begun)).toMatch(/^TypeError/);
  expect(await degraded()).toEqual(["origin/mismatch"]);
});

test("a page that reads slowly gets the new version from where it is", async () => {
  const { path, old } = asset();
  // As published to the middle, where the page is not yet when the difference is found.
  const now = changed(old, 3 * CHUNK_BYTES);
  let goOn = (): void => {};
  stage.site.answer(path, (_request, response) => {
    goOn = () => response.end(now.subarray(1000));
    response.writeHead(200, { "Content-Length": now.length });
    response.write(now.subarray(0, 1000));
  });
  const begun = await begin(path);
  stage.site.put(path, { body: now });
  goOn();
  await expect.poll(degraded).toEqual(["origin/mismatch"]);
  expect(await ending(begun)).toBe(sha256(now));
});

test("what is held of both versions is followed by the rest of the new one", async () => {
  const { path, old } = asset();
  const now = changed(old, 3 * CHUNK_BYTES);
  stage.site.put(path, { body: now });
  const held = { url: path, init: range(0, 2 * CHUNK_BYTES - 1) };
  expect(await outcome(page, "shoal", held)).toMatchObject({ answered: { status: 206 } });
  expect(await ending(await begin(path))).toBe(sha256(now));
  expect(await degraded()).toEqual(["origin/mismatch"]);
});

test.describe("the browser's own cache has an older version than manifest and origin", () => {
  const older: Readonly<Record<string, (now: Uint8Array) => Uint8Array>> = {
    "of other bytes": (now) => changed(now),
    "of other bytes towards the end": (now) => changed(now, 2 * CHUNK_BYTES + 1000),
    "of another size": (now) => noise(now.length - 1000, 96),
  };
  for (const [what, version] of Object.entries(older)) {
    test(`${what}: the page gets one version`, async () => {
      const { path, old: now } = asset();
      const stale = version(now);
      stage.site.put(path, { body: stale, headers: { "Cache-Control": "max-age=3600" } });
      const seen = await outcome(page, "network", { url: path });
      expect(seen).toMatchObject({ answered: { sha256: sha256(stale) } });
      stage.site.put(path, { body: now });
      const got = await outcome(page, "shoal", { url: path });
      const digest = "answered" in got ? got.answered.sha256 : null;
      expect([sha256(stale), sha256(now)]).toContain(digest);
      await degraded();
    });
  }
});

test.describe("an odd origin of what was published", () => {
  const odd: Readonly<Record<string, (path: string, body: Uint8Array) => void>> = {
    "ignores ranges": (path, body) =>
      stage.site.answer(path, (_request, response) => response.end(body)),
    compresses: (path, body) => stage.site.answer(path, gzipped(body)),
    "breaks off once": (path, body) =>
      stage.site.answer(path, (_request, response) => {
        stage.site.put(path, { body });
        response.writeHead(200, { "Content-Length": SIZE });
        response.write(body.subarray(0, SIZE / 2), () => response.destroy());
      }),
    "breaks off once without a length": (path, body) =>
      stage.site.answer(path, (_request, response) => {
        stage.site.put(path, { body });
        response.writeHead(200);
        response.write(body.subarray(0, SIZE / 2), () => response.destroy());
      }),
    "answers 500 once": (path, body) =>
      stage.site.answer(path, (_request, response) => {
        stage.site.put(path, { body });
        response.writeHead(500).end("not just now");
      }),
    "redirects to where it is": (path, body) => {
      stage.site.put(`${path}.moved`, { body });
      stage.site.answer(path, (_request, response) => {
        response.writeHead(302, { Location: `${path}.moved` }).end();
      });
    },
  };
  for (const [what, serve] of Object.entries(odd)) {
    test(`that ${what} is no reason for other bytes`, async () => {
      const { path, old: body } = asset();
      serve(path, body);
      const got = await outcome(page, "shoal", { url: path });
      expect(got).toMatchObject({ answered: { status: 200, sha256: sha256(body) } });
      const part = await outcome(page, "shoal", { url: path, init: range(100_000, SIZE - 7) });
      expect(part).toMatchObject({
        answered: { sha256: sha256(body.subarray(100_000, SIZE - 6)) },
      });
      expect(await degraded()).toEqual([]);
    });
  }
});

test("an unverified version is in nobody's swarm", async ({ browser }) => {
  const { path, old } = asset();
  stage.site.put(path, { body: changed(old) });
  const now = sha256(changed(old));
  expect(await fetched(page, path)).toMatchObject({ sha256: now });
  const context = await browser.newContext();
  try {
    const other = await stage.visit(browser, { context });
    expect(await fetched(other, path)).toMatchObject({ status: 200, sha256: now });
    expect(await stats(other)).toMatchObject({ bytes: { peers: 0 }, cache: { bytes: 0 } });
  } finally {
    await context.close();
  }
  await degraded();
});
