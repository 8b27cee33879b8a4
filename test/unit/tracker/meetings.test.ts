// Who meets whom, scripted: introductions, signals and endings. Objects as connections, no socket, no real time.

import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../../tracker/limits.ts";
import { type Actor, OFFER, pair, Stage, swarm } from "./stage.ts";

describe("announce", () => {
  test("introduces both sides under one session, and the one who asked offers", () => {
    const { ann, bob } = pair();
    const { session } = bob.last("introduce");
    expect(bob.last("announced")).toMatchObject({
      swarms: [{ swarm: swarm("film"), peers: 1 }],
      introductions: 1,
    });
    expect(bob.last("introduce")).toEqual({
      type: "introduce",
      peer: ann.id,
      session,
      role: "offerer",
      proximity: "country",
    });
    expect(ann.last("introduce")).toEqual({
      type: "introduce",
      peer: bob.id,
      session,
      role: "answerer",
      proximity: "country",
    });
  });

  test("never introduces two seeds", () => {
    const stage = new Stage();
    stage.enters("ann").announce(8, { film: "all" });
    const bob = stage.enters("bob").announce(8, { film: "all" });
    expect(bob.met()).toEqual([]);
    const film = { swarm: swarm("film"), peers: 1, holders: 1 };
    expect(bob.last("announced").swarms).toEqual([film]);
  });

  test("counts those who hold anything, without the one who asks", () => {
    const stage = new Stage();
    stage.enters("ann").announce(0, { film: "some" });
    const bob = stage.enters("bob").announce(0, { film: "none" });
    const cyd = stage.enters("cyd").announce(0, { film: "all" });
    const counted = (actor: Actor) => actor.last("announced").swarms[0];
    expect(counted(bob)).toMatchObject({ peers: 1, holders: 1 });
    expect(counted(cyd)).toMatchObject({ peers: 2, holders: 1 });
    bob.announce(0, { film: "some" });
    expect(counted(bob)).toMatchObject({ peers: 2, holders: 2 });
  });

  test("introduces two seeds of one swarm when another common swarm gives them something to swap", () => {
    const stage = new Stage();
    const ann = stage.enters("ann").announce(8, { film: "all", pages: "some" });
    const bob = stage.enters("bob").announce(8, { film: "all", pages: "all" });
    expect(bob.met()).toEqual([ann.id]);
  });

  test("never introduces pages of different sites, nor peers of different swarms", () => {
    const stage = new Stage();
    stage.enters("ann").announce(8, { film: "all" });
    const bob = stage.enters("bob", undefined, "https://other.example");
    bob.announce(8, { film: "none" });
    const cyd = stage.enters("cyd").announce(8, { song: "none" });
    expect([bob.met(), cyd.met()]).toEqual([[], []]);
    expect(bob.last("announced").swarms).toEqual([{ swarm: swarm("film"), peers: 0, holders: 0 }]);
  });

  test("does not introduce a pair again while a session is open, linked or just failed", () => {
    const { stage, ann, bob } = pair();
    const { session } = bob.last("introduce");
    bob.announce(8, { film: "none" });
    expect(bob.met()).toEqual([ann.id]);
    bob.say({ type: "ended", session, outcome: "failed" });
    bob.announce(8, { film: "none" });
    ann.announce(8, { film: "all" });
    expect(bob.met()).toEqual([ann.id]);
    stage.now += DEFAULT_LIMITS.failedForMs;
    bob.announce(8, { film: "none" });
    expect(bob.met()).toEqual([ann.id, ann.id]);
    bob.say({ type: "ended", session: bob.last("introduce").session, outcome: "linked" });
    bob.announce(8, { film: "none" });
    expect(bob.met()).toEqual([ann.id, ann.id]);
  });

  test("gives no more introductions than wanted", () => {
    const stage = new Stage();
    for (let each = 0; each < 20; each++) stage.enters(`p${each}`).announce(0, { film: "some" });
    const bob = stage.enters("bob").announce(5, { film: "none" });
    expect(bob.met()).toHaveLength(5);
    expect(new Set(bob.met()).size).toBe(5);
    expect(bob.last("announced").introductions).toBe(5);
  });

  test("joins no more swarms than a peer may have, and says so without calling it an offence", () => {
    const stage = new Stage({ swarmsPerPeer: 2 });
    const ann = stage.enters("ann").announce(0, { a: "none", b: "none", c: "none" });
    expect(ann.refusals()).toEqual(["swarms"]);
    expect(ann.last("announced").swarms.map((entry) => entry.swarm)).toEqual([
      swarm("a"),
      swarm("b"),
    ]);
    expect(stage.tracker.totals()).toMatchObject({ swarms: 2, violations: {} });
  });

  test("asks to come back sooner when there are more peers than were introduced", () => {
    const stage = new Stage({ openSessions: 1 });
    for (const name of ["a", "b", "c"]) stage.enters(name).announce(0, { film: "some" });
    const bob = stage.enters("bob").announce(3, { film: "none" });
    expect(bob.met()).toHaveLength(1);
    expect(bob.last("announced").againMs).toBeLessThanOrEqual(DEFAULT_LIMITS.againSoonMs * 1.2);
    const eve = stage.enters("eve").announce(3, { song: "none" });
    expect(eve.last("announced").againMs).toBeGreaterThanOrEqual(DEFAULT_LIMITS.againMs * 0.8);
  });
});

