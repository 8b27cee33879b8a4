// Bytes from elsewhere become chunks of a content if all of them are right.

import { expect, test } from "vitest";
import { chunksOf } from "../../../../../client/core/cache/adoption.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { sample, turns } from "../stage.ts";
import { KIB, upTo } from "./visit.ts";

async function adopted(body: Uint8Array<ArrayBuffer>, content: Parameters<typeof chunksOf>[0]) {
  const chunks = chunksOf(content, body, simHasher);
  await turns();
  return chunks;
}

test("all of it becomes its chunks, each in a buffer of its own", async () => {
  const { content, body, chunk } = await sample({ size: 2 * KIB + 100 });
  const chunks = await adopted(body.slice(), content);
  expect(chunks).toEqual(upTo(3).map(chunk));
  expect(chunks?.map(({ buffer }) => buffer.byteLength)).toEqual([KIB, KIB, 100]);
});

test("less, more, or other bytes are none of it", async () => {
  const { content, body } = await sample({ size: 3 * KIB });
  const other = body.slice();
  other[2 * KIB] = (other[2 * KIB] ?? 0) ^ 1;
  const longer = new Uint8Array(3 * KIB + 1);
  longer.set(body);
  for (const wrong of [other, body.slice(0, 2 * KIB), longer, new Uint8Array(0)]) {
    expect(await adopted(wrong, content)).toBeUndefined();
  }
});
