// The manifest parser takes exactly what the format allows, and the signed text binds every fact of an asset.

import { webcrypto } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { base64url, fromBase64url } from "../../../../tracker/protocol/bytes.ts";
import {
  type AssetStatement,
  chunkCountOf,
  chunkLengthAt,
  contentText,
  DIGEST_BYTES,
  KEY_BYTES,
  MANIFEST_FORMAT,
  MAX_CHUNK_BYTES,
  MAX_CHUNKS,
  MAX_FACT_LENGTH,
  MAX_URL_LENGTH,
  MIN_CHUNK_BYTES,
  parseManifest,
  SIGNATURE_BYTES,
  signedText,
  writeManifest,
} from "../../../../tracker/protocol/manifest.ts";

const zeros = (count: number) => base64url(new Uint8Array(count));

const plainAsset = {
  url: "https://site.example/a.js",
  size: 3 * 1024 + 1,
  chunkBytes: 1024,
  digests: zeros(4 * DIGEST_BYTES),
  type: "text/javascript",
  signature: zeros(SIGNATURE_BYTES),
};
/** The same asset as a statement, before anybody signed it. */
const unsigned = {
  url: plainAsset.url,
  size: plainAsset.size,
  chunkBytes: plainAsset.chunkBytes,
  digests: new Uint8Array(4 * DIGEST_BYTES),
  type: plainAsset.type,
  epoch: 7,
  key: zeros(KEY_BYTES),
};
const plainFile = {
  format: MANIFEST_FORMAT,
  epoch: 7,
  key: zeros(KEY_BYTES),
  assets: [plainAsset],
};

const assetWith = (change: Readonly<Record<string, unknown>>) =>
  JSON.stringify({ ...plainFile, assets: [{ ...plainAsset, ...change }] });
const fileWith = (change: Readonly<Record<string, unknown>>) =>
  JSON.stringify({ ...plainFile, ...change });

const binary = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Uint8Array.from(array));

const asset = fc
  .record({
    path: fc.stringMatching(/^[a-z0-9/._~%-]{0,40}$/),
    chunkBytes: fc.integer({ min: MIN_CHUNK_BYTES, max: MAX_CHUNK_BYTES }),
    chunks: fc.nat(6),
    tail: fc.nat(MAX_CHUNK_BYTES),
    type: fc.stringMatching(/^[ -~]{0,40}$/),
    signature: binary(SIGNATURE_BYTES),
    seed: fc.nat(255),
    headers: fc.constantFrom({}, { headers: { age: "0", etag: '"1"' } }),
    /** Of the version's chunks, so many have no digest yet. */
    unread: fc.option(fc.nat(6)),
  })
  .map(({ path, chunkBytes, chunks, tail, type, signature, seed, headers, unread }) => {
    const size = chunks * chunkBytes + (tail % chunkBytes);
    const known = Math.max(0, chunkCountOf(size, chunkBytes) - (unread ?? 0));
    const digests = new Uint8Array(known * DIGEST_BYTES).fill(seed);
    const version = unread === null ? {} : { version: zeros(DIGEST_BYTES) };
    const url = `https://site.example/${path}`;
    return { url, size, chunkBytes, digests, type, signature, ...headers, ...version };
  });
const file = fc.record({
  epoch: fc.maxSafeNat(),
  key: binary(KEY_BYTES).map(base64url),
  assets: fc.uniqueArray(asset, { selector: ({ url }) => url, maxLength: 5 }),
});