describe("a newcomer", () => {
  test("finds peers that have all they wanted", () => {
    const stage = new Stage();
    const settled = ["a", "b", "c"].map((name) => stage.enters(name).announce(0, { film: "some" }));
    const bob = stage.enters("bob").announce(8, { film: "none" });
    expect(new Set(bob.met())).toEqual(new Set(settled.map(({ id }) => id)));
  });

  test("finds someone even when everybody's overdraft is used up", () => {
    const stage = new Stage({ overdraft: 0 });
    for (const name of ["a", "b", "c"]) stage.enters(name).announce(0, { film: "some" });
    expect(stage.enters("bob").announce(8, { film: "none" }).met()).toHaveLength(2);
  });

  test("declined by one that is full is introduced to one other instead", () => {
    const stage = new Stage();
    const ann = stage.enters("ann").announce(0, { film: "some" });
    const cyd = stage.enters("cyd").announce(0, { film: "some" });
    const bob = stage.enters("bob").announce(1, { film: "none" });
    const [first] = bob.met();
    const { session } = bob.last("introduce");
    const full = first === ann.id ? ann : cyd;
    full.say({ type: "ended", session, outcome: "declined" });
    expect(bob.last("gone").session).toBe(session);
    expect(new Set(bob.met())).toEqual(new Set([ann.id, cyd.id]));
    expect(stage.tracker.totals().links).toEqual({ made: 0, failed: 0, declined: 1 });
  });
});

test("who has declined is left alone while others have room", () => {
  const stage = new Stage();
  const full = stage.enters("full").announce(0, { film: "some" });
  const bob = stage.enters("bob").announce(1, { film: "none" });
  const { session } = bob.last("introduce");
  stage.enters("roomy").announce(0, { film: "some" });
  full.say({ type: "ended", session, outcome: "declined" });
  for (const name of ["a", "b", "c", "d"]) stage.enters(name).announce(1, { film: "all" });
  expect(full.met()).toEqual([bob.id]);
});

test("a popular seed is introduced no more often a minute than the limit says", () => {
  const stage = new Stage({ introductions: { burst: 6, perSecond: 0.1 } });
  const seed = stage.enters("seed").announce(16, { film: "all" });
  for (let each = 0; each < 50; each++) {
    const peer = stage.enters(`p${each}`).announce(1, { film: "none" });
    peer.leave();
  }
  expect(seed.met()).toHaveLength(6);
  stage.passes(20_000);
  stage.enters("late").announce(1, { film: "none" });
  expect(seed.met()).toHaveLength(7);
});

test("a peer has only so many introductions under way", () => {
  const stage = new Stage({ openSessions: 3 });
  const seed = stage.enters("seed").announce(16, { film: "all" });
  const crowd = ["a", "b", "c", "d", "e"].map((name) => stage.enters(name));
  for (const peer of crowd) peer.announce(1, { film: "all" });
  for (const peer of crowd) peer.announce(1, { film: "none" });
  expect(seed.met()).toHaveLength(3);
  seed.say({ type: "ended", session: seed.last("introduce").session, outcome: "linked" });
  stage.enters("late").announce(2, { film: "all", other: "none" }).announce(2, { film: "none" });
  expect(seed.met()).toHaveLength(4);
});

describe("signal", () => {
  const relayed = (from: Actor, to: Actor) =>
    from.say({
      type: "signal",
      to: to.id,
      session: from.last("introduce").session,
      signal: OFFER,
    });

  test("reaches the other side of the session, and nobody else", () => {
    const { stage, ann, bob } = pair();
    const eve = stage.enters("eve").announce(0, { film: "none" });
    relayed(bob, ann);
    expect(ann.last("signal")).toEqual({
      type: "signal",
      from: bob.id,
      session: bob.last("introduce").session,
      signal: OFFER,
    });
    expect(eve.all("signal")).toEqual([]);
  });

  test("of a stranger to the session, or to a stranger, is refused", () => {
    const { stage, ann, bob } = pair();
    const eve = stage.enters("eve");
    const { session } = bob.last("introduce");
    eve.say({ type: "signal", to: ann.id, session, signal: OFFER });
    bob.say({ type: "signal", to: eve.id, session, signal: OFFER });
    expect([eve.refusals(), bob.refusals()]).toEqual([["unknown-session"], ["unknown-session"]]);
    expect([ann.all("signal"), eve.all("signal")]).toEqual([[], []]);
  });

  test("passes so many times a side, then is refused", () => {
    const { ann, bob } = pair(new Stage({ signalsPerSide: 3 }));
    for (let each = 0; each < 4; each++) relayed(bob, ann);
    expect(ann.all("signal")).toHaveLength(3);
    expect(bob.refusals()).toEqual(["unknown-session"]);
    relayed(ann, bob);
    expect(bob.all("signal")).toHaveLength(1);
  });

  test("of an ended session is ignored for a while, then refused", () => {
    const { stage, ann, bob } = pair();
    ann.say({ type: "ended", session: ann.last("introduce").session, outcome: "linked" });
    relayed(bob, ann);
    expect([ann.all("signal"), bob.refusals()]).toEqual([[], []]);
    stage.passes(DEFAULT_LIMITS.sessionMs);
    relayed(bob, ann);
    expect(bob.refusals()).toEqual(["unknown-session"]);
  });

  test("passes no more once the session's time is up, and the attempt counts as failed", () => {
    const { stage, ann, bob } = pair();
    stage.passes(DEFAULT_LIMITS.sessionMs - 1);
    relayed(bob, ann);
    expect(ann.all("signal")).toHaveLength(1);
    stage.passes(1);
    relayed(bob, ann);
    expect(ann.all("signal")).toHaveLength(1);
    expect(stage.tracker.totals().links.failed).toBe(1);
  });
});

