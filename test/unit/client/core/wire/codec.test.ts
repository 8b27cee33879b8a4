// Frames as bytes and back, by property: what is sent is read, and nothing a stranger sends does more than be refused.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, encodeControl, encodeData } from "../../../../../client/core/wire/codec.ts";
import {
  type ControlMessage,
  DATA_BYTES,
  type Frame,
  MAX_DELTA,
  MAX_FRAME_BYTES,
} from "../../../../../client/core/wire/messages.ts";
import type { Bytes } from "../../../../../tracker/protocol/bytes.ts";
import { PEER_ID_BYTES } from "../../../../../tracker/protocol/ids.ts";
import { DIGEST_BYTES, MAX_CHUNKS } from "../../../../../tracker/protocol/manifest.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = (min: number, max = min): fc.Arbitrary<Bytes> =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((array) => new Uint8Array(array));
const is = <const T extends string>(type: T): fc.Arbitrary<T> => fc.constant(type);

const availability = fc.integer({ min: 0, max: 300 }).chain((count) =>
  fc.record({
    type: is("availability"),
    handle: u16,
    count: fc.constant(count),
    bits: bytes(Math.ceil(count / 8)),
  }),
);

const MESSAGES: { readonly [T in ControlMessage["type"]]: fc.Arbitrary<ControlMessage> } = {
  hello: fc.record({
    type: is("hello"),
    version: u8,
    peer: bytes(PEER_ID_BYTES),
    requests: fc.integer({ min: 1, max: 255 }),
  }),
  ask: fc.record({ type: is("ask"), handle: u16, content: bytes(DIGEST_BYTES) }),
  drop: fc.record({ type: is("drop"), handle: u16 }),
  availability,
  delta: fc.record({
    type: is("delta"),
    handle: u16,
    kind: fc.constantFrom("have", "pending", "gone"),
    indices: fc.array(u32, { minLength: 1, maxLength: 40 }),
  }),
  request: fc.record({ type: is("request"), request: u32, handle: u16, index: u32 }),
  reject: fc.record({
    type: is("reject"),
    request: u32,
    reason: fc.constantFrom("missing", "busy", "choked"),
  }),
  cancel: fc.record({ type: is("cancel"), request: u32 }),
  choke: fc.record({ type: is("choke"), on: fc.boolean() }),
  ping: fc.record({ type: is("ping"), nonce: u32 }),
  pong: fc.record({ type: is("pong"), nonce: u32 }),
  bye: fc.record({ type: is("bye"), reason: fc.constantFrom("closing", "full", "useless") }),
  describe: fc.record({
    type: is("describe"),
    request: u32,
    offset: u32,
    url: bytes(DIGEST_BYTES),
  }),
  description: fc.record({
    type: is("description"),
    request: u32,
    total: u32,
    bytes: bytes(0, 200),
  }),
};
const control = fc.oneof(...Object.values(MESSAGES));
const data = fc.record({
  type: is("data"),
  request: u32,
  part: u16,
  bytes: bytes(1, 200),
});
const frames: fc.Arbitrary<Frame> = fc.oneof(
  data,
  fc.record({ type: is("control"), sequence: u32, message: control }),
);

const encode = (frame: Frame): Bytes =>
  frame.type === "data"
    ? encodeData(frame.request, frame.part, frame.bytes)
    : encodeControl(frame.sequence, frame.message);

/** Refused, or read as exactly what these bytes say. */
function isExact(frame: Bytes): void {
  const decoded = decode(frame);
  if (decoded.ok) expect(encode(decoded.frame)).toEqual(frame);
  else expect(["malformed", "too-long"]).toContain(decoded.violation);
}

describe("every message is read as it was written:", () => {
  test.each(Object.entries(MESSAGES))("%s", (type, messages) => {
    fc.assert(
      fc.property(u32, messages, (sequence, message) => {
        expect(message.type).toBe(type);
        const frame: Frame = { type: "control", sequence, message };
        expect(decode(encode(frame))).toEqual({ ok: true, frame });
      }),
    );
  });
  test("data", () => {
    fc.assert(
      fc.property(data, (frame) => {
        expect(decode(encode(frame))).toEqual({ ok: true, frame });
      }),
    );
  });
});

