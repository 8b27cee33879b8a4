// A link to somebody who does not keep to the protocol: every breach is called by its name, ends the link once, and is
// the last thing that is heard of it. And what looks like a breach but is none.

import { beforeAll, describe, expect, test } from "vitest";
import type { Violation } from "../../../../../client/core/events.ts";
import { encodeControl, encodeData } from "../../../../../client/core/wire/codec.ts";
import {
  type ControlMessage,
  DATA_BYTES,
  MAX_ASKED,
  MAX_FRAME_BYTES,
  MAX_REQUESTS,
  MAX_WAITING,
  WIRE_VERSION,
} from "../../../../../client/core/wire/messages.ts";
import type { Bytes } from "../../../../../tracker/protocol/bytes.ts";
import { idOf } from "../../../tracker/stage.ts";
import { type Sample, Stage, sample, turns } from "../stage.ts";
import { bytesOf, End } from "./ends.ts";

const CHUNK = DATA_BYTES + 100;
let film: Sample;
beforeAll(async () => {
  film = await sample({ size: 10 * CHUNK, chunkBytes: CHUNK });
});
const HELLO: ControlMessage = {
  type: "hello",
  version: WIRE_VERSION,
  peer: bytesOf(idOf("stranger")),
  requests: 8,
};
const digest = (number: number): Bytes => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
};

/** Our end, and a stranger who says whatever the test wants. */
class Meeting {
  readonly stage = new Stage();
  readonly end = new End("self", "stranger", this.stage.clock);
  #sequence = 0;

