// From an introduction to a link, and from a link to its end: patience, refusals, bans, silences, and what is told.

import { describe, expect, test } from "vitest";
import { MOST_LINKS, WANTED_LINKS } from "../../../../../client/core/swarm/links.ts";
import type { Signal } from "../../../../../tracker/protocol/messages.ts";
import { idOf } from "../../../tracker/stage.ts";
import { sample } from "../stage.ts";
import { LinksPlay, session } from "./links-play.ts";

const OFFER: Signal = { kind: "offer", sdp: "v=0\r\n" };

describe("an introduction", () => {
  test("becomes a link when the channel opens and the right peer says hello", () => {
    const play = new LinksPlay();
    const far = play.introduce("ann");
    expect(far.role).toBe("offerer");
    expect([play.links.size, play.told]).toEqual([0, []]);
    far.listener.open();
    expect(far.heard.map(({ type }) => type)).toEqual(["hello"]);
    far.hello("ann");
    expect(play.told).toEqual(["linked 0", "ready"]);
    expect(play.links.all.map(({ id, proximity }) => [id, proximity])).toEqual([
      [idOf("ann"), "country"],
    ]);
    expect(play.links.attemptingSince).toBeNull();
  });
  test("carries signals of its own session and peer, and no others", () => {
    const play = new LinksPlay();
    const far = play.introduce("ann");
    const said = (name: string, number: number): void =>
      play.links.signalled({
        type: "signal",
        from: idOf(name),
        session: session(number),
        signal: OFFER,
      });
    said("ann", 0);
    said("bob", 0);
    said("ann", 5);
    expect(far.accepted).toEqual([OFFER]);
    far.listener.signal(OFFER);
    expect(play.signals).toEqual([[idOf("ann"), session(0), OFFER]]);
  });
  test("fails after twelve seconds without a hello, and the channel is closed", async () => {
    for (const opens of [false, true]) {
      const play = new LinksPlay();
      const far = play.introduce("ann");
      if (opens) far.listener.open();
      await play.stage.pass(11_990);
      expect([play.told, far.closed]).toEqual([[], false]);
      await play.stage.pass(20);
      expect([play.told, far.closed]).toEqual([["failed 0"], true]);
      expect(play.links.failures).toBe(1);
      expect(play.stage.clock.pending).toBe(0);
    }
  });
  test("fails when the channel does, when the other side leaves, and when it is called off", () => {
    const play = new LinksPlay();
    play.introduce("ann").listener.closed("failed");
    const bob = play.introduce("bob");
    bob.listener.open();
    bob.listener.closed("remote");
    play.introduce("cat");
    play.links.gone(session(2));
    play.links.gone(session(2));
    play.links.gone(session(9));
    expect(play.told).toEqual(["failed 0", "failed 1", "failed 2"]);
    expect(play.links.failures).toBe(3);
    play.link("dan");
    expect(play.links.failures).toBe(0);
  });
  test("of a newer Shoal fails, and nobody is accused", () => {
    const play = new LinksPlay();
    const far = play.introduce("ann");
    far.listener.open();
    far.hello("ann", 2);
    expect(play.told).toEqual(["failed 0"]);
    expect(far.closed).toBe(true);
  });
  test("is declined when it is one too many of anything", () => {
    const play = new LinksPlay();
    play.link("ann");
    play.introduce("bob", 1);
    play.introduce("ann", 2);
    play.introduce("bob", 3);
    play.introduce("cat", 1);
    expect(play.told.slice(2)).toEqual(["declined 2", "declined 3", "declined 1"]);
    expect(play.fars).toHaveLength(2);
  });
  test("is declined when there are sixteen links and attempts", () => {
    const play = new LinksPlay();
    for (let n = 0; n < MOST_LINKS; n++) {
      if (n % 2 === 0) play.link(`peer ${n}`);
      else play.introduce(`peer ${n}`);
    }
    expect(play.fars).toHaveLength(MOST_LINKS);
    play.introduce("more");
    expect(play.told.at(-1)).toBe(`declined ${MOST_LINKS}`);
  });
});