describe("parseManifest", () => {
  test("gives back every fact that was written", () => {
    fc.assert(
      fc.property(file, ({ epoch, key, assets }) => {
        const statements = assets.map((one) => ({ ...one, epoch, key }));
        const text = writeManifest(epoch, key, statements);
        expect(parseManifest(text)).toEqual({
          ok: true,
          manifest: { epoch, key, assets: statements },
        });
      }),
    );
  });

  test("never throws, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const parsed = parseManifest(text);
        if (!parsed.ok) expect(typeof parsed.path).toBe("string");
      }),
    );
  });

  test("never throws on a manifest with a character changed, lost or doubled", () => {
    const text = JSON.stringify(plainFile);
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.string({ unit: "binary", maxLength: 2 }),
        fc.nat(2),
        (at, put, cut) => {
          const parsed = parseManifest(text.slice(0, at) + put + text.slice(at + cut));
          expect(typeof parsed.ok).toBe("boolean");
        },
      ),
    );
  });

  test("never throws when any field holds any value", () => {
    const field = fc.constantFrom(...Object.keys(plainAsset));
    fc.assert(
      fc.property(field, fc.jsonValue(), (name, value) => {
        const parsed = parseManifest(assetWith({ [name]: value }));
        if (!parsed.ok) expect(parsed.path).toMatch(/^assets\[0\]\./);
      }),
    );
  });

  test("takes a manifest without assets", () => {
    expect(parseManifest(fileWith({ assets: [] })).ok).toBe(true);
  });

  test("takes an empty asset, which has no chunk", () => {
    expect(parseManifest(assetWith({ size: 0, digests: "" })).ok).toBe(true);
  });

  test("takes as many chunks as the format allows", () => {
    const size = MAX_CHUNKS * MIN_CHUNK_BYTES;
    const digests = zeros(MAX_CHUNKS * DIGEST_BYTES);
    expect(parseManifest(assetWith({ size, digests })).ok).toBe(true);
  });

  test.each([
    ["another format", { format: "shoal/2" }, "format"],
    ["an epoch before 1970", { epoch: -1 }, "epoch"],
    ["half an epoch", { epoch: 1.5 }, "epoch"],
    ["an epoch beyond exact numbers", { epoch: 2 ** 53 }, "epoch"],
    ["a key that is too short", { key: zeros(KEY_BYTES - 1) }, "key"],
    ["a key that is too long", { key: zeros(KEY_BYTES + 1) }, "key"],
    ["no list of assets", { assets: {} }, "assets"],
    ["too many assets", { assets: new Array(100_001).fill(0) }, "assets"],
    ["an asset that is a list", { assets: [[]] }, "assets[0]"],
    ["the same URL twice", { assets: [plainAsset, plainAsset] }, "assets[1].url"],
  ])("refuses %s, and says where", (_, change, path) => {
    expect(parseManifest(fileWith(change))).toMatchObject({ ok: false, path });
  });

  test.each([
    ["a relative URL", { url: "/a.js" }, "url"],
    ["a URL of another scheme", { url: "ftp://site.example/a" }, "url"],
    ["a URL with a fragment", { url: "https://site.example/#a" }, "url"],
    ["a URL with a space", { url: "https://site.example/a b" }, "url"],
    ["a URL that is too long", { url: `https://s/${"a".repeat(MAX_URL_LENGTH)}` }, "url"],
    ["chunks that are too small", { chunkBytes: MIN_CHUNK_BYTES - 1 }, "chunkBytes"],
    ["chunks that are too large", { chunkBytes: MAX_CHUNK_BYTES + 1 }, "chunkBytes"],
    ["a negative size", { size: -1 }, "size"],
    ["more chunks than allowed", { size: MAX_CHUNKS * 1024 + 1 }, "size"],
    ["a digest too few", { digests: zeros(3 * DIGEST_BYTES) }, "digests"],
    ["a digest too many", { digests: zeros(5 * DIGEST_BYTES) }, "digests"],
    ["digests in another encoding", { digests: "!" }, "digests"],
    ["a line break in the media type", { type: "text/html\r\nx: y" }, "type"],
    ["a media type that is too long", { type: "a".repeat(MAX_FACT_LENGTH + 1) }, "type"],
    ["caching fields that are none", { headers: "x" }, "headers"],
    ["a field that is no caching field", { headers: { "set-cookie": "a=b" } }, "headers"],
    ["a caching field with a line break", { headers: { etag: '"a"\r\nx: y' } }, "headers"],
    ["a caching field that is too long", { headers: { etag: "a".repeat(300) } }, "headers"],
    ["a version that is too short", { version: zeros(DIGEST_BYTES - 1) }, "version"],
    ["some digests, but no version", { digests: zeros(DIGEST_BYTES) }, "digests"],
    ["half a digest", { digests: zeros(DIGEST_BYTES + 16), version: zeros(32) }, "digests"],
    [
      "more digests than chunks",
      { digests: zeros(5 * DIGEST_BYTES), version: zeros(32) },
      "digests",
    ],
    ["a signature that is too short", { signature: zeros(SIGNATURE_BYTES - 1) }, "signature"],
    ["a signature that is too long", { signature: zeros(SIGNATURE_BYTES + 1) }, "signature"],
  ])("refuses %s, and says where", (_, change, field) => {
    expect(parseManifest(assetWith(change))).toMatchObject({
      ok: false,
      path: `assets[0].${field}`,
    });
  });
});

