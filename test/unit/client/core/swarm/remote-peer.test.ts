// Two ends of a link that speak the real protocol to each other, over a pipe in which every frame may overtake every
// other: control before data, data before control. Honest ends get along whatever the order.

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { DATA_BYTES, MAX_REQUESTS } from "../../../../../client/core/wire/messages.ts";
import { SimRandom } from "../../../../sim/random.ts";
import { type Sample, Stage, sample, turns } from "../stage.ts";
import { type End, Pipe } from "./ends.ts";

/** Chunks of two frames, so that half of one can be there. */
const CHUNK = DATA_BYTES + 100;
const COUNT = 6;
let film: Sample;
let page: Sample;
beforeAll(async () => {
  film = await sample({ size: COUNT * CHUNK, chunkBytes: CHUNK });
  page = await sample({ size: COUNT * CHUNK, chunkBytes: CHUNK, seed: 2 });
});
const all = [...Array(COUNT).keys()];

function shuffling(seed: number): (count: number) => number {
  const random = new SimRandom(`${seed}`);
  return (count) => Math.floor(random.unit() * count);
}
const inOrder = (): number => 0;
const lastFirst = (count: number): number => count - 1;

async function linked(pick: (count: number) => number = inOrder, stage = new Stage()) {
  const pipe = new Pipe(stage.clock, pick);
  await pipe.deliver();
  return { pipe, stage, one: pipe.one, other: pipe.other };
}
function isRight({ received }: End): void {
  for (const { content, index, bytes } of received) {
    const truth = content === film.content.id ? film : page;
    expect(Buffer.compare(bytes, truth.chunk(index))).toBe(0);
  }
}