test("eight links are wanted, three in the making at once; the youngest attempt is known", async () => {
  const play = new LinksPlay();
  expect(play.links.wanted(WANTED_LINKS)).toBe(3);
  play.link("ann");
  play.introduce("bob");
  await play.stage.pass(500);
  play.introduce("cat");
  expect(play.links.wanted(WANTED_LINKS)).toBe(1);
  expect(play.links.attemptingSince).toBe(500);
  expect(play.attempts).toBe(3);
  for (let n = 0; n < 10; n++) play.introduce(`peer ${n}`);
  expect(play.links.wanted(WANTED_LINKS)).toBe(0);
  const settled = new LinksPlay();
  for (let n = 0; n < WANTED_LINKS - 1; n++) settled.link(`peer ${n}`);
  expect(settled.links.wanted(WANTED_LINKS)).toBe(1);
  // Where none of them holds what is looked for, more are.
  expect(settled.links.wanted(MOST_LINKS)).toBe(3);
});

describe("a full set of links", () => {
  /** Sixteen links that have answered their pings; `ann` is the farthest. */
  function full(): LinksPlay {
    const play = new LinksPlay();
    play.link("ann", "world");
    for (let n = 1; n < MOST_LINKS; n++) play.link(`peer ${n}`);
    return play;
  }

  test("lets a newcomer in once it has had time to show its worth, and lets go of the farthest idle one", async () => {
    const play = full();
    play.introduce("early");
    expect(play.told.at(-1)).toBe("declined 16");
    await play.pass(10_000);
    const far = play.introduce("late");
    // Nobody goes before the newcomer is there: it may never come.
    expect(play.links.size).toBe(MOST_LINKS);
    far.listener.open();
    far.hello("late");
    expect(play.links.size).toBe(MOST_LINKS);
    expect(play.links.get(idOf("ann"))).toBeUndefined();
    expect(play.links.get(idOf("late"))).toBeDefined();
    expect(play.told.slice(-3)).toEqual(["left local", "linked 17", "ready"]);
    expect(play.fars[0]?.heard.at(-1)).toEqual({ type: "bye", reason: "useless" });
  });
  test("lets in no more at once than may be in the making", async () => {
    const play = full();
    await play.pass(10_000);
    for (const name of ["one", "two", "three"]) play.introduce(name);
    expect(play.fars).toHaveLength(MOST_LINKS + 3);
    play.introduce("four");
    expect(play.told.at(-1)).toBe("declined 19");
  });
});

describe("an idle link beside seven others", () => {
  async function passed(searching: boolean): Promise<LinksPlay> {
    const play = new LinksPlay();
    play.searching = searching;
    for (let n = 0; n < WANTED_LINKS; n++) play.link(`peer ${n}`);
    await play.pass(11_000);
    return play;
  }

  test("is given up for a better one while something is wanted that others may have", async () => {
    const play = await passed(true);
    expect(play.told.slice(-2)).toEqual(["left local", "rotated"]);
    expect(play.links.size).toBe(WANTED_LINKS - 1);
    expect(play.links.wanted(WANTED_LINKS)).toBe(1);
  });
  test("stays while nothing is searched for", async () => {
    expect((await passed(false)).links.size).toBe(WANTED_LINKS);
  });
});

describe("an offender", () => {
  test("is closed, told once, and never linked again", () => {
    const play = new LinksPlay();
    const far = play.link("ann");
    far.say({ type: "pong", nonce: 77 });
    expect(play.told.slice(2)).toEqual(["violated unasked", "left violation"]);
    expect(far.closed).toBe(true);
    expect(play.links.size).toBe(0);
    play.introduce("ann", 1);
    expect(play.told.at(-1)).toBe("declined 1");
  });
  test("that says it is somebody else never becomes a link", () => {
    const play = new LinksPlay();
    const far = play.introduce("ann");
    far.listener.open();
    far.hello("bob");
    expect(play.told).toEqual(["failed 0", "violated impostor"]);
    expect(far.closed).toBe(true);
    expect(play.links.size).toBe(0);
  });
  test("whose chunk was wrong is closed for that, also when it has left already", () => {
    const play = new LinksPlay();
    const far = play.link("ann");
    play.links.ban(idOf("ann"), "poisoned");
    play.links.ban(idOf("gone"), "poisoned");
    expect(play.told.slice(2)).toEqual([
      "violated poisoned",
      "left violation",
      "violated poisoned",
    ]);
    expect(far.closed).toBe(true);
    play.introduce("gone", 1);
    expect(play.told.at(-1)).toBe("declined 1");
  });
  test("is remembered among the last 256", () => {
    const play = new LinksPlay();
    for (let n = 0; n < 257; n++) play.links.ban(idOf(`offender ${n}`), "poisoned");
    play.introduce("offender 0", 1);
    play.introduce("offender 1", 2);
    expect(play.told.filter((one) => one.startsWith("declined"))).toEqual(["declined 2"]);
  });
});

