// What a peer has asked us about: one handle a content, one content a handle, and so many of them.

import { expect, test } from "vitest";
import { Interests } from "../../../../../client/core/swarm/interests.ts";
import { MAX_ASKED } from "../../../../../client/core/wire/messages.ts";
import { base64url } from "../../../../../tracker/protocol/bytes.ts";

const named = (number: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
};

test("a content and its handle lead to each other until they are removed", () => {
  const interests = new Interests();
  const content = base64url(named(1));
  expect(interests.add(7, named(1))).toEqual({ content });
  expect(interests.contentOf(7)).toBe(content);
  expect(interests.remove(7)).toBe("removed");
  expect(interests.contentOf(7)).toBeUndefined();
  expect(interests.add(7, named(1))).toEqual({ content });
});

test("a handle or a content that is in use is out of order", () => {
  const interests = new Interests();
  interests.add(7, named(1));
  expect(interests.add(7, named(2))).toBe("out-of-order");
  expect(interests.add(8, named(1))).toBe("out-of-order");
});

test("a handle that was never given is out of range", () => {
  expect(new Interests().remove(7)).toBe("out-of-range");
});

test("one content more than a page may ask about is a flood", () => {
  const interests = new Interests();
  for (let n = 0; n < MAX_ASKED; n++) expect(interests.add(n, named(n))).toHaveProperty("content");
  expect(interests.add(MAX_ASKED, named(MAX_ASKED))).toBe("flood");
});
