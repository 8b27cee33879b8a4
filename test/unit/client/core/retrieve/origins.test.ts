// Several origins as one: who is asked first, who next, who beside, who not for a while. Virtual time, scripted origins.

import { beforeEach, describe, expect, test } from "vitest";
import type { OriginOutcome } from "../../../../../client/core/ports.ts";
import { Origins } from "../../../../../client/core/retrieve/origins.ts";
import { type Bytes, utf8 } from "../../../../../tracker/protocol/bytes.ts";
import { SimRandom } from "../../../../sim/random.ts";
import { ScriptedOrigin, type ScriptedRead } from "../scripted-origin.ts";
import { Stage } from "../stage.ts";

const OWN = "https://site.example";
const MIRROR = "https://mirror.example/copy";
const THIRD = "https://third.example";
const PATH = "/film.mp4?v=1";
const BODY = utf8("a film");

/** One read, and what its reader heard. */
class Read {
  readonly heard: string[] = [];
  outcome: OriginOutcome | null = null;
  cancel = (): void => {};
}

class Play {
  readonly stage = new Stage();
  readonly origin = new ScriptedOrigin();
  probing = true;
  readonly origins: Origins;
  constructor(others: readonly string[] = [MIRROR], seed = "origins") {
    this.origins = new Origins({
      clock: this.stage.clock,
      random: new SimRandom(seed),
      origin: this.origin,
      others,
      probes: () => this.probing,
    });
  }
  read(): Read {
    const read = new Read();
    read.cancel = this.origins.read(
      { url: OWN + PATH, range: "whole", cache: "default" },
      {
        start: ({ foreign }) => read.heard.push(foreign ? "foreign" : "own"),
        bytes: (data: Bytes) => read.heard.push(new TextDecoder().decode(data)),
        end: (outcome) => {
          read.outcome = outcome;
          read.heard.push(outcome.kind);
        },
      },
    );
    return read;
  }
  get asked(): string[] {
    return this.origin.reads.map(({ request }) => request.url);
  }
  /** The newest request to this origin. */
  at(place: string): ScriptedRead {
    const read = this.origin.reads.findLast(({ request }) => request.url === place + PATH);
    if (read === undefined) throw new Error(`${place} was not asked`);
    return read;
  }
  /** A read that is answered after so long, by whoever is asked. */
  async answered(after: number): Promise<void> {
    this.read();
    await this.stage.pass(after);
    this.origin.only.answer(BODY);
  }
  /** Reads until the one origin rests. */
  failing(times: number): void {
    for (let at = 0; at < times; at++) {
      this.read();
      this.at(OWN).end({ kind: "unreachable" });
    }
  }
}

let play: Play;
beforeEach(() => {
  play = new Play();
});

test("the asset's own origin is asked, and nobody else while it answers", async () => {
  const read = play.read();
  play.at(OWN).answer(BODY);
  await play.stage.pass(10_000);
  expect(read.heard).toEqual(["own", "a film", "complete"]);
  expect(play.asked).toEqual([OWN + PATH]);
});

test.each<[string, OriginOutcome]>([
  ["refuses connections", { kind: "unreachable" }],
  ["answers 503", { kind: "status", status: 503 }],
])(
  "one that %s has the next asked at once, and is asked last from then on",
  async (_what, outcome) => {
    const read = play.read();
    play.at(OWN).end(outcome);
    play.at(MIRROR).answer(BODY);
    expect(read.heard).toEqual(["foreign", "a film", "complete"]);
    play.read();
    expect(play.asked.slice(2)).toEqual([MIRROR + PATH]);
  },
);

test("where nobody has anything the last answer counts", () => {
  const read = play.read();
  play.at(OWN).end({ kind: "status", status: 500 });
  play.at(MIRROR).end({ kind: "status", status: 404 });
  expect(read.outcome).toMatchObject({ kind: "status", status: 404 });
});

