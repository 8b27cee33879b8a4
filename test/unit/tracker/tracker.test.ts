// The tracker core's door, scripted: who is welcomed, refused, counted and dropped. Objects as connections, no
// socket, no real time.

import { describe, expect, test } from "vitest";
import { Household } from "../../../tracker/household.ts";
import { DEFAULT_LIMITS, type HouseholdLimits } from "../../../tracker/limits.ts";
import { PROTOCOL_VERSION } from "../../../tracker/protocol/messages.ts";
import { type Actor, idOf, pair, SITE, Stage, secretOf, swarm } from "./stage.ts";

const BYTES = { cache: 0, peers: 0, origin: 0, uploaded: 0 };

describe("hello", () => {
  test("is answered with the id the secret proves, the region and the heartbeat", () => {
    const ann = new Stage().enters("ann");
    expect(ann.heard).toEqual([
      {
        type: "welcome",
        version: PROTOCOL_VERSION,
        peer: idOf("ann"),
        region: "CZ",
        heartbeatMs: 25_000,
      },
    ]);
  });

  test("must come first", () => {
    const ann = new Stage().arrives("ann").say({ type: "ping" });
    expect(ann.refusals()).toEqual(["hello-first"]);
    expect(ann.dropped).toBe("hello-first");
  });

  test("must come soon", () => {
    const stage = new Stage();
    const ann = stage.arrives("ann");
    stage.passes(DEFAULT_LIMITS.helloWithinMs);
    expect(ann.dropped).toBeUndefined();
    stage.passes(1);
    expect(ann.dropped).toBe("hello-first");
  });

  test("of another version is refused and dropped", () => {
    const ann = new Stage().arrives("ann");
    ann.say({ type: "hello", version: PROTOCOL_VERSION + 1, secret: secretOf("ann") });
    expect(ann.refusals()).toEqual(["version"]);
    expect(ann.dropped).toBe("version");
  });

  test("is said once", () => {
    const ann = new Stage().enters("ann").hello();
    expect(ann.refusals()).toEqual(["malformed"]);
    expect(ann.dropped).toBeUndefined();
  });

  test("with the secret of a connected peer replaces that connection, and its sessions are gone", () => {
    const { stage, ann, bob } = pair();
    const again = stage.enters("ann");
    expect(ann.refusals()).toEqual(["replaced"]);
    expect(ann.dropped).toBe("replaced");
    expect(bob.last("gone").session).toBe(bob.last("introduce").session);
    expect(again.last("welcome").peer).toBe(ann.id);
    ann.leave();
    expect(stage.tracker.totals().peers).toBe(2);
  });
});

describe("a silent peer", () => {
  test("is dropped after two and a half heartbeats, and any message puts it off", () => {
    const { stage, ann, bob } = pair();
    stage.passes(62_000);
    ann.say({ type: "ping" });
    expect(ann.last("pong")).toEqual({ type: "pong" });
    stage.passes(501);
    expect([ann.dropped, bob.dropped]).toEqual([undefined, "silent"]);
    expect(stage.tracker.totals()).toMatchObject({ peers: 1, regions: { CZ: 1 } });
  });
});

