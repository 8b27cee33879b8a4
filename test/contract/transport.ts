// The battery of the `Transport` port: two transports, their links, and a relay between them that this file plays.
// Promises nothing about speed, and only what the port says about order: none.

import {
  HIGH_WATER,
  type Link,
  type LinkListener,
  type Transport,
} from "../../client/core/ports.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { Signal } from "../../tracker/protocol/messages.ts";
import { type Cases, check, type Pace, patterned, type Rig, runCases, same } from "./battery.ts";

export interface TransportRig extends Rig {
  /** Two that can reach each other; may be the same object. */
  readonly one: Transport;
  readonly other: Transport;
  readonly pace: Pace;
}

/** What every offerer says first, because an answerer may open with it. */
const GREETING = patterned(99);

/** One end: its link, what its listener heard but the greeting, and where its signals go. */
class End implements LinkListener {
  readonly link: Link;
  readonly #role: "offerer" | "answerer";
  readonly signals: Signal[] = [];
  readonly frames: Bytes[] = [];
  relay: (signal: Signal) => void = () => {};
  opens = 0;
  drains = 0;
  closings: string[] = [];

  constructor(transport: Transport, role: "offerer" | "answerer") {
    this.#role = role;
    this.link = transport.open(role, this);
  }
  signal(signal: Signal): void {
    this.signals.push(signal);
    this.relay(signal);
  }
  open(): void {
    this.opens++;
    if (this.#role === "offerer") this.link.send(GREETING);
  }
  frame(data: Bytes): void {
    if (data.length !== GREETING.length) this.frames.push(data);
  }
  drain(): void {
    this.drains++;
  }
  closed(reason: "remote" | "failed"): void {
    this.closings.push(reason);
  }
  /** Everything heard so far, to see whether more is heard later. */
  get heard(): string {
    return JSON.stringify([this.opens, this.frames.length, this.drains, this.closings]);
  }
}

/** Two ends whose signals reach each other, in order, from the moment both exist. */
function introduced({ one, other }: TransportRig): readonly [End, End] {
  const offerer = new End(one, "offerer");
  const answerer = new End(other, "answerer");
  for (const [from, to] of [
    [offerer, answerer],
    [answerer, offerer],
  ] as const) {
    for (const signal of from.signals) to.link.accept(signal);
    from.relay = (signal) => to.link.accept(signal);
  }
  return [offerer, answerer];
}

async function linked(rig: TransportRig): Promise<readonly [End, End]> {
  const ends = introduced(rig);
  await rig.pace.until("both ends open", () => ends.every((end) => end.opens > 0));
  return ends;
}

const NONSENSE: readonly Signal[] = [
  { kind: "candidate", candidate: "nonsense", mid: null, line: null },
  { kind: "candidate", candidate: "", mid: "9", line: 9 },
  { kind: "candidate", candidate: "candidate:1 1 udp 1 nowhere 1 typ host", mid: "x", line: 40 },
];

const CASES: Cases<TransportRig> = {
  "two ends that exchange signals open, each once": async (rig) => {
    const ends = await linked(rig);
    await rig.pace.settle();
    for (const end of ends) {
      same(end.opens, 1, "opens");
      same(end.closings, [], "closings");
      end.link.close();
    }
  },
  "ends whose signals are not carried never open": async ({ one, other, pace }) => {
    const ends = [new End(one, "offerer"), new End(other, "answerer")];
    await pace.settle();
    for (const end of ends) same(end.opens, 0, "opens");
    for (const end of ends) end.link.close();
  },
  "frames of every size arrive whole, both ways": async (rig) => {
    const [offerer, answerer] = await linked(rig);
    for (const length of [1, 2, 1000, 16_384, 65_536]) {
      for (const [from, to] of [
        [offerer, answerer],
        [answerer, offerer],
      ] as const) {
        const before = to.frames.length;
        from.link.send(patterned(length, length));
        await rig.pace.until(`a frame of ${length}`, () => to.frames.length > before);
        same(to.frames[before], patterned(length, length), `frame of ${length}`);
      }
    }
    offerer.link.close();
  },
  "a view is sent as the view alone": async (rig) => {
    const [offerer, answerer] = await linked(rig);
    offerer.link.send(patterned(1000).subarray(10, 20));
    await rig.pace.until("a frame", () => answerer.frames.length > 0);
    same(answerer.frames[0], patterned(1000).slice(10, 20), "frame");
    offerer.link.close();
  },
  "a congested link drains, and every frame arrives once": async (rig) => {
    const [offerer, answerer] = await linked(rig);
    let sent = 0;
    // 64 MiB without congestion would mean that nothing bounds the queue.
    for (let answer = "sent"; answer === "sent"; sent++) {
      check(sent < 1024, "64 MiB were sent and the link never said congested");
      const frame = patterned(65_536, sent + 1);
      new DataView(frame.buffer).setUint32(0, sent);
      answer = offerer.link.send(frame);
      check(answer !== "closed", "the link closed");
    }
    await rig.pace.until("drain", () => offerer.drains > 0);
    await rig.pace.until("every frame", () => answerer.frames.length >= sent);
    await rig.pace.settle();
    const numbers = answerer.frames.map((frame) =>
      new DataView(frame.buffer, frame.byteOffset).getUint32(0),
    );
    same(
      numbers.sort((a, b) => a - b),
      [...Array(sent).keys()],
      "frames by number",
    );
    same(offerer.drains, 1, "drains for one congestion");
    offerer.link.close();
  },
  "a link says congested above its mark, not before": async (rig) => {
    const [offerer, answerer] = await linked(rig);
    // The greeting has left.
    await rig.pace.settle();
    const third = patterned(HIGH_WATER / 3);
    const heard = [1, 2, 3, 4].map(() => offerer.link.send(third));
    same(heard, ["sent", "sent", "sent", "congested"], "answers");
    await rig.pace.until("drain", () => offerer.drains > 0);
    await rig.pace.until("every frame", () => answerer.frames.length === heard.length);
    await rig.pace.settle();
    same(offerer.drains, 1, "drains for one congestion");
    same(offerer.link.send(third), "sent", "answer when it has drained");
    offerer.link.close();
  },
  "a frame may be used again as soon as it is sent": async (rig) => {
    const [offerer, answerer] = await linked(rig);
    const frame = patterned(1000);
    for (const first of [1, 2]) {
      frame[0] = first;
      offerer.link.send(frame);
    }
    frame.fill(9);
    await rig.pace.until("both frames", () => answerer.frames.length === 2);
    // Unordered.
    same(answerer.frames.map(([first]) => first).sort(), [1, 2], "first bytes");
    offerer.link.close();
  },
  "closing is heard by the other end alone, once": async (rig) => {
    const [offerer, answerer] = await linked(rig);
    offerer.link.close();
    offerer.link.close();
    same(offerer.link.send(patterned(10)), "closed", "send after close");
    await rig.pace.until("closed at the other end", () => answerer.closings.length > 0);
    await rig.pace.settle();
    same(answerer.closings, ["remote"], "closings of the other end");
    same(offerer.closings, [], "closings of the end that closed");
    same(answerer.link.send(patterned(10)), "closed", "send after closed");
    answerer.link.close();
  },
  "a link closed before it opened stays silent": async (rig) => {
    const [offerer, answerer] = introduced(rig);
    offerer.link.close();
    const heard = offerer.heard;
    await rig.pace.settle();
    same(offerer.heard, heard, "what the closed end heard");
    same(offerer.opens, 0, "opens");
    answerer.link.close();
  },
  "wrong and repeated signals neither throw nor spoil the link": async (rig) => {
    const [offerer, answerer] = introduced(rig);
    for (const end of [offerer, answerer]) for (const signal of NONSENSE) end.link.accept(signal);
    await rig.pace.until("both ends open", () => offerer.opens > 0 && answerer.opens > 0);
    for (const end of [offerer, answerer]) {
      for (const signal of [...offerer.signals, ...answerer.signals, ...NONSENSE]) {
        end.link.accept(signal);
      }
    }
    await rig.pace.settle();
    offerer.link.send(patterned(10));
    await rig.pace.until("a frame", () => answerer.frames.length > 0);
    same([offerer.opens, answerer.opens], [1, 1], "opens");
    same([...offerer.closings, ...answerer.closings], [], "closings");
    offerer.link.close();
    for (const signal of [...answerer.signals, ...NONSENSE]) offerer.link.accept(signal);
    await rig.pace.settle();
    same(offerer.closings, [], "closings after signals to a closed link");
    answerer.link.close();
  },
  "several links of one transport do not mix": async (rig) => {
    const pairs = [await linked(rig), await linked(rig), await linked(rig)];
    pairs.forEach(([offerer], at) => {
      offerer.link.send(new Uint8Array([at]));
    });
    await rig.pace.until("a frame on each", () => pairs.every(([, end]) => end.frames.length > 0));
    await rig.pace.settle();
    same(
      pairs.map(([, end]) => end.frames),
      [[new Uint8Array([0])], [new Uint8Array([1])], [new Uint8Array([2])]],
      "frames",
    );
    for (const ends of pairs) for (const end of ends) end.link.close();
  },
};

/** Throws at the first case `make`'s transports fail. */
export function transportBattery(make: () => TransportRig | Promise<TransportRig>): Promise<void> {
  return runCases("Transport", CASES, make);
}
