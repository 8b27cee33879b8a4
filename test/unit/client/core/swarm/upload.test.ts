// Serving one peer, within what the visitor allows: order, bounds, back-pressure, and the budget in every second (I5).

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UploadSlots } from "../../../../../client/core/swarm/slots.ts";
import { Serving, UploadAllowance } from "../../../../../client/core/swarm/upload.ts";
import type { ByteCount, ContentId } from "../../../../../client/core/vocabulary.ts";
import { decode } from "../../../../../client/core/wire/codec.ts";
import { DATA_BYTES, MAX_REQUESTS } from "../../../../../client/core/wire/messages.ts";
import type { Bytes } from "../../../../../tracker/protocol/bytes.ts";
import { patterned } from "../../../../contract/battery.ts";
import { Stage, turns } from "../stage.ts";

const FILM = "film" as ContentId;
const NO_LIMIT = Number.POSITIVE_INFINITY;
/** Two full parts and a little. */
const CHUNK = 2 * DATA_BYTES + 10;
const chunkOf = (index: number): Bytes => patterned(CHUNK, index + 1);

class Play {
  readonly stage = new Stage();
  readonly slots = new UploadSlots(this.stage.clock);
  readonly allowance: UploadAllowance;
  readonly serving: Serving;
  /** What went out: request and part. */
  readonly sent: string[] = [];
  readonly refused: string[] = [];
  readonly asked: number[] = [];
  /** Reads that wait for the test; none when `null`: chunks are there at once. */
  reads: Map<number, (bytes: Bytes | undefined) => void> | null = null;
  answer: "sent" | "congested" | "closed" = "sent";

  constructor(session: ByteCount = NO_LIMIT, perSecond: ByteCount = NO_LIMIT) {
    this.allowance = new UploadAllowance(this.stage.clock, { session, perSecond });
    this.serving = new Serving({
      clock: this.stage.clock,
      allowance: this.allowance,
      slots: this.slots,
      link: { send: (frame) => this.#sent(frame) },
      read: (_content, index) => {
        this.asked.push(index);
        const { reads } = this;
        if (reads === null) return Promise.resolve(chunkOf(index));
        return new Promise((resolve) => reads.set(index, resolve));
      },
      reject: (request, reason) => this.refused.push(`${request} ${reason}`),
    });
  }
  #sent(frame: Bytes): "sent" | "congested" | "closed" {
    if (this.answer === "closed") return "closed";
    const decoded = decode(frame);
    if (!decoded.ok || decoded.frame.type !== "data") throw new Error("not a data frame");
    const { request, part, bytes } = decoded.frame;
    const right = chunkOf(request).slice(part * DATA_BYTES, (part + 1) * DATA_BYTES);
    if (Buffer.compare(bytes, right) !== 0) throw new Error("wrong bytes");
    this.sent.push(`${request}.${part}`);
    return this.answer;
  }
  /** Requests number so many chunks, each under its own index. */
  async ask(...requests: readonly number[]): Promise<string[]> {
    const answers = requests.map((request) => this.serving.accept(request, FILM, request));
    await turns();
    return answers;
  }
}

describe("requests", () => {
  test("are answered in the order they came, part by part", async () => {
    const play = new Play();
    expect(await play.ask(5, 3)).toEqual(["accepted", "accepted"]);
    expect(play.sent).toEqual(["5.0", "5.1", "5.2", "3.0", "3.1", "3.2"]);
    expect(play.serving.uploaded).toBe(2 * CHUNK);
    expect(play.allowance.given).toBe(2 * CHUNK);
    expect(play.serving.busy).toBe(false);
  });
  test("are read ahead, four at once, and no more than five are kept", async () => {
    const play = new Play();
    play.reads = new Map();
    await play.ask(...Array(9).keys());
    expect(play.asked).toEqual([0, 1]);
    play.reads.get(1)?.(chunkOf(1));
    await turns();
    expect(play.sent).toEqual([]);
    play.reads.get(0)?.(chunkOf(0));
    await turns();
    expect(play.sent).toEqual(["0.0", "0.1", "0.2", "1.0", "1.1", "1.2"]);
    expect(play.asked).toEqual([0, 1, 2, 3, 4, 5]);
  });
  test("for what is not there after all are refused as missing, and the next is served", async () => {
    const play = new Play();
    play.reads = new Map();
    await play.ask(0, 1);
    play.reads.get(0)?.(undefined);
    play.reads.get(1)?.(chunkOf(1));
    await turns();
    expect(play.refused).toEqual(["0 missing"]);
    expect(play.sent).toEqual(["1.0", "1.1", "1.2"]);
  });
  test("beyond what we said we take are a flood, and so is a number twice", async () => {
    const play = new Play();
    play.answer = "congested";
    const numbers = [...Array(MAX_REQUESTS).keys()];
    expect(new Set(await play.ask(...numbers))).toEqual(new Set(["accepted"]));
    expect(await play.ask(MAX_REQUESTS)).toEqual(["flood"]);
    play.serving.cancel(7);
    expect(await play.ask(8)).toEqual(["flood"]);
    expect(await play.ask(MAX_REQUESTS)).toEqual(["accepted"]);
  });
  test("find no slot while others have them all", async () => {
    const play = new Play();
    for (let n = 0; n < 20; n++) play.slots.take({ drainRate: 1 });
    expect(await play.ask(0)).toEqual(["busy"]);
    expect(play.sent).toEqual([]);
  });
  test("done give their slot back", async () => {
    const play = new Play();
    await play.ask(0);
    const others = Array.from({ length: 2 }, () => play.slots.take({ drainRate: 1 }));
    expect(others).toEqual([true, true]);
  });
  test("cancelled before their turn, or in the middle, send no more", async () => {
    const play = new Play();
    play.answer = "congested";
    await play.ask(0, 1, 2);
    play.serving.cancel(0);
    play.serving.cancel(1);
    play.answer = "sent";
    play.serving.drain();
    await turns();
    expect(play.sent).toEqual(["0.0", "2.0", "2.1", "2.2"]);
  });
});