describe("offences", () => {
  test.each([
    ["not JSON", "hello"],
    ["no object", "[]"],
    ["an object that looks like a refusal", '{"ok":false,"code":"__proto__","detail":"x"}'],
    ["nothing", ""],
    ["a deep one", "[".repeat(30_000)],
    ["an unknown type", '{"type":"constructor"}'],
  ])("%s is refused as malformed; the fifth ends the connection", (_what, text) => {
    const stage = new Stage();
    const ann = stage.enters("ann");
    for (let each = 0; each < 4; each++) ann.sayText(text);
    expect(ann.dropped).toBeUndefined();
    ann.sayText(text);
    expect(ann.refusals()).toEqual(Array(5).fill("malformed"));
    expect(ann.dropped).toBe("malformed");
    ann.sayText(text).say({ type: "ping" });
    expect(ann.heard).toHaveLength(6);
    expect(stage.tracker.totals()).toMatchObject({ peers: 0, violations: { malformed: 5 } });
  });

  test("are forgiven one by one as time passes", () => {
    const stage = new Stage();
    const ann = stage.enters("ann");
    for (let each = 0; each < 20; each++) {
      ann.sayText("?");
      stage.passes(60_000);
      ann.say({ type: "ping" });
    }
    expect(ann.dropped).toBeUndefined();
  });

  test("a message that is too large is refused", () => {
    const ann = new Stage().enters("ann").sayText(`"${"x".repeat(40_000)}"`);
    expect(ann.refusals()).toEqual(["too-large"]);
  });

  test("too many messages, too many bytes and too many announces are refused by rate", () => {
    const stage = new Stage({
      messages: { burst: 5, perSecond: 1 },
      announces: { burst: 1, perSecond: 0.1 },
      messageUnits: { burst: 400, perSecond: 1 },
    });
    const chatty = stage.enters("chatty");
    for (let each = 0; each < 5; each++) chatty.say({ type: "ping" });
    expect([chatty.all("pong").length, chatty.refusals()]).toEqual([4, ["rate"]]);
    const eager = stage.enters("eager").announce(0, { a: "all" }).announce(0, { a: "all" });
    expect([eager.all("announced").length, eager.refusals()]).toEqual([1, ["rate"]]);
    const long = stage.enters("long").sayText(" ".repeat(400));
    expect(long.refusals()).toEqual(["rate"]);
    stage.now += 1000;
    chatty.say({ type: "ping" });
    expect(chatty.all("pong")).toHaveLength(5);
  });
});

describe("report", () => {
  test("adds up, and says how much of it the peers carried", () => {
    const stage = new Stage();
    const ann = stage.enters("ann");
    ann.say({ type: "report", bytes: { ...BYTES, peers: 300, origin: 100 }, poisoned: [] });
    ann.say({ type: "report", bytes: { ...BYTES, cache: 7, uploaded: 5 }, poisoned: [] });
    expect(stage.tracker.totals()).toMatchObject({
      bytes: { cache: 7, peers: 300, origin: 100, uploaded: 5 },
      offload: 0.75,
    });
  });

  test("of more than can have moved in the time is refused and not counted", () => {
    const stage = new Stage();
    const ann = stage.enters("ann");
    const bytes = { ...BYTES, peers: 60_000_000_000 };
    ann.say({ type: "report", bytes, poisoned: [] });
    expect(ann.refusals()).toEqual(["malformed"]);
    expect(stage.tracker.totals().bytes.peers).toBe(0);
    stage.now += 60_000;
    ann.say({ type: "report", bytes, poisoned: [] });
    expect(stage.tracker.totals().bytes.peers).toBe(60_000_000_000);
    // The same minute cannot be reported twice.
    ann.say({ type: "report", bytes, poisoned: [] });
    expect(stage.tracker.totals().bytes.peers).toBe(60_000_000_000);
  });

  test("of poisoning counts against known peers only, and keeps the pair apart", () => {
    const { stage, ann, bob } = pair();
    const { session } = bob.last("introduce");
    bob.say({ type: "report", bytes: BYTES, poisoned: [idOf("nobody")] });
    expect(stage.tracker.totals().violations).toEqual({});
    bob.say({ type: "ended", session, outcome: "linked" });
    bob.say({ type: "report", bytes: BYTES, poisoned: [ann.id, ann.id] });
    expect(stage.tracker.totals().violations).toEqual({ poisoned: 1 });
    stage.now += DEFAULT_LIMITS.linkedForMs;
    bob.announce(8, { film: "none" });
    expect(bob.met()).toEqual([ann.id]);
  });
});