test("a 404 of the asset's own origin is an answer; one of a mirror is none", () => {
  const own = play.read();
  play.at(OWN).end({ kind: "status", status: 404 });
  // Nothing says that it is worth asking again: asked at once and for ever, a file that is gone kept a page waiting.
  expect(own.outcome).toEqual({ kind: "status", status: 404 });
  play.failing(1);
  const other = play.read();
  play.at(MIRROR).end({ kind: "status", status: 404 });
  play.at(OWN).answer(BODY);
  expect(other.heard).toEqual(["own", "a film", "complete"]);
});

test("half a body ends the read, and says that there is another origin now", async () => {
  const read = play.read();
  play.at(OWN).start(0, BODY.length);
  play.at(OWN).bytes(BODY.slice(0, 2));
  play.at(OWN).end({ kind: "unreachable" });
  expect(read.heard).toEqual(["own", "a ", "unreachable"]);
  expect(read.outcome).toEqual({ kind: "unreachable", retryAt: play.stage.now });
  play.read();
  expect(play.asked.at(-1)).toBe(MIRROR + PATH);
});

test("whoever takes what it wanted and hangs up has seen the origin work: failures far apart do not add up", async () => {
  play = new Play([]);
  play.failing(1);
  const read = play.read();
  play.at(OWN).start(0, BODY.length);
  play.at(OWN).bytes(BODY);
  read.cancel();
  play.failing(1);
  const next = play.read();
  play.at(OWN).answer(BODY);
  await play.stage.pass(0);
  expect(next.heard).toEqual(["own", "a film", "complete"]);
});

describe("an origin that is slower than nineteen times in twenty", () => {
  test("gets a rival, and whoever answers first is the only one", async () => {
    for (let at = 0; at < 10; at++) await play.answered(90);
    const read = play.read();
    await play.stage.pass(99);
    expect(play.origin.open).toHaveLength(1);
    await play.stage.pass(2);
    expect(play.origin.open.map(({ request }) => request.url)).toEqual([OWN + PATH, MIRROR + PATH]);
    const slow = play.at(OWN);
    play.at(MIRROR).answer(BODY);
    expect(read.heard).toEqual(["foreign", "a film", "complete"]);
    expect(slow.cancelled).toBe(true);
  });

  test("is not asked first again", async () => {
    play.read();
    await play.stage.pass(1001);
    play.at(MIRROR).answer(BODY);
    play.read();
    expect(play.asked).toEqual([OWN, MIRROR, MIRROR].map((place) => place + PATH));
  });

  test("gets none where there is nobody else", async () => {
    const alone = new Play([]);
    alone.read();
    await alone.stage.pass(9000);
    expect(alone.asked).toHaveLength(1);
  });

  test("costs the others one read in ten at most, in the long run", async () => {
    const reads = 100;
    for (let at = 0; at < reads; at++) {
      const read = play.read();
      await play.stage.pass(3000);
      read.cancel();
    }
    expect(play.asked.length - reads).toBeLessThanOrEqual(3 + reads / 10);
  });
});

test("the quickest is chosen, once it is known to be", async () => {
  const asked = new Set<string>();
  for (let at = 0; at < 40; at++) {
    play.read();
    const [open] = play.origin.open;
    if (open === undefined) throw new Error("nobody was asked");
    asked.add(open.request.url);
    await play.stage.pass(open.request.url.startsWith(OWN) ? 90 : 20);
    open.answer(BODY);
  }
  expect(asked.size).toBe(2);
  const last = play.asked.slice(-20).filter((url) => url.startsWith(MIRROR));
  expect(last).toHaveLength(20);
});

