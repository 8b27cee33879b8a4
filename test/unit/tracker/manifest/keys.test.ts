// The signing key's file: made once, private, the same for everybody who opens it, and refused when it is anything else.

import { webcrypto } from "node:crypto";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { KeyFileError, openSigningKey } from "../../../../tracker/manifest/keys.ts";
import { fromBase64url, utf8 } from "../../../../tracker/protocol/bytes.ts";
import { KEY_BYTES, SIGNATURE_BYTES } from "../../../../tracker/protocol/manifest.ts";
import { temporaryDirectory } from "./temporary.ts";

const CURVE = { name: "ECDSA", namedCurve: "P-256" };

async function privateJwk(curve = "P-256"): Promise<webcrypto.JsonWebKey> {
  const pair = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: curve }, true, [
    "sign",
  ]);
  return webcrypto.subtle.exportKey("jwk", pair.privateKey);
}

async function verifies(publicKey: string, signature: Uint8Array, text: Uint8Array) {
  const point = fromBase64url(publicKey) ?? new Uint8Array();
  const key = await webcrypto.subtle.importKey("raw", point, CURVE, true, ["verify"]);
  return webcrypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, text);
}

describe("a key that is not there yet", () => {
  test("is made, for its owner's eyes only, and is the same the next time", async () => {
    const file = join(await temporaryDirectory(), "key.json");
    const first = await openSigningKey(file);
    const second = await openSigningKey(file);
    expect([first.created, second.created]).toEqual([true, false]);
    expect(second.key.publicKey).toBe(first.key.publicKey);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test("is one key for all who open it at the same time, and leaves no drafts", async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, "key.json");
    const all = await Promise.all(Array.from({ length: 12 }, () => openSigningKey(file)));
    expect(new Set(all.map(({ key }) => key.publicKey)).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
    expect(await readdir(directory)).toEqual(["key.json"]);
  });

  test("cannot be made in a directory that does not exist, and it says so", async () => {
    const file = join(await temporaryDirectory(), "nowhere", "key.json");
    await expect(openSigningKey(file)).rejects.toThrow(/nowhere.*cannot be made \(ENOENT\)/);
  });
});

test("a signature is what a browser verifies with the public key", async () => {
  const file = join(await temporaryDirectory(), "key.json");
  const { key } = await openSigningKey(file);
  const signature = await key.sign(utf8("what was said"));
  expect(signature).toHaveLength(SIGNATURE_BYTES);
  expect(fromBase64url(key.publicKey)).toHaveLength(KEY_BYTES);
  expect(await verifies(key.publicKey, signature, utf8("what was said"))).toBe(true);
  expect(await verifies(key.publicKey, signature, utf8("what was not"))).toBe(false);
});

test("a key that other software exported as JWK is taken", async () => {
  const file = join(await temporaryDirectory(), "key.json");
  await writeFile(file, JSON.stringify(await privateJwk()));
  expect((await openSigningKey(file)).created).toBe(false);
});

describe("a file that is no such key is refused and left as it was:", () => {
  test.each([
    ["nothing", async () => ""],
    ["prose", async () => "keep me safe"],
    ["null", async () => "null"],
    ["another curve", async () => JSON.stringify(await privateJwk("P-384"))],
    [
      "another curve under this one's name",
      async () => JSON.stringify({ ...(await privateJwk("P-384")), crv: "P-256" }),
    ],
    ["the public half", async () => JSON.stringify({ ...(await privateJwk()), d: undefined })],
    [
      "halves of two keys",
      async () => JSON.stringify({ ...(await privateJwk()), d: (await privateJwk()).d }),
    ],
    [
      "a point off the curve",
      async () => JSON.stringify({ ...(await privateJwk()), x: (await privateJwk()).x }),
    ],
    ["a secret", async () => JSON.stringify({ kty: "oct", k: "AAAA" })],
  ])("%s", async (_, content) => {
    const file = join(await temporaryDirectory(), "key.json");
    const text = await content();
    await writeFile(file, text);
    const opening = openSigningKey(file);
    await expect(opening).rejects.toThrow(KeyFileError);
    await expect(opening).rejects.toThrow(file);
    expect(await readFile(file, "utf8")).toBe(text);
  });

  test("a directory", async () => {
    const file = join(await temporaryDirectory(), "key.json");
    await mkdir(file);
    await chmod(file, 0o700);
    await expect(openSigningKey(file)).rejects.toThrow(/cannot be read \(EISDIR\)/);
  });
});