describe("poisoning", () => {
  /** `victim` is linked with the liar, and says what it got. */
  const accuse = (victim: Actor, liar: Actor) => {
    const meeting = victim.all("introduce").find(({ peer }) => peer === liar.id);
    if (meeting === undefined) throw new Error(`${victim.name} did not meet ${liar.name}`);
    victim.say({ type: "ended", session: meeting.session, outcome: "linked" });
    victim.say({ type: "report", bytes: BYTES, poisoned: [liar.id] });
  };

  /** A liar, and so many that have accused it, each from an address of its own. */
  const scene = (accusers: number) => {
    const stage = new Stage();
    const liar = stage.enters("liar").announce(16, { film: "all", song: "all" });
    const victims = Array.from({ length: accusers }, (_, each) =>
      stage.enters(`victim${each}`).announce(1, { film: "none" }),
    );
    for (const victim of victims) accuse(victim, liar);
    const isMetBy = (name: string) =>
      stage.enters(name).announce(8, { film: "none" }).met().includes(liar.id);
    return { stage, liar, victims, isMetBy };
  };

  test("by the word of one keeps that pair apart; others still meet the accused", () => {
    const { victims, isMetBy, liar, stage } = scene(1);
    victims[0]?.say({ type: "report", bytes: BYTES, poisoned: [liar.id] });
    expect(stage.tracker.totals().violations).toEqual({ poisoned: 2 });
    expect(isMetBy("newcomer")).toBe(true);
  });

  test("by the word of two leaves the accused to those who find nobody else", () => {
    const { stage, liar } = scene(2);
    expect(stage.enters("alone").announce(8, { song: "none" }).met()).toEqual([liar.id]);
    for (let each = 0; each < 8; each++)
      stage.enters(`other${each}`).announce(16, { film: "some" });
    const newcomer = stage.enters("newcomer").announce(8, { film: "none" });
    expect(newcomer.met().length).toBeGreaterThan(2);
    expect(newcomer.met()).not.toContain(liar.id);
  });

  test("by the word of three ends the introductions of the accused, also those it asks for", () => {
    const { liar, isMetBy, stage } = scene(3);
    expect(isMetBy("newcomer")).toBe(false);
    const before = liar.met().length;
    stage.now += 60_000;
    liar.announce(16, { film: "none" });
    expect(liar.met()).toHaveLength(before);
    expect(liar.last("announced").introductions).toBe(0);
  });

  test("by the word of three in one household is the word of one", () => {
    const stage = new Stage();
    const home = new Household(DEFAULT_LIMITS.household, 0);
    const liar = stage.enters("liar").announce(16, { film: "all" });
    for (const name of ["ann", "bob", "cyd"]) {
      const victim = stage.joins(home, name).announce(8, { film: "none" });
      accuse(victim, liar);
    }
    expect(stage.enters("newcomer").announce(8, { film: "none" }).met()).toContain(liar.id);
  });

  test("counts against the household of who is shunned, once", () => {
    const limits = {
      household: { ...DEFAULT_LIMITS.household, strikes: { burst: 2, perSecond: 0 } },
    };
    const stage = new Stage(limits);
    const home = new Household(limits.household, 0);
    const victims = ["a", "b", "c", "d"].map((name) => stage.enters(name));
    const meet = (name: string) => {
      const liar = stage.joins(home, name).announce(16, { [name]: "all" });
      for (const victim of victims) victim.announce(8, { [name]: "none" });
      for (const victim of victims) accuse(victim, liar);
    };
    meet("first");
    expect(home.isBlocked(0)).toBe(false);
    meet("second");
    expect(home.isBlocked(0)).toBe(true);
  });
});

