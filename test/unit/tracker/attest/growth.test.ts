// A large asset while it is being read, over HTTP, as a page hears of it: the beginning before the end, and every
// statement signed by itself.

import { webcrypto } from "node:crypto";
import type { ServerResponse } from "node:http";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type Attestation,
  extended,
  parseAttestation,
} from "../../../../tracker/protocol/attestation.ts";
import { type Bytes, base64url, fromBase64url } from "../../../../tracker/protocol/bytes.ts";
import {
  type AssetStatement,
  CHUNK_BYTES,
  contentText,
  knownChunksOf,
  parseManifest,
  signedText,
} from "../../../../tracker/protocol/manifest.ts";
import { type RunningTracker, startTracker } from "../../../../tracker/server.ts";
import { noise } from "../../../support/stage.ts";
import { digestsOf, FRESH, play, playsOnASite } from "./attesting.ts";

const CHUNKS = 8;
const BODY = noise(CHUNKS * CHUNK_BYTES - 7, 5);

playsOnASite();
let tracker: RunningTracker;
beforeEach(async () => {
  tracker = await startTracker({ port: 0, sites: [play.site.url] });
});
afterEach(() => tracker.close({ graceful: false }));

/** The site's answer to `/large`, given as the test wants it. */
class Answer {
  readonly #response: ServerResponse;
  #sent = 0;
  constructor(response: ServerResponse) {
    this.#response = response;
  }
  /** Up to the end of this chunk. */
  send(chunk: number, body: Uint8Array = BODY): void {
    const end = Math.min(body.length, (chunk + 1) * CHUNK_BYTES);
    this.#response.write(body.subarray(this.#sent, end));
    this.#sent = end;
  }
  end(body: Uint8Array = BODY): void {
    this.#response.end(body.subarray(this.#sent));
  }
  cut(): void {
    this.#response.destroy();
  }
}

/** The next read of `/large` at the site; `headers` replace its ETag and length. */
function answering(headers: Readonly<Record<string, string>> = { etag: '"1"' }): Promise<Answer> {
  return new Promise((resolve) => {
    play.site.answer("/large", (_request, response) => {
      response.writeHead(200, { "content-length": BODY.length, ...FRESH, ...headers });
      response.flushHeaders();
      resolve(new Answer(response));
    });
  });
}

/** What a page hears of `/large`, put together as a page does it. */
class Asker {
  readonly #lines: AsyncIterator<string>;
  asset: AssetStatement | undefined;
  private constructor(lines: AsyncIterator<string>) {
    this.#lines = lines;
  }
  static async ask(): Promise<Asker> {
    const body = `${play.site.url}/large`;
    const response = await fetch(`${tracker.url}/manifest`, { method: "POST", body });
    const stream = Readable.fromWeb(response.body as never);
    return new Asker(createInterface(stream)[Symbol.asyncIterator]());
  }
  async next(): Promise<Attestation> {
    const line = parseAttestation((await this.#lines.next()).value);
    if (line === undefined) throw new Error("not a line of an answer");
    if (line.kind === "vouched") this.asset = line.asset;
    if (line.kind === "more") this.asset = this.asset && extended(this.asset, line);
    if (line.kind !== "refused") expect(await isSigned(this.asset)).toBe(true);
    return line;
  }
  /** Until so many chunks are known. */
  async until(chunks: number): Promise<AssetStatement> {
    while (this.asset === undefined || knownChunksOf(this.asset) < chunks) await this.next();
    return this.asset;
  }
}

async function isSigned(asset: AssetStatement | undefined): Promise<boolean> {
  if (asset === undefined) return false;
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const point = fromBase64url(asset.key) as Bytes;
  const key = await webcrypto.subtle.importKey("raw", point, curve, false, ["verify"]);
  const signing = { name: "ECDSA", hash: "SHA-256" };
  return webcrypto.subtle.verify(signing, key, asset.signature, signedText(asset));
}

test("is known before any of it is read, then chunk by chunk, always as the same content", async () => {
  const reading = answering();
  const asker = await Asker.ask();
  const answer = await reading;
  await asker.next();
  expect(asker.asset).toMatchObject({ size: BODY.length, version: expect.any(String) });
  const name = contentText(asker.asset as AssetStatement);
  answer.send(2);
  const early = await asker.until(1);
  expect(digestsOf(BODY).startsWith(base64url(early.digests).slice(0, 40))).toBe(true);
  answer.end();
  const whole = await asker.until(CHUNKS);
  expect(base64url(whole.digests)).toBe(digestsOf(BODY));
  for (const asset of [early, whole]) expect(contentText(asset)).toEqual(name);
  // At last with how long it holds, and to whoever asks later in one piece.
  while ((await asker.next()).kind !== "vouched");
  const later = await fetch(
    `${tracker.url}/manifest?url=${encodeURIComponent(`${play.site.url}/large`)}`,
  );
  const parsed = parseManifest(await later.text());
  expect(parsed.ok && parsed.manifest.assets[0]).toEqual(whole);
  expect(play.site.requests("/large")).toBe(1);
});

test("of a crowd costs one read, and whoever comes late hears what is known at once", async () => {
  const reading = answering();
  const first = await Asker.ask();
  const answer = await reading;
  answer.send(3);
  const known = knownChunksOf(await first.until(1));
  const second = await Asker.ask();
  expect(knownChunksOf(await second.until(known))).toBeGreaterThanOrEqual(known);
  answer.end();
  expect(await second.until(CHUNKS)).toEqual(await first.until(CHUNKS));
  expect(play.site.requests("/large")).toBe(1);
});

test("that breaks off is refused after all", async () => {
  const reading = answering();
  const asker = await Asker.ask();
  const answer = await reading;
  answer.send(1);
  await asker.until(1);
  answer.cut();
  let line = await asker.next();
  while (line.kind !== "refused") line = await asker.next();
  expect(line.code).toBe("unreachable");
});

test("is told at the end only, where small, weakly named, packed or of no said length", async () => {
  for (const headers of [{}, { etag: 'W/"1"' }, { etag: '"1"', "content-length": "1000" }]) {
    const reading = answering(headers);
    const asker = await Asker.ask();
    (await reading).end(BODY.subarray(0, Number(headers["content-length"] ?? BODY.length)));
    const line = await asker.next();
    expect(line).toMatchObject({ kind: "vouched" });
    expect(line).not.toHaveProperty("asset.version");
    await tracker.close({ graceful: false });
    tracker = await startTracker({ port: 0, sites: [play.site.url] });
  }
});