describe("ended", () => {
  test("may be said by both sides, and is counted once", () => {
    const { stage, ann, bob } = pair();
    const { session } = ann.last("introduce");
    ann.say({ type: "ended", session, outcome: "linked" });
    bob.say({ type: "ended", session, outcome: "linked" });
    expect([ann.refusals(), bob.refusals()]).toEqual([[], []]);
    expect(stage.tracker.totals()).toMatchObject({
      introductions: 1,
      links: { made: 1, failed: 0, declined: 0 },
    });
  });

  test("of somebody else's session is refused and changes nothing", () => {
    const { stage, ann, bob } = pair();
    const eve = stage.enters("eve");
    const { session } = ann.last("introduce");
    eve.say({ type: "ended", session, outcome: "failed" });
    expect(eve.refusals()).toEqual(["unknown-session"]);
    bob.say({ type: "signal", to: ann.id, session, signal: OFFER });
    expect(ann.all("signal")).toHaveLength(1);
  });

  test("tells the other side when it failed, so that it stops trying", () => {
    const { ann, bob } = pair();
    const { session } = ann.last("introduce");
    ann.say({ type: "ended", session, outcome: "failed" });
    expect(bob.all("gone")).toEqual([{ type: "gone", session }]);
    expect(ann.all("gone")).toEqual([]);
  });
});

describe("going away", () => {
  test("tells the other side of open sessions, not of linked ones", () => {
    const { stage, ann, bob } = pair();
    const cyd = stage.enters("cyd").announce(8, { film: "none" });
    const withAnn = cyd.all("introduce").find(({ peer }) => peer === ann.id);
    if (withAnn === undefined) throw new Error("cyd met ann");
    cyd.say({ type: "ended", session: withAnn.session, outcome: "linked" });
    ann.leave();
    expect(bob.all("gone")).toHaveLength(1);
    expect(cyd.all("gone")).toHaveLength(0);
    expect(stage.tracker.totals().peers).toBe(2);
  });

  test("from the last common swarm ends the session; from another it does not", () => {
    const stage = new Stage();
    const ann = stage.enters("ann").announce(8, { film: "all", song: "all" });
    const bob = stage.enters("bob").announce(8, { film: "none", song: "none" });
    ann.say({ type: "leave", swarms: [swarm("song")] });
    expect(bob.all("gone")).toEqual([]);
    ann.say({ type: "leave", swarms: [swarm("film")] });
    expect(bob.all("gone")).toHaveLength(1);
    const cyd = stage.enters("cyd").announce(8, { film: "some" });
    expect(cyd.met()).toEqual([bob.id]);
  });

  test("frees what was remembered of the link, so that a peer that comes back is introduced", () => {
    const { stage, ann, bob } = pair();
    ann.say({ type: "ended", session: ann.last("introduce").session, outcome: "linked" });
    bob.leave();
    const back = stage.enters("bob").announce(8, { film: "none" });
    expect(back.met()).toEqual([ann.id]);
  });
});

test("what the page says of its region brings nobody nearer than the address does", () => {
  const stage = new Stage();
  const place = { networks: ["net-1"], country: "CZ", continent: "EU", label: "CZ" };
  const far = { networks: ["net-2"], country: "US", continent: "NA", label: "US" };
  const bob = stage.arrives("bob", place).hello("floor 3").announce(0, { film: "all" });
  const eve = stage.arrives("eve", far).hello("floor 3").announce(1, { film: "none" });
  expect(eve.last("introduce")).toMatchObject({ peer: bob.id, proximity: "world" });
});

test("what the page says of its region decides among peers of one network", () => {
  const stage = new Stage();
  const place = { networks: ["net-1"], label: "office" };
  for (let each = 0; each < 30; each++) {
    stage.arrives(`p${each}`, place).hello("floor 1").announce(0, { film: "all" });
  }
  const near = stage.arrives("near", place).hello("Floor 3 ").announce(0, { film: "all" });
  const bob = stage.arrives("bob", place).hello("floor 3").announce(1, { film: "none" });
  expect(bob.last("introduce")).toMatchObject({ peer: near.id, proximity: "network" });
});
