// Finding peers through a tracker whose every word the test says: greeting, joining, losing it and coming back.

import { describe, expect, test } from "vitest";
import { idOf } from "../../../tracker/stage.ts";
import { turns } from "../stage.ts";
import { HEARTBEAT, Play, SELF, SESSION, swarm, URL, WELCOME } from "./tracker-play.ts";

describe("the greeting", () => {
  test("proves the peer id with a secret, and says what the site has set", () => {
    const play = new Play({ region: "building-5", token: "let me in" });
    expect(play.discovery.state).toBe("off");
    play.discovery.start();
    play.discovery.start();
    expect(play.sockets.map(({ url }) => url)).toEqual([URL]);
    expect(play.socket.heard).toEqual([]);
    play.socket.listener.open();
    const { secret } = play.discovery;
    expect(play.socket.heard).toEqual([
      { type: "hello", version: 1, secret, region: "building-5", token: "let me in" },
    ]);
    play.socket.say(WELCOME);
    expect(play.heard).toEqual([["welcomed", SELF, "CZ"]]);
    expect(play.states).toEqual(["connecting", "connected"]);
  });
  test("learns of the tracker's STUN port, at the host of its URL, and of the relay", () => {
    const play = new Play();
    play.discovery.start();
    play.socket.listener.open();
    const turn = { urls: ["turn:turn.example:3478"], username: "1:a", credential: "b" };
    play.socket.say({ ...WELCOME, stunPort: 3478, turn });
    const host = /^wss?:\/\/([^/:]+)/.exec(URL)?.[1];
    const stun = { urls: [`stun:${host}:3478`] };
    expect(play.heard).toEqual([["welcomed", SELF, "CZ", stun, turn]]);
  });
  test("says nothing that is not set", () => {
    const play = new Play();
    play.discovery.start();
    play.socket.listener.open();
    expect(Object.keys(play.socket.heard[0] ?? {})).toEqual(["type", "version", "secret"]);
  });
  test("is new with every visit, so that nobody is followed from one to the next", () => {
    expect(new Play({}, "one").discovery.secret).not.toBe(new Play({}, "two").discovery.secret);
  });
});

describe("joining", () => {
  test("announces the swarms of one turn together, and asks for what is wanted then", async () => {
    const play = await Play.joined();
    play.discovery.join(swarm(1), "none");
    play.discovery.join(swarm(2), "some");
    play.wanted = 3;
    expect(play.socket.types()).toEqual(["hello"]);
    await turns();
    expect(play.socket.of("announce")).toEqual([
      {
        type: "announce",
        want: 3,
        swarms: [
          { swarm: swarm(1), holding: "none" },
          { swarm: swarm(2), holding: "some" },
        ],
      },
    ]);
  });
  test("again says only what changed", async () => {
    const play = await Play.joined();
    play.discovery.join(swarm(1), "none");
    await turns();
    play.discovery.join(swarm(1), "none");
    await turns();
    play.discovery.join(swarm(1), "all");
    await turns();
    const announced = play.socket.of("announce").flatMap(({ swarms }) => swarms);
    expect(announced.map(({ holding }) => holding)).toEqual(["none", "all"]);
  });
  test("goes with the greeting, or soon after it: nobody waits for the welcome", async () => {
    const play = new Play();
    play.discovery.join(swarm(1), "none");
    play.discovery.start();
    await turns();
    play.socket.listener.open();
    expect(play.socket.types()).toEqual(["hello", "announce"]);
    play.discovery.join(swarm(2), "none");
    await turns();
    play.socket.say(WELCOME);
    await turns();
    const announced = play.socket.of("announce").flatMap(({ swarms }) => swarms);
    expect(announced.map((one) => one.swarm)).toEqual([swarm(1), swarm(2)]);
  });
  test("more than 48 leaves those that were wanted least recently", async () => {
    const play = await Play.joined();
    for (let number = 0; number < 48; number++) play.discovery.join(swarm(number), "none");
    play.discovery.join(swarm(0), "none");
    await turns();
    expect(play.socket.of("leave")).toEqual([]);
    play.discovery.join(swarm(48), "none");
    await turns();
    expect(play.socket.of("leave")).toEqual([{ type: "leave", swarms: [swarm(1)] }]);
    expect(play.discovery.joined(swarm(0))).toBe(true);
    expect(play.discovery.joined(swarm(1))).toBe(false);
  });
  test("never says more in one message than the tracker takes", async () => {
    const play = await Play.joined();
    for (let number = 0; number < 40; number++) play.discovery.join(swarm(number), "none");
    await turns();
    expect(play.socket.of("announce").map(({ swarms }) => swarms.length)).toEqual([32, 8]);
  });
  test("is repeated when the tracker said it should be", async () => {
    const play = await Play.joined();
    play.discovery.join(swarm(1), "some");
    await turns();
    const answer = { type: "announced", swarms: [], introductions: 0, againMs: 20_000 } as const;
    play.socket.say(answer);
    await play.stage.pass(19_000);
    expect(play.socket.of("announce")).toHaveLength(1);
    await play.stage.pass(2000);
    expect(play.socket.of("announce")).toHaveLength(2);
    expect(play.heard).toContainEqual(["announced", answer]);
  });
});

