// Text and bytes survive the way there and back, and nothing that is not an encoding is taken for one.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  base64url,
  concatenated,
  fromBase64url,
  fromUtf8,
  isBase64url,
  sameBytes,
  utf8,
} from "../../../../tracker/protocol/bytes.ts";

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Uint8Array.from(array));

describe("base64url", () => {
  test("agrees with Node's own encoder for any bytes", () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expect(base64url(data)).toBe(Buffer.from(data).toString("base64url"));
      }),
    );
  });

  test("gives back the bytes it was made of", () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expect(fromBase64url(base64url(data))).toEqual(data);
      }),
    );
  });

  test("accepts a text only if encoding its bytes gives that very text", () => {
    const nearly = fc.string({
      unit: fc.constantFrom(..."AQgw-_09azZ+/= é"),
      maxLength: 12,
    });
    fc.assert(
      fc.property(nearly, (text) => {
        const data = fromBase64url(text);
        if (data !== undefined) expect(base64url(data)).toBe(text);
      }),
    );
  });

  test.each([
    ["an impossible length", "A"],
    ["padding", "AA=="],
    ["the other alphabet", "+/AA"],
    ["stray bits", "AB"],
    ["a letter beyond ASCII", "AAAÄ"],
  ])("refuses %s", (_, text) => {
    expect(fromBase64url(text)).toBeUndefined();
  });

  test("knows a text of so many bytes from shorter and longer ones", () => {
    fc.assert(
      fc.property(bytes, (data) => {
        const text = base64url(data);
        expect(isBase64url(text, data.length)).toBe(true);
        expect(isBase64url(text, data.length + 1)).toBe(false);
        expect(isBase64url(text, data.length - 1)).toBe(false);
      }),
    );
  });

  test("is never anything but a text", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        fc.pre(typeof value !== "string");
        expect(isBase64url(value, 0)).toBe(false);
      }),
    );
  });
});

describe("UTF-8", () => {
  test("gives back any well-formed text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(!text.startsWith("\ufeff"));
        expect(fromUtf8(utf8(text))).toBe(text);
      }),
    );
  });

  test("refuses bytes that are none", () => {
    expect(fromUtf8(Uint8Array.of(0xff))).toBeUndefined();
    expect(fromUtf8(Uint8Array.of(0xc3))).toBeUndefined();
  });
});

test("bytes are the same only when every one is", () => {
  fc.assert(
    fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (data, place, change) => {
      const other = data.slice();
      expect(sameBytes(data, other)).toBe(true);
      expect(sameBytes(data, concatenated([data, Uint8Array.of(0)]))).toBe(false);
      const at = place % Math.max(data.length, 1);
      const old = other[at];
      if (old === undefined) return;
      other[at] = old ^ change;
      expect(sameBytes(data, other)).toBe(false);
    }),
  );
});

test("concatenated parts are the parts in a row, in a buffer of their own", () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), (parts) => {
      const whole = concatenated(parts);
      expect(Buffer.from(whole)).toEqual(Buffer.concat(parts));
      for (const part of parts) expect(whole.buffer).not.toBe(part.buffer);
    }),
  );
});