describe("an origin that keeps failing", () => {
  test("is left alone, then probed by one read, and back when that succeeds", async () => {
    const alone = new Play([]);
    alone.failing(2);
    const refused = alone.read();
    await alone.stage.pass(1);
    expect(alone.asked).toHaveLength(2);
    expect(refused.outcome).toMatchObject({ kind: "unreachable" });
    const { retryAt = 0 } = refused.outcome as { retryAt?: number };
    expect(retryAt).toBeGreaterThan(alone.stage.now + 400);
    expect(retryAt).toBeLessThan(alone.stage.now + 1600);
    await alone.stage.pass(retryAt - alone.stage.now);
    const probe = alone.read();
    const others = [alone.read(), alone.read()];
    await alone.stage.pass(1);
    expect(alone.origin.open).toHaveLength(1);
    expect(others.map(({ outcome }) => outcome?.kind)).toEqual(["unreachable", "unreachable"]);
    alone.at(OWN).answer(BODY);
    expect(probe.outcome?.kind).toBe("complete");
    alone.read();
    alone.read();
    expect(alone.origin.open).toHaveLength(2);
  });

  /** How long it is left alone after so many failures in a row. */
  async function rest(failures: number, probing: boolean, seed: string): Promise<number> {
    const one = new Play([], seed);
    one.probing = probing;
    const begun = one.stage.now;
    for (let at = 0; at < failures; at++) {
      let read = one.read();
      await one.stage.pass(1);
      while (one.origin.open.length === 0) {
        const { retryAt = 0 } = read.outcome as { retryAt?: number };
        await one.stage.pass(Math.max(1, retryAt - one.stage.now));
        read = one.read();
        await one.stage.pass(1);
      }
      one.at(OWN).end({ kind: "unreachable" });
      const { retryAt = begun } = read.outcome as { retryAt?: number };
      if (at === failures - 1) return retryAt - one.stage.now;
    }
    return 0;
  }

  test("rests longer each time, longest with those who do not probe, and no two equally long", async () => {
    const [second, fourth, tenth] = [
      await rest(2, true, "a"),
      await rest(4, true, "a"),
      await rest(10, true, "a"),
    ];
    expect(second).toBeLessThanOrEqual(1500);
    expect(fourth).toBeGreaterThanOrEqual(2000);
    expect(tenth).toBeGreaterThanOrEqual(15_000);
    expect(tenth).toBeLessThanOrEqual(45_000);
    expect(await rest(2, false, "a")).toBeCloseTo(4 * second, 0);
    const seeds = await Promise.all(["b", "c", "d", "e"].map((seed) => rest(2, true, seed)));
    expect(new Set(seeds).size).toBe(4);
  });

  test("gives who comes while it is probed no time that is over already", async () => {
    const alone = new Play([]);
    alone.failing(2);
    await alone.stage.pass(2000);
    const probe = alone.read();
    const other = alone.read();
    await alone.stage.pass(1);
    expect([probe.outcome, other.outcome]).toEqual([null, { kind: "unreachable" }]);
  });

  test("a read given up after a long silence is a failure as well", async () => {
    const alone = new Play([]);
    for (let at = 0; at < 2; at++) {
      const read = alone.read();
      await alone.stage.pass(5000);
      read.cancel();
    }
    alone.read();
    await alone.stage.pass(1);
    expect(alone.asked).toHaveLength(2);
    const quick = new Play([]);
    for (let at = 0; at < 5; at++) quick.read().cancel();
    expect(quick.asked).toHaveLength(5);
  });
});

test("visitors who lose their neighbours together turn to the origin at different moments", async () => {
  const began: number[] = [];
  for (let at = 0; at < 20; at++) {
    const one = new Play([], `visitor ${at}`);
    one.origins.surge();
    one.read();
    while (one.asked.length === 0) await one.stage.pass(10);
    began.push(one.stage.now);
  }
  expect(Math.max(...began)).toBeLessThanOrEqual(1010);
  for (let from = 0; from < 1000; from += 250) {
    expect(began.filter((at) => at >= from && at < from + 250).length).toBeLessThan(12);
  }
});

test("an asset may name origins of its own", () => {
  const alone = new Play([]);
  alone.origins.name(OWN + PATH, [THIRD]);
  const read = alone.read();
  alone.at(OWN).end({ kind: "unreachable" });
  alone.at(THIRD).answer(BODY);
  expect(read.heard).toEqual(["foreign", "a film", "complete"]);
});