test("what the tracker says reaches whom it concerns, and what is not understood hurts nobody", async () => {
  const play = await Play.joined();
  const introduce = {
    type: "introduce",
    peer: idOf("far"),
    session: SESSION,
    role: "offerer",
    proximity: "asn",
  } as const;
  const signal = {
    type: "signal",
    from: idOf("far"),
    session: SESSION,
    signal: { kind: "offer", sdp: "v=0\r\n" },
  } as const;
  play.heard.length = 0;
  for (const text of ["", "{", "[]", '{"type":"news"}', '{"type":"introduce","peer":7}']) {
    play.socket.listener.text(text);
  }
  play.socket.say(introduce);
  play.socket.say(signal);
  play.socket.say({ type: "gone", session: SESSION });
  expect(play.heard).toEqual([
    ["introduced", introduce],
    ["signalled", signal],
    ["gone", SESSION],
  ]);
  play.discovery.signal(idOf("far"), SESSION, signal.signal);
  play.discovery.ended(SESSION, "linked");
  expect(play.discovery.report({ cache: 1, peers: 2, origin: 3, uploaded: 4 }, [])).toBe(true);
  expect(play.socket.types()).toEqual(["hello", "signal", "ended", "report"]);
  expect(play.discovery.state).toBe("connected");
});

describe("coming back", () => {
  test("waits a random time from nothing to a bound that doubles, up to ten seconds", async () => {
    const longest: number[] = [];
    for (const roll of [0, 0.999999]) {
      const play = new Play();
      play.roll = roll;
      play.discovery.start();
      for (let failure = 0; failure < 8; failure++) {
        play.socket.listener.closed();
        const waited = await play.untilNext();
        if (roll === 0) expect(waited).toBe(0);
        else longest.push(Math.round(waited));
      }
    }
    expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
  });
  test("after a good connection is never at once: everybody else lost it too", async () => {
    const play = await Play.joined();
    play.roll = 0;
    play.socket.listener.closed();
    expect(await play.untilNext()).toBe(100);
    play.roll = 0.999999;
    play.greet();
    play.socket.listener.closed();
    expect(Math.round(await play.untilNext())).toBe(600);
  });
  test("spreads clients with different dice", async () => {
    const waits = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const play = new Play({}, `client ${seed}`);
      play.discovery.start();
      for (let failure = 0; failure < 4; failure++) {
        play.socket.listener.closed();
        const waited = await play.untilNext();
        expect(waited).toBeLessThanOrEqual(500 * 2 ** failure);
        if (failure === 3) waits.add(Math.floor(waited / 1000));
      }
    }
    expect(waits.size).toBe(4);
  });
  test("joins every swarm again, most of 48 included", async () => {
    const play = await Play.joined();
    for (let number = 0; number < 48; number++) play.discovery.join(swarm(number), "some");
    await turns();
    play.socket.listener.closed();
    play.discovery.join(swarm(3), "all");
    await play.untilNext();
    play.greet();
    await turns();
    const again = play.socket.of("announce").flatMap(({ swarms }) => swarms);
    expect(new Set(again.map((one) => one.swarm)).size).toBe(48);
    expect(again.find((one) => one.swarm === swarm(3))?.holding).toBe("all");
  });
  test("shows: unreachable while it is away, connected when it is back", async () => {
    const play = await Play.joined();
    play.socket.listener.closed();
    expect(play.discovery.state).toBe("unreachable");
    expect(play.discovery.report({ cache: 0, peers: 0, origin: 0, uploaded: 0 }, [])).toBe(false);
    await play.untilNext();
    expect(play.discovery.state).toBe("unreachable");
    play.greet();
    expect(play.states).toEqual(["connecting", "connected", "unreachable", "connected"]);
  });
  test("after a goodbye is in half to all of the time the tracker asked for", async () => {
    const waits: number[] = [];
    for (const roll of [0, 0.999999]) {
      const play = await Play.joined();
      play.roll = roll;
      play.socket.say({ type: "bye", retryAfterMs: 8000 });
      expect(play.socket.closed).toBe(true);
      waits.push(Math.round(await play.untilNext()));
    }
    expect(waits).toEqual([4000, 8000]);
  });
});