describe("a link over its mark", () => {
  test("gets nothing until it drains", async () => {
    const play = new Play();
    play.answer = "congested";
    await play.ask(0);
    expect(play.sent).toEqual(["0.0"]);
    expect(play.serving.stuckSince).toBe(0);
    await play.stage.pass(500);
    expect(play.sent).toEqual(["0.0"]);
    play.serving.drain();
    expect(play.sent).toEqual(["0.0", "0.1"]);
    expect(play.serving.stuckSince).toBe(500);
  });
  test("shows by its draining what it takes in a second", async () => {
    const play = new Play();
    play.answer = "congested";
    await play.ask(0);
    expect(play.serving.drainRate).toBeNull();
    await play.stage.pass(100);
    play.serving.drain();
    // A frame of 52 KiB, of which 12 are left, in 100 ms.
    expect(play.serving.drainRate).toBeCloseTo(40 * 1024 * 10);
  });
});

describe("an end", () => {
  test("by choking refuses all that is queued", async () => {
    const play = new Play();
    play.answer = "congested";
    await play.ask(0, 1);
    play.serving.stop("choked");
    play.serving.drain();
    expect(play.refused).toEqual(["0 choked", "1 choked"]);
    expect(play.sent).toEqual(["0.0"]);
  });
  test("by closing sends nothing more, whatever was being read, and leaves no timer", async () => {
    const play = new Play(NO_LIMIT, 64 * 1024);
    await play.ask(0);
    play.reads = new Map();
    await play.ask(1);
    play.serving.close();
    play.reads.get(1)?.(chunkOf(1));
    await play.stage.pass(10_000);
    expect(play.sent).toEqual(["0.0"]);
    expect(play.stage.clock.pending).toBe(0);
  });
  test("of the link is no reason to go on", async () => {
    const play = new Play();
    play.answer = "closed";
    await play.ask(0);
    expect(play.serving.uploaded).toBe(0);
  });
});

describe("the visitor's allowance", () => {
  test("holds in every window of one second, however it is asked (I5)", () => {
    const asks = fc.array(fc.tuple(fc.integer({ min: 1, max: DATA_BYTES }), fc.nat(400)), {
      maxLength: 60,
    });
    const rates = fc.integer({ min: 64 * 1024, max: 1024 * 1024 });
    fc.assert(
      fc.property(rates, asks, (perSecond, steps) => {
        let now = 0;
        const clock = { now: () => now, date: () => now, after: () => () => {} };
        const allowance = new UploadAllowance(clock, { session: NO_LIMIT, perSecond });
        const given: { at: number; bytes: number }[] = [];
        for (const [bytes, pause] of steps) {
          const wait = allowance.take(bytes);
          if (wait === 0) given.push({ at: now, bytes });
          else expect(wait).toBeGreaterThan(0);
          now += pause;
        }
        for (const { at } of given) {
          const within = given.filter((one) => one.at >= at && one.at < at + 1000);
          expect(within.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(perSecond);
        }
      }),
    );
  });
  test("goes on when a second has passed, and gives the rate it may", async () => {
    const play = new Play(NO_LIMIT, 64 * 1024);
    await play.ask(0, 1, 2);
    await play.stage.pass(950);
    expect(play.sent).toEqual(["0.0"]);
    await play.stage.pass(8000);
    expect(play.sent).toEqual(["0.0", "0.1", "0.2", "1.0", "1.1", "1.2", "2.0", "2.1", "2.2"]);
  });
  test("for the visit is never exceeded: what is queued then is refused", async () => {
    const play = new Play(2 * CHUNK);
    await play.ask(0, 1, 2);
    expect(play.allowance.given).toBeLessThanOrEqual(2 * CHUNK);
    expect(play.allowance.exhausted).toBe(true);
    expect(play.refused.at(-1)).toBe("2 choked");
  });
  test("of nothing gives nothing", () => {
    expect(new Play(0).allowance.exhausted).toBe(true);
    expect(new Play().allowance.exhausted).toBe(false);
  });
});
