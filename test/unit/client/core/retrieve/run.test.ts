// One read at the origin, cut into chunks, whatever the origin makes of the range and however its bytes are portioned.

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Run } from "../../../../../client/core/retrieve/run.ts";
import type { Bytes } from "../../../../../tracker/protocol/bytes.ts";
import { ScriptedOrigin } from "../scripted-origin.ts";
import { type Sample, Stage, sample } from "../stage.ts";

const CHUNK = 1024;
/** Four chunks and a short fifth. */
const SIZE = 4 * CHUNK + 300;
let film: Sample;
beforeAll(async () => {
  film = await sample({ size: SIZE });
});

class Play {
  readonly stage = new Stage();
  readonly origin = new ScriptedOrigin();
  readonly heard: unknown[] = [];
  readonly chunks = new Map<number, Bytes>();
  onChunk: (index: number) => void = () => {};
  readonly run: Run;
  constructor(first: number, last: number, cache: "default" | "reload" = "default") {
    this.run = new Run(first, last, {
      clock: this.stage.clock,
      origin: this.origin,
      asset: film.content.asset,
      cache,
      listener: {
        answered: (_run, total) => this.heard.push(["answered", total]),
        progressed: () => {},
        skipped: (_run, bytes) => this.heard.push(["skipped", bytes]),
        received: (_run, index, bytes) => {
          this.chunks.set(index, bytes);
          this.heard.push(index);
          this.onChunk(index);
        },
        ended: (_run, outcome) => this.heard.push(outcome),
      },
    });
  }
  get read() {
    const [read] = this.origin.reads;
    if (read === undefined) throw new Error("nothing was read");
    return read;
  }
  isRight(...indices: readonly number[]): void {
    expect([...this.chunks.keys()]).toEqual(indices);
    for (const index of indices) expect(this.chunks.get(index)).toEqual(film.chunk(index));
  }
}
const COMPLETE = { kind: "complete" };
const UNREACHABLE = { kind: "unreachable" } as const;

describe("a run asks for", () => {
  test.each([
    [0, 4, "whole"],
    [0, 3, { first: 0, last: 4 * CHUNK - 1 }],
    [2, 2, { first: 2 * CHUNK, last: 3 * CHUNK - 1 }],
    [3, 4, { first: 3 * CHUNK, last: SIZE - 1 }],
  ])("chunks %i to %i as %j", (first, last, range) => {
    const { request } = new Play(first, last, "reload").read;
    expect(request).toEqual({ url: film.content.asset.url, range, cache: "reload" });
  });
});

describe("bytes become chunks", () => {
  test("in whatever portions they come, each chunk as soon as it is whole", () => {
    const cases = fc
      .tuple(fc.nat(4), fc.nat(4))
      .map(([one, other]) => [Math.min(one, other), Math.max(one, other)] as const);
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 60 }), ([first, last], pieces) => {
        const play = new Play(first, last);
        play.read.answer(film.body, pieces);
        play.isRight(...[...Array(last - first + 1).keys()].map((offset) => first + offset));
        expect(play.heard.at(-1)).toEqual(COMPLETE);
        expect(play.heard[0]).toEqual(["answered", SIZE]);
      }),
    );
  });
  test("from the right place when the origin ignores the range and sends everything", () => {
    const play = new Play(2, 3);
    play.read.start(0, SIZE);
    for (let at = 0; at < SIZE; at += 700) play.read.bytes(film.body.slice(at, at + 700));
    play.isRight(2, 3);
    expect(play.heard.at(-1)).toEqual(COMPLETE);
    expect(play.read.cancelled).toBe(true);
    expect(play.run.unranged).toBe(true);
    const skipped = play.heard.flatMap((one) => (Array.isArray(one) ? [one] : []));
    const bytes = skipped.filter(([what]) => what === "skipped").map(([, count]) => Number(count));
    expect(bytes.reduce((sum, count) => sum + count, 0)).toBe(2 * CHUNK);
  });
  test("and nothing more than asked for, when more comes", () => {
    const play = new Play(1, 1);
    play.read.start(CHUNK, SIZE);
    play.read.bytes(film.body.slice(CHUNK));
    play.isRight(1);
    expect(play.read.cancelled).toBe(true);
    expect(play.heard).toEqual([["answered", SIZE], 1, COMPLETE]);
  });
  test("and show what has come of the one under way", () => {
    const play = new Play(0, 4);
    play.read.start(0, SIZE);
    expect(play.run.partial.length).toBe(0);
    play.read.bytes(film.body.slice(0, CHUNK + 10));
    expect(play.run.at).toBe(1);
    expect(play.run.partial).toEqual(film.body.slice(CHUNK, CHUNK + 10));
  });
});