describe("silence", () => {
  test("of ten seconds after connecting means that nobody is there", async () => {
    const play = new Play();
    play.discovery.start();
    const socket = play.socket;
    await play.stage.pass(9990);
    expect(socket.closed).toBe(false);
    await play.stage.pass(20);
    expect(socket.closed).toBe(true);
    expect(play.discovery.state).toBe("unreachable");
  });
  test("after a heartbeat means that the connection is dead, an answer that it is not", async () => {
    const play = await Play.joined();
    await play.stage.pass(HEARTBEAT + 10);
    expect(play.socket.types()).toEqual(["hello", "ping"]);
    play.socket.say({ type: "pong" });
    await play.stage.pass(HEARTBEAT + 5000);
    expect(play.socket.closed).toBe(false);
    expect(play.socket.of("ping")).toHaveLength(2);
    await play.stage.pass(6000);
    expect(play.sockets[0]?.closed).toBe(true);
  });
  test("after an announce means it too, whatever it was that came before", async () => {
    const play = await Play.joined();
    play.discovery.join(swarm(1), "none");
    await play.stage.pass(10_010);
    expect(play.sockets[0]?.closed).toBe(true);
  });
});

describe("a tracker that refuses", () => {
  test.each(["version", "token", "replaced"] as const)(
    "us for our %s is left alone",
    async (code) => {
      const play = await Play.joined();
      play.socket.say({ type: "refused", code, detail: "no" });
      expect(play.heard).toContainEqual(["refused", code, "no"]);
      expect(play.discovery.state).toBe("off");
      expect(play.socket.closed).toBe(true);
      await play.stage.pass(120_000);
      expect(play.sockets).toHaveLength(1);
      expect(play.stage.clock.pending).toBe(0);
    },
  );
  test.each(["rate", "swarms", "unknown-session", "malformed"] as const)(
    "one message for its %s is no reason to go",
    async (code) => {
      const play = await Play.joined();
      play.socket.say({ type: "refused", code, detail: "no" });
      expect(play.discovery.state).toBe("connected");
      expect(play.heard).not.toContainEqual(["refused", code, "no"]);
    },
  );
});

describe("stopping", () => {
  test("closes the socket and leaves no timer, and starting joins again", async () => {
    const play = await Play.joined();
    play.discovery.join(swarm(1), "none");
    await turns();
    play.discovery.stop();
    play.discovery.stop();
    expect(play.socket.closed).toBe(true);
    expect(play.stage.clock.pending).toBe(0);
    expect(play.states.at(-1)).toBe("off");
    play.discovery.start();
    play.greet();
    await turns();
    expect(play.sockets).toHaveLength(2);
    expect(play.socket.of("announce").flatMap(({ swarms }) => swarms)).toHaveLength(1);
  });
  test("while waiting to come back, it does not come back", async () => {
    const play = await Play.joined();
    play.socket.listener.closed();
    play.discovery.stop();
    await play.stage.pass(60_000);
    expect(play.sockets).toHaveLength(1);
    expect(play.stage.clock.pending).toBe(0);
  });
});