describe("the connections of one household together", () => {
  const crowded = (limits: Partial<HouseholdLimits>) => {
    const household = { ...DEFAULT_LIMITS.household, ...limits };
    const stage = new Stage({ household });
    const home = new Household(household, 0);
    return { stage, home, members: ["ann", "bob"].map((name) => stage.joins(home, name)) };
  };

  test("may say so many messages, and others as many of their own", () => {
    const { stage, members } = crowded({ messages: { burst: 4, perSecond: 0 } });
    for (const member of [...members, ...members]) member.say({ type: "ping" });
    expect(members.map((member) => member.all("pong").length)).toEqual([1, 1]);
    expect(members.map((member) => member.refusals())).toEqual([["rate"], ["rate"]]);
    const stranger = stage.enters("stranger").say({ type: "ping" });
    expect(stranger.all("pong")).toHaveLength(1);
  });

  test("may say so many units", () => {
    const { members } = crowded({ messageUnits: { burst: 1000, perSecond: 0 } });
    for (const member of members) member.sayText(`${" ".repeat(500)}{"type":"ping"}`);
    expect(members.map((member) => member.refusals())).toEqual([[], ["rate"]]);
  });

  test("may announce so often", () => {
    const { members } = crowded({ announces: { burst: 1, perSecond: 0 } });
    for (const member of members) member.announce(8, { film: "none" });
    expect(members.map((member) => member.all("announced").length)).toEqual([1, 0]);
  });

  test("are introduced so often, asked or not", () => {
    const { stage, home } = crowded({ introductions: { burst: 3, perSecond: 0 } });
    for (let each = 0; each < 8; each++) stage.enters(`other${each}`).announce(8, { film: "all" });
    const met = ["cyd", "dan"].map((name) =>
      stage.joins(home, name).announce(8, { film: "none" }).met(),
    );
    expect(met.map(({ length }) => length)).toEqual([3, 0]);
    const late = stage.enters("late").announce(16, { film: "none" });
    expect(late.met()).not.toContain(idOf("cyd"));
    expect(late.met()).not.toContain(idOf("dan"));
  });

  test("are struck when one of them is ended for what it sent, not when it is replaced", () => {
    const { stage, home, members } = crowded({ strikes: { burst: 1, perSecond: 0 } });
    stage.joins(home, "ann");
    expect(home.isBlocked(0)).toBe(false);
    for (let each = 0; each < 5; each++) members[1]?.sayText("?");
    expect(members[1]?.dropped).toBe("malformed");
    expect(home.isBlocked(0)).toBe(true);
  });

  test("are struck by frames that are no message", () => {
    const { stage, home, members } = crowded({ strikes: { burst: 1, perSecond: 0 } });
    const [ann] = members;
    if (ann === undefined) throw new Error("ann is there");
    stage.tracker.broke(ann, "too-large");
    expect(home.isBlocked(0)).toBe(true);
    expect(stage.tracker.totals()).toMatchObject({ peers: 1, violations: { "too-large": 1 } });
  });
});

test("where tokens are wanted, nobody is welcomed without, and the reason is told", () => {
  const stage = new Stage({}, 1, (token, site) =>
    token === `for ${site}` ? undefined : "no token of ours",
  );
  const hello = { type: "hello", version: PROTOCOL_VERSION } as const;
  const ann = stage.arrives("ann").say({ ...hello, secret: secretOf("ann"), token: `for ${SITE}` });
  expect(ann.all("welcome")).toHaveLength(1);
  const bob = stage.arrives("bob").say({ ...hello, secret: secretOf("bob"), token: "for another" });
  expect(bob.all("refused")).toEqual([
    { type: "refused", code: "token", detail: "no token of ours" },
  ]);
  expect(bob.dropped).toBe("token");
  // Nobody is pushed out of an id by somebody without a token.
  stage.arrives("ann").hello();
  expect(ann.dropped).toBeUndefined();
});

test("draining tells everybody to come back, each at another moment", () => {
  const stage = new Stage();
  const crowd = Array.from({ length: 40 }, (_, each) => stage.enters(`p${each}`));
  stage.tracker.drain(5000);
  const waits = crowd.map((actor) => actor.last("bye").retryAfterMs);
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(2500);
  expect(Math.max(...waits)).toBeLessThanOrEqual(7500);
  expect(new Set(waits).size).toBeGreaterThan(30);
});

test("the totals name no peer and no site", () => {
  const { stage, ann, bob } = pair();
  const text = JSON.stringify(stage.tracker.totals());
  for (const secret of [ann.id, bob.id, SITE, swarm("film")]) expect(text).not.toContain(secret);
});