describe("chunks", () => {
  test("have lengths that add up to the size, all but the last full", () => {
    fc.assert(
      fc.property(fc.nat(50_000), fc.integer({ min: 1, max: 4096 }), (size, chunkBytes) => {
        const count = chunkCountOf(size, chunkBytes);
        const lengths = Array.from({ length: count }, (_, index) =>
          chunkLengthAt({ size, chunkBytes }, index),
        );
        expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(size);
        expect(lengths.slice(0, -1).every((length) => length === chunkBytes)).toBe(true);
        expect(lengths.every((length) => length > 0)).toBe(true);
      }),
    );
  });

  test("say what a content is and nothing of its name", () => {
    const digests = new Uint8Array(DIGEST_BYTES).fill(9);
    const text = (size: number, chunkBytes: number, marks = digests) =>
      Buffer.from(contentText({ size, chunkBytes, digests: marks })).toString("hex");
    expect(text(5, 1024)).toBe(text(5, 1024));
    expect(text(5, 1024)).not.toBe(text(6, 1024));
    expect(text(5, 1024)).not.toBe(text(5, 2048));
    expect(text(5, 1024)).not.toBe(text(5, 1024, new Uint8Array(DIGEST_BYTES)));
  });

  test("of a version have its name, however many of them have a digest yet", () => {
    const text = (known: number, version: string) =>
      Buffer.from(
        contentText({ size: 5, chunkBytes: 1, digests: new Uint8Array(known), version }),
      ).toString();
    const version = zeros(DIGEST_BYTES);
    expect(text(0, version)).toBe(text(5 * DIGEST_BYTES, version));
    expect(text(0, version)).not.toBe(text(0, base64url(new Uint8Array(DIGEST_BYTES).fill(1))));
  });
});

describe("signedText", () => {
  const signing = { name: "ECDSA", hash: "SHA-256" };
  let pair: CryptoKeyPair;
  let key: string;
  beforeAll(async () => {
    pair = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
      "sign",
      "verify",
    ]);
    key = base64url(new Uint8Array(await webcrypto.subtle.exportKey("raw", pair.publicKey)));
  });

  /** As a browser does it: from a parsed statement, with nothing but the statement. */
  async function isVouchedFor(statement: AssetStatement): Promise<boolean> {
    const point = fromBase64url(statement.key);
    if (point === undefined) return false;
    const open = await webcrypto.subtle.importKey(
      "raw",
      point,
      { name: "ECDSA", namedCurve: "P-256" },
      true,
      ["verify"],
    );
    return webcrypto.subtle.verify(signing, open, statement.signature, signedText(statement));
  }

  async function signed(): Promise<AssetStatement> {
    const facts = { ...unsigned, key };
    const signature = new Uint8Array(
      await webcrypto.subtle.sign(signing, pair.privateKey, signedText(facts)),
    );
    const text = fileWith({ key, assets: [{ ...plainAsset, signature: base64url(signature) }] });
    const parsed = parseManifest(text);
    if (!parsed.ok) throw new Error(parsed.path);
    const [statement] = parsed.manifest.assets;
    if (statement === undefined) throw new Error("no asset");
    return statement;
  }

  test("can be verified by whoever parsed the manifest", async () => {
    expect(await isVouchedFor(await signed())).toBe(true);
  });

  test.each([
    ["url", { url: "https://site.example/b.js" }],
    ["size", { size: 3 * 1024 + 2 }],
    ["chunk size", { chunkBytes: 1025 }],
    ["digests", { digests: new Uint8Array(4 * DIGEST_BYTES).fill(1) }],
    ["media type", { type: "text/html" }],
    ["epoch", { epoch: 8 }],
    ["caching fields", { headers: { age: "0" } }],
    ["version", { version: zeros(DIGEST_BYTES) }],
  ])("no longer holds when the %s is another", async (_, change) => {
    expect(await isVouchedFor({ ...(await signed()), ...change })).toBe(false);
  });

  test("is the same whatever order the facts are given in", () => {
    const reversed = Object.fromEntries(Object.entries(unsigned).reverse()) as typeof unsigned;
    expect(Object.keys(reversed)).not.toEqual(Object.keys(unsigned));
    expect(signedText(reversed)).toEqual(signedText(unsigned));
  });

  test("has its keys in the order of RFC 8785", () => {
    const headers = { etag: '"1"', age: "0", "shoal-cache-control": "max-age=1" };
    const full = { ...unsigned, headers, version: zeros(DIGEST_BYTES) };
    const said = JSON.parse(Buffer.from(signedText(full)).toString());
    for (const keys of [Object.keys(said), Object.keys(said.headers)]) {
      expect(keys).toEqual([...keys].sort());
    }
    expect(said.headers).toEqual(headers);
  });
});