describe("two honest ends", () => {
  test("are ready after each other's hello, and know how far apart they are", async () => {
    const stage = new Stage();
    const pipe = new Pipe(stage.clock, inOrder);
    expect(pipe.one.remote.ready).toBe(false);
    await pipe.deliver(2);
    expect(pipe.ends.map(({ readies }) => readies)).toEqual([1, 1]);
    await stage.pass(40);
    await pipe.deliver();
    expect(pipe.ends.map(({ remote }) => remote.rttMs)).toEqual([40, 40]);
    expect(pipe.one.remote.pingedAt).toBeNull();
  });

  test.each([
    ["in order", inOrder],
    ["the last first", lastFirst],
    ["in any order", shuffling(1)],
    ["in another order", shuffling(2)],
  ])("ask, learn, request and receive, frames arriving %s", async (_how, pick) => {
    const { pipe, one, other } = await linked(pick);
    other.hold(film, ...all);
    other.hold(page, 0, 5);
    one.hold(film, 3);
    one.remote.ask(film.content);
    one.remote.ask(page.content);
    expect(one.remote.has(film.content.id, 0)).toBe(false);
    await pipe.deliver();
    expect(one.remote.awaitedSince(film.content.id)).toBe("answered");
    expect(all.filter((index) => one.remote.has(page.content.id, index))).toEqual([0, 5]);
    expect(other.remote.wants(page.content.id)).toBe(true);
    for (const index of all) one.remote.request(film.content, index);
    one.remote.request(page.content, 5);
    expect(one.remote.openRequests).toBe(COUNT + 1);
    expect(one.remote.owed).toBe((COUNT + 1) * CHUNK);
    await pipe.deliver();
    expect(one.received.filter(({ content }) => content === film.content.id)).toHaveLength(COUNT);
    expect(one.received).toHaveLength(COUNT + 1);
    isRight(one);
    expect([one.remote.owed, one.wasted]).toEqual([0, 0]);
    expect(one.remote.bytesDown).toBe((COUNT + 1) * CHUNK);
    expect(other.remote.bytesUp).toBe((COUNT + 1) * CHUNK);
    expect([...one.endings, ...other.endings]).toEqual([]);
  });

  test("do not tell each other of chunks that the other side has", async () => {
    const { pipe, one, other } = await linked();
    const { id } = film.content;
    one.hold(film, 1);
    expect(one.remote.mayHold(id)).toBe(false);
    one.remote.ask(film.content);
    expect(one.remote.mayHold(id)).toBe(true);
    other.remote.ask(film.content);
    await pipe.deliver();
    expect([one.remote.mayHold(id), other.remote.mayHold(id)]).toEqual([false, true]);
    other.remote.tell(id, "have", [1, 2]);
    other.remote.tell(id, "gone", [1]);
    await pipe.deliver();
    expect(all.filter((index) => one.remote.has(id, index))).toEqual([2]);
    one.remote.tell(id, "have", [2, 3]);
    await pipe.deliver();
    expect(all.filter((index) => other.remote.has(id, index))).toEqual([1, 3]);
  });

  test("keep each other informed of what comes, is being read, and goes", async () => {
    const { pipe, stage, one, other } = await linked(shuffling(3));
    const { id } = film.content;
    other.hold(film, 0);
    one.remote.ask(film.content);
    await pipe.deliver();
    await stage.pass(100);
    other.remote.tell(id, "pending", [1, 2]);
    other.remote.tell(page.content.id, "have", [1]);
    await pipe.deliver();
    expect(one.remote.pendingSince(id, 1)).toBe(100);
    other.remote.tell(id, "have", [1]);
    other.remote.tell(id, "gone", [0, 2]);
    await pipe.deliver();
    expect(all.filter((index) => one.remote.has(id, index))).toEqual([1]);
    expect(one.remote.pendingSince(id, 2)).toBeUndefined();
    expect(one.remote.has(page.content.id, 1)).toBe(false);
    one.remote.drop(id);
    other.remote.tell(id, "have", [3]);
    await pipe.deliver();
    expect(other.remote.wants(id)).toBe(false);
    expect(one.remote.awaitedSince(id)).toBe("unasked");
    one.remote.ask(film.content);
    await pipe.deliver();
    expect(one.remote.has(id, 0)).toBe(true);
  });

  test("who asks hears what is being read already, too", async () => {
    const { pipe, one, other } = await linked();
    other.pending = [2, 3];
    one.remote.ask(film.content);
    await pipe.deliver();
    const since = [1, 2, 3].map((index) => one.remote.pendingSince(film.content.id, index));
    expect(since.map((at) => at !== undefined)).toEqual([false, true, true]);
  });

  test("never accuse each other, and leave no request open, whatever they do in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 20, max: 150 }), async (seed, steps) => {
        const { pipe, one, other } = await linked(shuffling(seed));
        const random = new SimRandom(`steps ${seed}`);
        for (const end of [one, other]) {
          end.congests = seed % 2 === 0;
          for (const body of [film, page]) {
            end.hold(body, ...all.filter(() => random.unit() < 0.7));
          }
        }
        for (let step = 0; step < steps; step++) {
          act(random.unit() < 0.5 ? one : other, random);
          await pipe.deliver(Math.floor(random.unit() * 4));
        }
        for (const end of [one, other]) end.remote.choke(false);
        await pipe.deliver();
        for (const end of [one, other]) {
          expect(end.endings).toEqual([]);
          expect(end.remote.openRequests).toBe(0);
          isRight(end);
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** One thing a local peer may do with a link at any moment. */
function act({ remote, held }: End, random: SimRandom): void {
  const { content } = random.unit() < 0.5 ? film : page;
  const { id } = content;
  const index = Math.floor(random.unit() * COUNT);
  const roll = random.unit();
  if (roll < 0.08) remote.ask(content);
  else if (roll < 0.1) {
    for (const one of all) remote.cancel(id, one);
    remote.drop(id);
  } else if (roll < 0.7) {
    const mayAsk = remote.has(id, index) && remote.openRequests < remote.requestLimit;
    if (mayAsk && !remote.choking) remote.request(content, index);
  } else if (roll < 0.77) remote.cancel(id, index);
  else if (roll < 0.87) remote.choke(random.unit() < 0.5);
  else if (roll < 0.89) remote.ping();
  else if (roll < 0.91) remote.tell(id, "pending", [index]);
  else if (roll < 0.96) {
    held.get(id)?.set(index);
    remote.tell(id, "have", [index]);
  } else {
    held.get(id)?.clear(index);
    remote.tell(id, "gone", [index]);
  }
}

describe("a request", () => {
  async function asking(stage = new Stage()) {
    const link = await linked(inOrder, stage);
    link.other.hold(film, ...all);
    link.one.remote.ask(film.content);
    await link.pipe.deliver();
    return link;
  }

  test("that is cancelled in the middle wastes what came and what still comes, and is no breach", async () => {
    const { pipe, one } = await asking();
    one.remote.request(film.content, 0);
    // Its request goes out and the first frame comes back.
    await pipe.deliver(1);
    await turns();
    await pipe.deliver(1);
    expect(one.remote.owed).toBe(100);
    one.remote.cancel(film.content.id, 0);
    expect(one.wasted).toBe(DATA_BYTES);
    await pipe.deliver();
    expect(one.wasted).toBe(CHUNK);
    expect([...one.received, ...one.endings]).toEqual([]);
  });
  test("to a peer that chokes meanwhile is refused, and nobody asks it for a second", async () => {
    const { pipe, stage, one, other } = await asking();
    one.remote.request(film.content, 0);
    other.remote.choke(true);
    await pipe.deliver();
    expect(one.remote.choking).toBe(true);
    expect(one.refused).toEqual([0]);
    expect(one.remote.restUntil).toBe(stage.now + 1000);
    other.remote.choke(false);
    await pipe.deliver();
    expect(one.remote.choking).toBe(false);
  });
  test("for a chunk that went meanwhile is refused as missing, and not held against the peer", async () => {
    const { pipe, one, other } = await asking();
    other.held.get(film.content.id)?.clear(2);
    one.remote.request(film.content, 2);
    await pipe.deliver();
    expect(one.refused).toEqual([2]);
    expect(one.remote.has(film.content.id, 2)).toBe(false);
    expect(one.remote.restUntil).toBe(0);
  });
  test("to a peer with no slot free is refused as busy", async () => {
    const { pipe, stage, one, other } = await asking();
    const taken = other.slots;
    for (let n = 0; n < 20; n++) taken.take({ drainRate: 1 });
    one.remote.request(film.content, 0);
    await pipe.deliver();
    expect(one.refused).toEqual([0]);
    expect(one.remote.restUntil).toBe(stage.now + 1000);
    expect(one.remote.has(film.content.id, 0)).toBe(true);
  });
  test("is silent until something comes", async () => {
    const stage = new Stage();
    const { pipe, one } = await asking(stage);
    await stage.pass(5000);
    expect(one.remote.silentFor(stage.now)).toBe(0);
    one.remote.request(film.content, 0);
    await stage.pass(700);
    expect(one.remote.silentFor(stage.now)).toBe(700);
    await pipe.deliver();
    expect(one.remote.silentFor(stage.now)).toBe(0);
  });
  test("forgives earlier silences once its chunk is there", async () => {
    const { pipe, one } = await asking();
    one.remote.strikes = 3;
    one.remote.request(film.content, 0);
    await pipe.deliver();
    expect(one.remote.strikes).toBe(0);
  });
  test("is not made before the question, nor after the end", async () => {
    const { pipe, one } = await asking();
    one.remote.request(page.content, 0);
    expect(one.remote.openRequests).toBe(0);
    one.remote.close();
    one.remote.request(film.content, 0);
    await pipe.deliver();
    expect(one.remote.openRequests).toBe(0);
  });
  test("may be open as often as both sides take", async () => {
    const { one } = await asking();
    expect(one.remote.requestLimit).toBe(MAX_REQUESTS);
  });
});

describe("an end", () => {
  test("with a goodbye is heard at the other side as one, and closes each link once", async () => {
    const { pipe, one, other } = await linked();
    one.remote.close("closing");
    one.remote.close("closing");
    await pipe.deliver();
    expect(other.endings).toEqual(["remote"]);
    expect(one.endings).toEqual([]);
    expect([one.closings, other.closings]).toEqual([1, 1]);
  });
  test("that the transport reports is told once, and what had half come is waste", async () => {
    const { pipe, one, other } = await linked();
    other.hold(film, ...all);
    one.remote.ask(film.content);
    await pipe.deliver();
    one.remote.request(film.content, 0);
    await pipe.deliver(1);
    await turns();
    await pipe.deliver(1);
    one.remote.lost("failed");
    one.remote.lost("remote");
    expect(one.endings).toEqual(["failed"]);
    expect(one.wasted).toBe(DATA_BYTES);
    expect(one.remote.ready).toBe(false);
  });
});