  say(...messages: readonly ControlMessage[]): this {
    for (const message of messages) {
      this.end.remote.frame(encodeControl(this.#sequence++, message));
    }
    return this;
  }
  data(request: number, part: number, length: number): this {
    this.end.remote.frame(encodeData(request, part, new Uint8Array(length)));
    return this;
  }
  frame(bytes: Bytes): this {
    this.end.remote.frame(bytes);
    return this;
  }
  /** After its hello; the pings are over. */
  static linked(): Meeting {
    const meeting = new Meeting().say(HELLO, { type: "pong", nonce: 0 });
    meeting.end.said();
    return meeting;
  }
  /** We hold the film, and it has asked about it as handle 3. */
  static serving(): Meeting {
    const meeting = Meeting.linked();
    meeting.end.hold(film, 0, 1, 2);
    return meeting.say({ type: "ask", handle: 3, content: film.content.idBytes });
  }
  /** It says it holds all of the film, and we have asked for chunks 0 and 1. */
  static requesting(): Meeting {
    const meeting = Meeting.linked();
    meeting.end.remote.ask(film.content);
    meeting.say({
      type: "availability",
      handle: 0,
      count: 10,
      bits: new Uint8Array([0xff, 0xc0]),
    });
    for (const index of [0, 1]) meeting.end.remote.request(film.content, index);
    return meeting;
  }
}

type Breach = readonly [what: string, kind: Violation, commit: () => Meeting];
const BREACHES: readonly Breach[] = [
  ["a frame that is none", "malformed", () => Meeting.linked().frame(new Uint8Array(20).fill(99))],
  [
    "a frame longer than any",
    "too-long",
    () => Meeting.linked().frame(new Uint8Array(MAX_FRAME_BYTES + 1)),
  ],
  [
    "a hello with another id than was introduced",
    "impostor",
    () => new Meeting().say({ ...HELLO, peer: bytesOf(idOf("somebody else")) }),
  ],
  [
    "an answer before its hello",
    "out-of-order",
    () => new Meeting().say({ type: "choke", on: true }),
  ],
  ["a second hello", "out-of-order", () => Meeting.linked().say(HELLO)],
  [
    "a number used twice",
    "out-of-order",
    () => Meeting.linked().frame(encodeControl(0, { type: "ping", nonce: 1 })),
  ],
  [
    "a number far ahead",
    "out-of-order",
    () => Meeting.linked().frame(encodeControl(3 + MAX_WAITING, { type: "ping", nonce: 1 })),
  ],
  [
    "asking twice about one content",
    "out-of-order",
    () => Meeting.serving().say({ type: "ask", handle: 4, content: film.content.idBytes }),
  ],
  [
    "asking twice under one handle",
    "out-of-order",
    () => Meeting.serving().say({ type: "ask", handle: 3, content: digest(5) }),
  ],
  [
    "a delta before the answer",
    "out-of-order",
    () => {
      const meeting = Meeting.linked();
      meeting.end.remote.ask(film.content);
      return meeting.say({ type: "delta", handle: 0, kind: "have", indices: [1] });
    },
  ],
  [
    "a request under an unknown handle",
    "out-of-range",
    () => Meeting.serving().say({ type: "request", request: 0, handle: 9, index: 0 }),
  ],
  [
    "a request behind the end",
    "out-of-range",
    () => Meeting.serving().say({ type: "request", request: 0, handle: 3, index: 10 }),
  ],
  [
    "dropping what was never asked",
    "out-of-range",
    () => Meeting.serving().say({ type: "drop", handle: 9 }),
  ],
  [
    "an answer about another number of chunks",
    "out-of-range",
    () => {
      const meeting = Meeting.linked();
      meeting.end.remote.ask(film.content);
      return meeting.say({ type: "availability", handle: 0, count: 11, bits: new Uint8Array(2) });
    },
  ],
  [
    "an answer with bits behind the end",
    "malformed",
    () => {
      const meeting = Meeting.linked();
      meeting.end.remote.ask(film.content);
      const bits = new Uint8Array([0, 1]);
      return meeting.say({ type: "availability", handle: 0, count: 10, bits });
    },
  ],
  [
    "a delta behind the end",
    "out-of-range",
    () => Meeting.requesting().say({ type: "delta", handle: 0, kind: "have", indices: [10] }),
  ],
  [
    "an answer to no question",
    "unasked",
    () =>
      Meeting.linked().say({ type: "availability", handle: 0, count: 0, bits: new Uint8Array(0) }),
  ],
  ["a part behind the chunk's end", "out-of-range", () => Meeting.requesting().data(0, 2, 100)],
  ["a part of a wrong length", "out-of-range", () => Meeting.requesting().data(0, 1, 99)],
  ["a part sent twice", "unasked", () => Meeting.requesting().data(0, 1, 100).data(0, 1, 100)],
  ["data that nobody asked for", "unasked", () => Meeting.requesting().data(2, 0, DATA_BYTES)],
  ["data before its hello", "unasked", () => new Meeting().data(0, 0, 100)],
  [
    "data for a chunk that is there",
    "unasked",
    () => Meeting.requesting().data(0, 0, DATA_BYTES).data(0, 1, 100).data(0, 1, 100),
  ],
  [
    "more data than was cancelled",
    "unasked",
    () => {
      const meeting = Meeting.requesting().data(0, 1, 100);
      meeting.end.remote.cancel(film.content.id, 0);
      return meeting.data(0, 0, DATA_BYTES).data(0, 1, 1);
    },
  ],
  [
    "a refusal of nothing",
    "unasked",
    () => Meeting.requesting().say({ type: "reject", request: 2, reason: "busy" }),
  ],
  ["a pong to no ping", "unasked", () => Meeting.linked().say({ type: "pong", nonce: 1 })],
  [
    "more questions than a page has",
    "flood",
    () => {
      const meeting = Meeting.linked();
      for (let handle = 0; handle <= MAX_ASKED; handle++) {
        meeting.say({ type: "ask", handle, content: digest(handle) });
      }
      return meeting;
    },
  ],
  [
    "more requests than we said we take",
    "flood",
    () => {
      const meeting = Meeting.serving();
      for (let request = 0; request <= MAX_REQUESTS; request++) {
        meeting.say({ type: "request", request, handle: 3, index: request % 3 });
      }
      return meeting;
    },
  ],
];

describe("a breach ends the link once, under its name:", () => {
  test.each(BREACHES)("%s is %s", async (_what, kind, commit) => {
    const { end, stage } = commit();
    expect(end.endings).toEqual([{ violation: kind }]);
    expect(end.closings).toBe(1);
    expect(end.remote.ready).toBe(false);
    const changes = end.changes;
    end.said();
    end.remote.frame(new Uint8Array(3));
    end.remote.frame(encodeData(0, 0, new Uint8Array(1)));
    end.remote.lost("remote");
    end.remote.ask(film.content);
    end.remote.ping();
    end.remote.close("useless");
    await turns();
    await stage.pass(60_000);
    expect(end.endings).toHaveLength(1);
    expect(end.closings).toBe(1);
    expect(end.changes).toBe(changes);
    expect(end.said()).toEqual([]);
    expect(stage.clock.pending).toBe(0);
  });
});

describe("what is no breach:", () => {
  test("data that was under way when it was cancelled", () => {
    const { end } = Meeting.requesting().data(0, 1, 100);
    end.remote.cancel(film.content.id, 0);
    end.remote.frame(encodeData(0, 0, new Uint8Array(DATA_BYTES)));
    expect(end.endings).toEqual([]);
    expect(end.wasted).toBe(CHUNK);
  });
  test("a refusal that crossed a cancel", () => {
    const meeting = Meeting.requesting();
    meeting.end.remote.cancel(film.content.id, 0);
    meeting.say({ type: "reject", request: 0, reason: "busy" });
    expect(meeting.end.endings).toEqual([]);
    expect(meeting.end.refused).toEqual([]);
  });
  test("an answer to what was dropped meanwhile", () => {
    const meeting = Meeting.linked();
    meeting.end.remote.ask(film.content);
    meeting.end.remote.drop(film.content.id);
    meeting.say({ type: "availability", handle: 0, count: 10, bits: new Uint8Array(2) });
    expect(meeting.end.endings).toEqual([]);
  });
  test("asking for a chunk we do not have: it is told", () => {
    const meeting = Meeting.serving();
    meeting.end.said();
    meeting.say({ type: "request", request: 7, handle: 3, index: 9 });
    expect(meeting.end.said()).toEqual([{ type: "reject", request: 7, reason: "missing" }]);
    expect(meeting.end.endings).toEqual([]);
  });
  test("asking about a content we have never heard of: it is told that there is nothing", () => {
    const meeting = Meeting.linked().say({ type: "ask", handle: 5, content: digest(1) });
    expect(meeting.end.said()).toEqual([
      { type: "availability", handle: 5, count: 0, bits: new Uint8Array(0) },
    ]);
    meeting.say({ type: "request", request: 7, handle: 5, index: 400 });
    expect(meeting.end.said()).toEqual([{ type: "reject", request: 7, reason: "missing" }]);
  });
  test("a newer Shoal with the right id: they part as strangers, and nobody is accused", () => {
    const { end } = new Meeting().say({ ...HELLO, version: WIRE_VERSION + 1 });
    expect(end.endings).toEqual(["remote"]);
    expect(end.closings).toBe(1);
    expect(end.readies).toBe(0);
    expect(end.said().map(({ type }) => type)).toEqual(["hello", "bye"]);
  });
  test("a goodbye, and whatever comes behind it", () => {
    const { end } = Meeting.linked().say(
      { type: "bye", reason: "closing" },
      { type: "pong", nonce: 9 },
    );
    expect(end.endings).toEqual(["remote"]);
  });
});

test("we never ask for more at once than it said it takes", () => {
  const { end } = Meeting.linked();
  expect(end.remote.requestLimit).toBe(8);
});
