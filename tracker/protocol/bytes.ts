// Bytes as text and back: base64url (RFC 4648, section 5, no padding), hexadecimal order of bytes kept,
// and UTF-8. Pure, and the same in a page, in Node and in the simulator.

/** Bytes that own an ordinary `ArrayBuffer`, so that they may be transferred, hashed and stored. */
export type Bytes = Uint8Array<ArrayBuffer>;

/* UTF-8 is part of every host and has no state and no clock, so it is not a port. */
declare const TextEncoder: new () => { encode(text: string): Bytes };
declare const TextDecoder: new (
  label: "utf-8",
  options: { fatal: boolean },
) => { decode(data: Bytes): string };

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}

/** `undefined` when the bytes are not valid UTF-8. */
export function fromUtf8(data: Bytes): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    return undefined;
  }
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES = new Int16Array(128).fill(-1);
for (let value = 0; value < 64; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

export function base64url(data: Bytes): string {
  const parts: string[] = [];
  for (let at = 0; at < data.length; at += 3) {
    const left = data.length - at;
    const word =
      ((data[at] ?? 0) << 16) |
      ((left > 1 ? (data[at + 1] ?? 0) : 0) << 8) |
      (left > 2 ? (data[at + 2] ?? 0) : 0);
    parts.push(ALPHABET.charAt(word >> 18), ALPHABET.charAt((word >> 12) & 63));
    if (left > 1) parts.push(ALPHABET.charAt((word >> 6) & 63));
    if (left > 2) parts.push(ALPHABET.charAt(word & 63));
  }
  return parts.join("");
}

/** The bytes of a base64url text, or `undefined` when it is not one (wrong letter, impossible length, stray bits). */
export function fromBase64url(text: string): Bytes | undefined {
  const tail = text.length % 4;
  if (tail === 1) return undefined;
  const length = Math.floor(text.length / 4) * 3 + (tail === 0 ? 0 : tail - 1);
  const data = new Uint8Array(length);
  let word = 0;
  let bits = 0;
  let at = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const value = code < 128 ? (VALUES[code] ?? -1) : -1;
    if (value < 0) return undefined;
    word = (word << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      data[at++] = (word >> bits) & 255;
      word &= (1 << bits) - 1;
    }
  }
  return word === 0 ? data : undefined;
}

export function isBase64url(text: unknown, bytes: number): boolean {
  return (
    typeof text === "string" &&
    text.length === Math.ceil((bytes * 4) / 3) &&
    fromBase64url(text) !== undefined
  );
}

export function sameBytes(one: Bytes, other: Bytes): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

export function concatenated(parts: readonly Bytes[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
