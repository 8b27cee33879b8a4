// The truth, lent: parts that lie in one chunk of it are that chunk, and nothing else is.

import { expect, test } from "vitest";
import { DATA_BYTES } from "../../../../client/core/wire/messages.ts";
import type { Bytes } from "../../../../tracker/protocol/bytes.ts";
import { CHUNK_BYTES } from "../../../../tracker/protocol/manifest.ts";
import { patterned } from "../../../contract/battery.ts";
import { Bodies, DATA_HEAD } from "../../../sim/bodies.ts";
import { SimRandom } from "../../../sim/random.ts";

const body = new SimRandom("bodies").bytes(CHUNK_BYTES + 100);
const bodies = new Bodies();
bodies.add("film", body);

/** The parts of a chunk as they arrive: content of the frames that travelled. */
function partsOf(index: number): Bytes[] {
  const chunk = body.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
  const parts: Bytes[] = [];
  for (let from = 0; from < chunk.length; from += DATA_BYTES) {
    const bytes = chunk.subarray(from, from + DATA_BYTES);
    const frame = new Uint8Array(DATA_HEAD + bytes.length);
    frame.set(bytes, DATA_HEAD);
    const lent = bodies.partOf(frame);
    if (lent === undefined) throw new Error("published bytes are known");
    parts.push(lent.frame.subarray(DATA_HEAD));
  }
  return parts;
}

test("all parts in order are the chunk, which is not copied", () => {
  for (const index of [0, 1]) {
    const whole = bodies.whole(partsOf(index));
    expect(whole).toBe(bodies.chunk(`film.${index}`));
    expect(whole?.buffer).toBe(body.buffer);
  }
});

test.each([
  ["in another order", () => partsOf(0).reverse()],
  ["with one of another chunk", () => [...partsOf(0).slice(0, -1), ...partsOf(1)]],
  ["with one that was copied on its way", () => [...partsOf(0).slice(0, -1), patterned(10)]],
  ["none", () => []],
])("%s they are not", (_what, parts) => {
  expect(bodies.whole(parts())).toBeUndefined();
});
