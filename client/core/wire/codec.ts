// Frames as bytes and back. Numbers are big-endian. Refuses whatever is too short, too long, of an unknown type or out
// of bounds; never throws. Whether a message makes sense now is the remote peer's question, not the codec's.
//
//   control   u8 type, u32 sequence, fields           data   u8 0, u32 request, u16 part, bytes

import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import { PEER_ID_BYTES } from "../../../tracker/protocol/ids.ts";
import { DIGEST_BYTES, MAX_CHUNKS } from "../../../tracker/protocol/manifest.ts";
import type { Violation } from "../events.ts";
import {
  type ByeReason,
  type ControlMessage,
  DATA_BYTES,
  type DeltaKind,
  type Frame,
  MAX_DELTA,
  MAX_FRAME_BYTES,
  type RejectReason,
} from "./messages.ts";

const DATA_HEAD = 7;
const CONTROL_HEAD = 5;
const TYPES = [
  "hello",
  "ask",
  "drop",
  "availability",
  "delta",
  "request",
  "reject",
  "cancel",
  "choke",
  "ping",
  "pong",
  "bye",
  "describe",
  "description",
] as const satisfies readonly ControlMessage["type"][];
const DELTAS = ["have", "pending", "gone"] as const satisfies readonly DeltaKind[];
const REJECTS = ["missing", "busy", "choked"] as const satisfies readonly RejectReason[];
const BYES = ["closing", "full", "useless"] as const satisfies readonly ByeReason[];

export type Decoded =
  | { readonly ok: true; readonly frame: Frame }
  | { readonly ok: false; readonly violation: Violation };

/** Where a data frame is made; `encodeData` may use one again and again. */
export const dataFrame = (): Bytes => new Uint8Array(DATA_HEAD + DATA_BYTES);

/** One data frame holding `bytes`, which are copied: a view of `room`, until that is used again. */
export function encodeData(
  request: number,
  part: number,
  bytes: Bytes,
  room: Bytes = new Uint8Array(DATA_HEAD + bytes.length),
): Bytes {
  const frame = room.subarray(0, DATA_HEAD + bytes.length);
  const view = new DataView(frame.buffer);
  view.setUint32(1, request);
  view.setUint16(5, part);
  frame.set(bytes, DATA_HEAD);
  return frame;
}

export function encodeControl(sequence: number, message: ControlMessage): Bytes {
  const frame = new Uint8Array(CONTROL_HEAD + fieldsLength(message));
  const view = new DataView(frame.buffer);
  view.setUint8(0, TYPES.indexOf(message.type) + 1);
  view.setUint32(1, sequence);
  const at = CONTROL_HEAD;
  switch (message.type) {
    case "hello":
      view.setUint8(at, message.version);
      view.setUint8(at + 1, message.requests);
      frame.set(message.peer, at + 2);
      break;
    case "ask":
      view.setUint16(at, message.handle);
      frame.set(message.content, at + 2);
      break;
    case "drop":
      view.setUint16(at, message.handle);
      break;
    case "availability":
      view.setUint16(at, message.handle);
      view.setUint32(at + 2, message.count);
      frame.set(message.bits, at + 6);
      break;
    case "delta":
      view.setUint16(at, message.handle);
      view.setUint8(at + 2, DELTAS.indexOf(message.kind));
      for (const [order, index] of message.indices.entries())
        view.setUint32(at + 3 + order * 4, index);
      break;
    case "request":
      view.setUint32(at, message.request);
      view.setUint16(at + 4, message.handle);
      view.setUint32(at + 6, message.index);
      break;
    case "reject":
      view.setUint32(at, message.request);
      view.setUint8(at + 4, REJECTS.indexOf(message.reason));
      break;
    case "cancel":
      view.setUint32(at, message.request);
      break;
    case "choke":
      view.setUint8(at, message.on ? 1 : 0);
      break;
    case "ping":
    case "pong":
      view.setUint32(at, message.nonce);
      break;
    case "bye":
      view.setUint8(at, BYES.indexOf(message.reason));
      break;
    case "describe":
      view.setUint32(at, message.request);
      view.setUint32(at + 4, message.offset);
      frame.set(message.url, at + 8);
      break;
    case "description":
      view.setUint32(at, message.request);
      view.setUint32(at + 4, message.total);
      frame.set(message.bytes, at + 8);
      break;
  }
  return frame;
}

