// One chunk on its way: any order of its parts, one right size for each.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Incoming } from "../../../../../client/core/swarm/incoming.ts";
import type { ContentId } from "../../../../../client/core/vocabulary.ts";
import { DATA_BYTES } from "../../../../../client/core/wire/messages.ts";
import type { Bytes } from "../../../../../tracker/protocol/bytes.ts";
import { patterned } from "../../../../contract/battery.ts";

const CONTENT = "content" as ContentId;
const incoming = (length: number): Incoming => new Incoming(CONTENT, 0, length, 0);
const partsOf = (length: number): number => Math.ceil(length / DATA_BYTES);

test("parts in any order are the chunk in its own order, with the last of them and not before", () => {
  const lengths = fc.integer({ min: 1, max: 5 * DATA_BYTES });
  const orders = lengths.chain((length) => {
    const parts = [...Array(partsOf(length)).keys()];
    const count = parts.length;
    return fc.record({
      length: fc.constant(length),
      order: fc.shuffledSubarray(parts, { minLength: count, maxLength: count }),
    });
  });
  fc.assert(
    fc.property(orders, ({ length, order }) => {
      const chunk = patterned(length);
      const one = incoming(length);
      for (const [at, part] of order.entries()) {
        const outcome = one.add(part, chunk.subarray(part * DATA_BYTES, (part + 1) * DATA_BYTES));
        if (at < order.length - 1) expect(outcome).toBe("more");
        else expect(Buffer.concat(outcome as Bytes[]).equals(chunk)).toBe(true);
      }
      expect(one.received).toBe(length);
    }),
    { numRuns: 30 },
  );
});

test.each([
  ["a part behind the end", 2, 10],
  ["an empty part behind the end", 2, 0],
  ["a part that is too short", 0, DATA_BYTES - 1],
  ["a part that is too long", 0, DATA_BYTES + 1],
  ["a last part that is too long", 1, 101],
  ["a last part that is too short", 1, 99],
])("%s is out of range, and nothing of it is kept", (_what, part, length) => {
  const one = incoming(DATA_BYTES + 100);
  expect(one.add(part, new Uint8Array(length))).toBe("out-of-range");
  expect(one.received).toBe(0);
});

test("a part that is there already was not asked for again", () => {
  const one = incoming(DATA_BYTES + 100);
  expect(one.add(1, new Uint8Array(100))).toBe("more");
  expect(one.add(1, new Uint8Array(100))).toBe("unasked");
  expect(one.received).toBe(100);
});
