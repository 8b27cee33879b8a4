// The bitfield against a set of numbers that does the same.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Bitfield } from "../../../../../client/core/cache/bitfield.ts";

const steps = fc.array(
  fc.record({ do: fc.constantFrom("set", "clear"), index: fc.integer({ min: -3, max: 70 }) }),
  { maxLength: 120 },
);

test("it holds what a set of the same numbers holds, through any setting and clearing", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 66 }), steps, (count, todo) => {
      const field = new Bitfield(count);
      const model = new Set<number>();
      for (const { do: step, index } of todo) {
        const isInside = index >= 0 && index < count;
        const changes = isInside && model.has(index) === (step === "clear");
        expect(step === "set" ? field.set(index) : field.clear(index)).toBe(changes);
        if (changes && step === "set") model.add(index);
        if (changes && step === "clear") model.delete(index);
        expect(field.held).toBe(model.size);
      }
      expect(field.complete).toBe(model.size === count);
      for (let index = -8; index < count + 8; index++) {
        expect(field.has(index)).toBe(model.has(index));
      }
    }),
  );
});

test("it survives the way over the wire, as a copy", () => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 66 })
        .chain((count) =>
          fc.record({ count: fc.constant(count), held: fc.uniqueArray(fc.nat(count - 1)) }),
        ),
      ({ count, held }) => {
        const field = new Bitfield(count);
        for (const index of held) field.set(index);
        const bits = field.bits();
        const far = Bitfield.from(count, bits);
        bits.fill(0xff);
        expect(far?.held).toBe(held.length);
        for (let index = 0; index < count; index++) expect(far?.has(index)).toBe(field.has(index));
      },
    ),
  );
});

test("the first chunk is the highest bit of the first byte", () => {
  const field = new Bitfield(10);
  field.set(0);
  field.set(9);
  expect([...field.bits()]).toEqual([0b1000_0000, 0b0100_0000]);
});

test("bits of a wrong length, or with a spare bit set, are none", () => {
  expect(Bitfield.from(10, new Uint8Array([0xff, 0b1100_0000]))?.complete).toBe(true);
  expect(Bitfield.from(10, new Uint8Array([0xff, 0b1110_0000]))).toBeUndefined();
  expect(Bitfield.from(10, new Uint8Array([0xff, 0b1100_0001]))).toBeUndefined();
  expect(Bitfield.from(10, new Uint8Array(1))).toBeUndefined();
  expect(Bitfield.from(10, new Uint8Array(3))).toBeUndefined();
  expect(Bitfield.from(8, new Uint8Array([0xff]))?.complete).toBe(true);
  expect(Bitfield.from(0, new Uint8Array(0))?.complete).toBe(true);
});