describe("a link", () => {
  test("ends once when the other side goes, says goodbye, or breaks", () => {
    for (const end of ["remote", "failed", "bye"] as const) {
      const play = new LinksPlay();
      const far = play.link("ann");
      if (end === "bye") far.say({ type: "bye", reason: "closing" });
      else far.listener.closed(end);
      far.listener.closed("remote");
      expect(play.told.slice(2)).toEqual([`left ${end === "bye" ? "remote" : end}`]);
      expect(play.links.failures).toBe(0);
    }
  });
  test("that is silent rests twice as long each time, and is given up the fourth time", () => {
    const play = new LinksPlay();
    const far = play.link("ann");
    const peer = play.peer("ann");
    const rests: number[] = [];
    for (let time = 0; time < 3; time++) {
      play.links.rest(peer);
      rests.push(peer.restUntil - play.stage.now);
    }
    expect(rests).toEqual([2000, 4000, 8000]);
    expect(play.links.size).toBe(1);
    play.links.rest(peer);
    expect(play.told.at(-1)).toBe("left failed");
    expect(far.heard.at(-1)).toEqual({ type: "bye", reason: "useless" });
    expect(far.closed).toBe(true);
  });
  test("is asked every five seconds whether it lives, and is dead after fifteen without a word", async () => {
    const play = new LinksPlay();
    const [ann, bob] = [play.link("ann"), play.link("bob")];
    expect(ann.count("ping")).toBe(1);
    for (let round = 2; round < 8; round++) {
      await play.stage.pass(5000);
      expect(bob.count("ping")).toBe(round);
      bob.pong();
    }
    expect(play.links.all.map(({ id }) => id)).toEqual([idOf("bob")]);
    expect(play.told.at(-1)).toBe("left failed");
    expect([ann.closed, bob.closed]).toEqual([true, false]);
    // The second ping was never answered, and no third was sent after it.
    expect(ann.count("ping")).toBe(2);
  });
  test("that takes nothing of what we send for fifteen seconds is dead, though it answers", async () => {
    const play = new LinksPlay();
    play.held = await sample({ size: 3000 });
    const far = play.link("ann");
    far.answer = "congested";
    far.say({ type: "ask", handle: 0, content: play.held.content.idBytes });
    far.say({ type: "request", request: 0, handle: 0, index: 0 });
    for (let round = 0; round < 3; round++) {
      await play.stage.pass(5000);
      far.pong();
    }
    expect(play.links.size).toBe(1);
    await play.stage.pass(5000);
    expect(play.told.at(-1)).toBe("left failed");
    expect(far.closed).toBe(true);
  });
  test("hears of choking when that begins, and a new one at once", () => {
    const play = new LinksPlay();
    const ann = play.link("ann");
    play.links.choke(true);
    const bob = play.link("bob");
    expect([ann.heard.at(-1), bob.heard.find(({ type }) => type === "choke")]).toEqual([
      { type: "choke", on: true },
      { type: "choke", on: true },
    ]);
    play.links.choke(false);
    expect(play.link("cat").count("choke")).toBe(0);
  });
});

test("closing all says goodbye to links, drops attempts, and leaves no timer", async () => {
  const play = new LinksPlay();
  const [ann, bob] = [play.link("ann"), play.introduce("bob")];
  play.links.closeAll();
  expect(ann.heard.at(-1)).toEqual({ type: "bye", reason: "closing" });
  expect([ann.closed, bob.closed]).toEqual([true, true]);
  expect(play.told.at(-1)).toBe("left local");
  expect([play.links.size, play.links.attemptingSince]).toEqual([0, null]);
  expect(play.stage.clock.pending).toBe(0);
  await play.stage.pass(60_000);
  expect(play.told.filter((one) => one.startsWith("failed"))).toEqual([]);
});