describe("a stranger's frame never throws, and what is accepted has no second spelling:", () => {
  test("random bytes", () => {
    fc.assert(fc.property(bytes(0, 80), isExact), { numRuns: 2000 });
  });
  test("random bytes behind a right type", () => {
    const typed = fc.tuple(fc.integer({ min: 0, max: 13 }), bytes(0, 80)).map(([type, rest]) => {
      const frame = new Uint8Array(rest.length + 1);
      frame[0] = type;
      frame.set(rest, 1);
      return frame;
    });
    fc.assert(fc.property(typed, isExact), { numRuns: 2000 });
  });
  test("right frames with one byte changed, cut off or added", () => {
    fc.assert(
      fc.property(frames, fc.nat(), u8, fc.nat(3), (frame, place, value, kind) => {
        const right = encode(frame);
        const at = place % right.length;
        const changed = right.slice();
        changed[at] = value;
        const longer = new Uint8Array(right.length + 1);
        longer.set(right);
        longer[right.length] = value;
        isExact([changed, right.slice(0, at), right.slice(at), longer][kind] ?? right);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a bound holds one inside and not one outside:", () => {
  const HANDLE = 7;
  const said = (message: ControlMessage): ReturnType<typeof decode> =>
    decode(encodeControl(0, message));
  const malformed = { ok: false, violation: "malformed" };
  const cases: readonly (readonly [what: string, inside: Bytes, outside: Bytes])[] = [
    [
      "content bytes of a data frame",
      encodeData(1, 0, new Uint8Array(DATA_BYTES)),
      encodeData(1, 0, new Uint8Array(DATA_BYTES + 1)),
    ],
    [
      "an empty data frame",
      encodeData(1, 0, new Uint8Array(1)),
      encodeData(1, 0, new Uint8Array(0)),
    ],
    [
      "chunks of an availability",
      encodeControl(0, {
        type: "availability",
        handle: HANDLE,
        count: MAX_CHUNKS,
        bits: new Uint8Array(MAX_CHUNKS / 8),
      }),
      encodeControl(0, {
        type: "availability",
        handle: HANDLE,
        count: MAX_CHUNKS + 8,
        bits: new Uint8Array(MAX_CHUNKS / 8 + 1),
      }),
    ],
    [
      "indices of a delta",
      encodeControl(0, {
        type: "delta",
        handle: HANDLE,
        kind: "have",
        indices: new Array<number>(MAX_DELTA).fill(3),
      }),
      encodeControl(0, {
        type: "delta",
        handle: HANDLE,
        kind: "have",
        indices: new Array<number>(MAX_DELTA + 1).fill(3),
      }),
    ],
    [
      "a delta about nothing",
      encodeControl(0, { type: "delta", handle: HANDLE, kind: "gone", indices: [3] }),
      encodeControl(0, { type: "delta", handle: HANDLE, kind: "gone", indices: [] }),
    ],
    [
      "requests allowed by a hello",
      encodeControl(0, {
        type: "hello",
        version: 1,
        requests: 1,
        peer: new Uint8Array(PEER_ID_BYTES),
      }),
      encodeControl(0, {
        type: "hello",
        version: 1,
        requests: 0,
        peer: new Uint8Array(PEER_ID_BYTES),
      }),
    ],
  ];
  test.each(cases)("%s", (_what, inside, outside) => {
    expect(decode(inside).ok).toBe(true);
    expect(decode(outside)).toEqual(malformed);
  });

  test.each([
    ["availability one byte short", { count: 17, bits: new Uint8Array(2) }],
    ["availability one byte long", { count: 16, bits: new Uint8Array(3) }],
  ])("%s", (_what, { count, bits }) => {
    expect(said({ type: "availability", handle: HANDLE, count, bits })).toEqual(malformed);
  });

  test("the length of a frame, whatever is in it", () => {
    expect(decode(new Uint8Array(MAX_FRAME_BYTES))).toEqual(malformed);
    const long = new Uint8Array(MAX_FRAME_BYTES + 1);
    expect(decode(long)).toEqual({ ok: false, violation: "too-long" });
  });
  test("unknown types, reasons and kinds", () => {
    const spoiled = (message: ControlMessage, at: number, value: number): unknown => {
      const frame = encodeControl(0, message);
      frame[at] = value;
      return decode(frame);
    };
    const cancel: ControlMessage = { type: "cancel", request: 1 };
    expect(spoiled(cancel, 0, 8)).toMatchObject({ ok: true });
    expect(spoiled(cancel, 0, 13)).toEqual(malformed);
    expect(spoiled(cancel, 0, 255)).toEqual(malformed);
    expect(spoiled({ type: "bye", reason: "full" }, 5, 3)).toEqual(malformed);
    expect(spoiled({ type: "choke", on: true }, 5, 2)).toEqual(malformed);
    expect(spoiled({ type: "reject", request: 1, reason: "busy" }, 9, 3)).toEqual(malformed);
    expect(spoiled({ type: "delta", handle: 1, kind: "have", indices: [1] }, 7, 3)).toEqual(
      malformed,
    );
  });
});

test("a frame inside a larger buffer is read as the frame alone", () => {
  const frame = encodeControl(9, { type: "request", request: 5, handle: 6, index: 7 });
  const buffer = new Uint8Array(frame.length + 20).fill(0xee);
  buffer.set(frame, 10);
  expect(decode(buffer.subarray(10, 10 + frame.length))).toEqual(decode(frame));
});