function fieldsLength(message: ControlMessage): number {
  switch (message.type) {
    case "hello":
      return 2 + message.peer.length;
    case "ask":
      return 2 + message.content.length;
    case "drop":
      return 2;
    case "availability":
      return 6 + message.bits.length;
    case "delta":
      return 3 + message.indices.length * 4;
    case "request":
      return 10;
    case "reject":
      return 5;
    case "cancel":
    case "ping":
    case "pong":
      return 4;
    case "choke":
    case "bye":
      return 1;
    case "describe":
      return 8 + message.url.length;
    case "description":
      return 8 + message.bytes.length;
  }
}

const refused = (violation: Violation): Decoded => ({ ok: false, violation });

export function decode(frame: Bytes): Decoded {
  if (frame.length > MAX_FRAME_BYTES) return refused("too-long");
  if (frame.length < CONTROL_HEAD) return refused("malformed");
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint8(0) === 0) {
    const length = frame.length - DATA_HEAD;
    if (length < 1 || length > DATA_BYTES) return refused("malformed");
    return {
      ok: true,
      frame: {
        type: "data",
        request: view.getUint32(1),
        part: view.getUint16(5),
        bytes: frame.subarray(DATA_HEAD),
      },
    };
  }
  const message = controlOf(view, frame);
  if (message === undefined) return refused("malformed");
  return { ok: true, frame: { type: "control", sequence: view.getUint32(1), message } };
}

function controlOf(view: DataView, frame: Bytes): ControlMessage | undefined {
  const type = TYPES[view.getUint8(0) - 1];
  const at = CONTROL_HEAD;
  const length = frame.length - at;
  switch (type) {
    case "hello":
      if (length !== 2 + PEER_ID_BYTES || view.getUint8(at + 1) === 0) return undefined;
      return {
        type,
        version: view.getUint8(at),
        requests: view.getUint8(at + 1),
        peer: frame.slice(at + 2),
      };
    case "ask":
      if (length !== 2 + DIGEST_BYTES) return undefined;
      return { type, handle: view.getUint16(at), content: frame.slice(at + 2) };
    case "drop":
      return length === 2 ? { type, handle: view.getUint16(at) } : undefined;
    case "availability": {
      if (length < 6) return undefined;
      const count = view.getUint32(at + 2);
      if (count > MAX_CHUNKS || length !== 6 + Math.ceil(count / 8)) return undefined;
      return { type, handle: view.getUint16(at), count, bits: frame.slice(at + 6) };
    }
    case "delta": {
      if (length < 7 || (length - 3) % 4 !== 0 || length > 3 + MAX_DELTA * 4) return undefined;
      const kind = DELTAS[view.getUint8(at + 2)];
      if (kind === undefined) return undefined;
      const indices: number[] = [];
      for (let offset = at + 3; offset < frame.length; offset += 4)
        indices.push(view.getUint32(offset));
      return { type, handle: view.getUint16(at), kind, indices };
    }
    case "request":
      if (length !== 10) return undefined;
      return {
        type,
        request: view.getUint32(at),
        handle: view.getUint16(at + 4),
        index: view.getUint32(at + 6),
      };
    case "reject": {
      const reason = length === 5 ? REJECTS[view.getUint8(at + 4)] : undefined;
      return reason === undefined ? undefined : { type, request: view.getUint32(at), reason };
    }
    case "cancel":
      return length === 4 ? { type, request: view.getUint32(at) } : undefined;
    case "choke":
      if (length !== 1 || view.getUint8(at) > 1) return undefined;
      return { type, on: view.getUint8(at) === 1 };
    case "ping":
    case "pong":
      return length === 4 ? { type, nonce: view.getUint32(at) } : undefined;
    case "bye": {
      const reason = length === 1 ? BYES[view.getUint8(at)] : undefined;
      return reason === undefined ? undefined : { type, reason };
    }
    case "describe":
      if (length !== 8 + DIGEST_BYTES) return undefined;
      return {
        type,
        request: view.getUint32(at),
        offset: view.getUint32(at + 4),
        url: frame.slice(at + 8),
      };
    case "description":
      if (length < 8) return undefined;
      return {
        type,
        request: view.getUint32(at),
        total: view.getUint32(at + 4),
        bytes: frame.slice(at + 8),
      };
    default:
      return undefined;
  }
}