describe("a run that ends early", () => {
  test("because the range begins too late is of no use", () => {
    const play = new Play(1, 2);
    play.read.start(CHUNK + 1, SIZE);
    play.read.bytes(film.body.slice(CHUNK + 1));
    expect(play.heard).toEqual([UNREACHABLE]);
    expect(play.read.cancelled).toBe(true);
  });
  test.each([
    ["broke off", UNREACHABLE, UNREACHABLE],
    ["was cut short and called complete", { kind: "complete" } as const, UNREACHABLE],
    ["was a status", { kind: "status", status: 503 } as const, { kind: "status", status: 503 }],
  ])("because it %s keeps the chunks that came and says where it stopped", (_what, end, heard) => {
    const play = new Play(1, 3);
    play.read.start(CHUNK, SIZE);
    play.read.bytes(film.body.slice(CHUNK, 2 * CHUNK + 5));
    play.read.end(end);
    play.isRight(1);
    expect(play.run.at).toBe(2);
    expect(play.heard.at(-1)).toEqual(heard);
    expect(
      play.heard.filter((one) => typeof one === "object" && one && "kind" in one),
    ).toHaveLength(1);
  });
  test("though it had everything the origin has tells the origin's size", () => {
    const play = new Play(0, 4);
    play.read.start(0, null);
    play.read.bytes(film.body.slice(0, 3 * CHUNK));
    play.read.end();
    expect(play.heard).toEqual([["answered", null], 0, 1, 2, ["answered", 3 * CHUNK], UNREACHABLE]);
  });
});

describe("trimming", () => {
  test("ends the run after the chunk it names, though more comes", () => {
    const play = new Play(0, 4);
    play.read.start(0, SIZE);
    play.read.bytes(film.body.slice(0, 100));
    play.run.trim(1);
    play.read.bytes(film.body.slice(100));
    play.isRight(0, 1);
    expect(play.heard.at(-1)).toEqual(COMPLETE);
    expect(play.read.cancelled).toBe(true);
  });
  test("never makes it longer", () => {
    const play = new Play(0, 1);
    play.run.trim(4);
    expect(play.run.last).toBe(1);
  });
  test("to what is past ends it at once and silently, in the middle of a portion too", () => {
    const play = new Play(0, 4);
    play.onChunk = (index) => {
      if (index === 1) play.run.trim(0);
    };
    play.read.start(0, SIZE);
    play.read.bytes(film.body);
    play.isRight(0, 1);
    expect(play.heard).toEqual([["answered", SIZE], 0, 1]);
    expect(play.read.cancelled).toBe(true);
  });
});

test("a cancelled run is silent, and its read is over", () => {
  const play = new Play(0, 4);
  play.run.cancel();
  play.run.cancel();
  play.read.answer(film.body);
  expect(play.heard).toEqual([]);
  expect(play.read.cancelled).toBe(true);
});

test("progress is the origin's last word, the beginning until then", async () => {
  const play = new Play(0, 4);
  await play.stage.pass(500);
  expect([play.run.progressAt, play.run.answeredAt]).toEqual([0, null]);
  play.read.start(0, SIZE);
  expect([play.run.progressAt, play.run.answeredAt]).toEqual([500, 500]);
  await play.stage.pass(70);
  play.read.bytes(film.body.slice(0, 10));
  expect([play.run.progressAt, play.run.bytes]).toEqual([570, 10]);
});

test("a run knows how long its chunk will take: as long again at first, then by what has come", async () => {
  const play = new Play(0, 4);
  const { stage, run, read } = play;
  await stage.pass(300);
  expect(run.remaining(stage.clock.now())).toBe(300);
  read.start(0, SIZE);
  read.bytes(film.body.slice(0, CHUNK / 4));
  expect(run.remaining(stage.clock.now())).toBe(900);
  read.bytes(film.body.slice(CHUNK / 4, CHUNK + CHUNK / 2));
  await stage.pass(300);
  expect(run.remaining(stage.clock.now())).toBe(200);
});
