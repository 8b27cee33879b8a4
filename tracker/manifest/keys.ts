// The signing key of a site: one ECDSA P-256 key in one file that only its owner may read. Makes the file when there is
// none, so that two processes starting together end with the same key, and refuses a file that is not such a key.
// Never prints, logs or returns the private half.

import { webcrypto } from "node:crypto";
import { constants, copyFile, link, open, readFile, rm } from "node:fs/promises";
import { type Bytes, base64url, isBase64url } from "../protocol/bytes.ts";

export interface SigningKey {
  /** base64url of the uncompressed point (SEC 1, 2.3.3): what manifests call `key` and pages pin as `data-key`. */
  readonly publicKey: string;
  /** r and s in a row, 64 bytes (IEEE P1363): what a browser's WebCrypto verifies. */
  sign(bytes: Bytes): Promise<Bytes>;
  /** Whether this key has signed it, in whatever process. Never rejects. */
  hasSigned(bytes: Bytes, signature: Bytes): Promise<boolean>;
}

/** The file exists and is no key, or cannot be made. The message is one sentence for whoever named the file. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";
}

const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
const COORDINATE_BYTES = 32;

interface PrivateJwk {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
  readonly d: string;
}

/** The key in `file`; made first, mode 0600, when there is no such file. `created` says which. */
export async function openSigningKey(
  file: string,
): Promise<{ readonly key: SigningKey; readonly created: boolean }> {
  const existing = await textOf(file);
  if (existing !== undefined) return { key: await parsedKey(existing, file), created: false };
  const created = await createKeyFile(file);
  const text = await textOf(file);
  if (text === undefined) throw new KeyFileError(`${file} disappeared while it was being made.`);
  return { key: await parsedKey(text, file), created };
}

/** A key that nobody keeps: what it signs is worth something only while its owner runs. */
export const passingKey = async (): Promise<SigningKey> => signingKeyOf(await freshJwk());

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw new KeyFileError(`${file} cannot be read (${reasonOf(error)}).`);
  }
}

async function parsedKey(text: string, file: string): Promise<SigningKey> {
  const jwk = privateJwkOf(text);
  if (jwk === undefined) {
    throw new KeyFileError(`${file} is not a private ECDSA P-256 key in JWK form.`);
  }
  try {
    return await signingKeyOf(jwk);
  } catch {
    // Off the curve, out of range, or the halves of two keys: the import tells them apart, its owner need not.
    throw new KeyFileError(`${file} holds a P-256 key whose parts do not belong together.`);
  }
}

async function signingKeyOf(jwk: PrivateJwk): Promise<SigningKey> {
  const half = { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y };
  const secret = await webcrypto.subtle.importKey("jwk", jwk, CURVE, false, ["sign"]);
  const open = await webcrypto.subtle.importKey("jwk", half, CURVE, true, ["verify"]);
  return {
    publicKey: base64url(new Uint8Array(await webcrypto.subtle.exportKey("raw", open))),
    sign: async (bytes) => new Uint8Array(await webcrypto.subtle.sign(SIGNING, secret, bytes)),
    hasSigned: (bytes, signature) =>
      webcrypto.subtle.verify(SIGNING, open, signature, bytes).catch(() => false),
  };
}

function privateJwkOf(text: string): PrivateJwk | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { kty, crv, x, y, d } = value as Readonly<Record<string, unknown>>;
  if (kty !== "EC" || crv !== "P-256") return undefined;
  if (!isCoordinate(x) || !isCoordinate(y) || !isCoordinate(d)) return undefined;
  return { kty, crv, x, y, d };
}

const isCoordinate = (value: unknown): value is string => isBase64url(value, COORDINATE_BYTES);

/**
 * Whether this call made the file. It is written whole beside its place and then linked into it, which fails when
 * something is there already: whoever loses the race reads the winner's key, and never half of it.
 */
async function createKeyFile(file: string): Promise<boolean> {
  const jwk = await freshJwk();
  const draft = `${file}.${base64url(webcrypto.getRandomValues(new Uint8Array(6)))}.tmp`;
  try {
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(jwk, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await settle(draft, file);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw new KeyFileError(`${file} cannot be made (${reasonOf(error)}).`);
  } finally {
    await rm(draft, { force: true });
  }
}

async function settle(draft: string, file: string): Promise<void> {
  try {
    await link(draft, file);
  } catch (error) {
    if (isCode(error, "EEXIST")) throw error;
    // File systems without hard links (FAT, some network shares) still refuse an existing file here.
    await copyFile(draft, file, constants.COPYFILE_EXCL);
  }
}

async function freshJwk(): Promise<PrivateJwk> {
  const pair = await webcrypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
  const { x, y, d } = await webcrypto.subtle.exportKey("jwk", pair.privateKey);
  if (!isCoordinate(x) || !isCoordinate(y) || !isCoordinate(d)) {
    throw new Error("This Node made a key that it cannot export.");
  }
  return { kty: "EC", crv: "P-256", x, y, d };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function reasonOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
}
