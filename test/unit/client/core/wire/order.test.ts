// Control messages come out in the order they were sent, whatever order they came in.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ControlMessage, MAX_WAITING } from "../../../../../client/core/wire/messages.ts";
import { ControlOrder } from "../../../../../client/core/wire/order.ts";

const ping = (nonce: number): ControlMessage => ({ type: "ping", nonce });

test("any shuffling within the bound comes out in order, each message once", () => {
  const shuffled = fc
    .integer({ min: 1, max: MAX_WAITING })
    .chain((count) =>
      fc.shuffledSubarray([...Array(count).keys()], { minLength: count, maxLength: count }),
    );
  fc.assert(
    fc.property(shuffled, (sequences) => {
      const order = new ControlOrder();
      const out: unknown[] = [];
      for (const sequence of sequences) out.push(...order.accept(sequence, ping(sequence)));
      expect(out).toEqual(sequences.map((_, at) => ping(at)));
    }),
  );
});

test("a message is handed on as soon as nothing is missing before it", () => {
  const order = new ControlOrder();
  expect(order.accept(1, ping(1))).toEqual([]);
  expect(order.accept(2, ping(2))).toEqual([]);
  expect(order.accept(0, ping(0))).toEqual([ping(0), ping(1), ping(2)]);
  expect(order.accept(3, ping(3))).toEqual([ping(3)]);
});

describe("out of order is", () => {
  test("a number that was read already", () => {
    const order = new ControlOrder();
    order.accept(0, ping(0));
    expect(order.accept(0, ping(0))).toBe("out-of-order");
  });
  test("a number that waits already", () => {
    const order = new ControlOrder();
    order.accept(5, ping(5));
    expect(order.accept(5, ping(5))).toBe("out-of-order");
  });
  test("a number further ahead than may wait, and not the one before it", () => {
    const order = new ControlOrder();
    expect(order.accept(MAX_WAITING, ping(0))).toEqual([]);
    expect(order.accept(MAX_WAITING + 1, ping(0))).toBe("out-of-order");
    order.accept(0, ping(0));
    expect(order.accept(MAX_WAITING + 1, ping(0))).toEqual([]);
  });
});
