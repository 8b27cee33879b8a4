// The tracker as a server, over real sockets: pages join, meet and signal; hostile ones get a status line, a refusal
// or a closed socket, and everybody else goes on. Free ports of the loopback, no sleeping.

import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { OptionError, type TrackerOptions } from "../../../tracker/options.ts";
import { fromBase64url } from "../../../tracker/protocol/bytes.ts";
import { peerIdFrom } from "../../../tracker/protocol/ids.ts";
import { PROTOCOL_VERSION } from "../../../tracker/protocol/messages.ts";
import { type RunningTracker, startTracker } from "../../../tracker/server.ts";
import { exchange, newSecret, Page } from "./page.ts";
import { OFFER, swarm } from "./stage.ts";

const running: RunningTracker[] = [];
async function started(options: TrackerOptions = {}): Promise<RunningTracker> {
  const tracker = await startTracker({ port: 0, ...options });
  running.push(tracker);
  return tracker;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((tracker) => tracker.close({ graceful: false })));
});

/** The status line that answers an upgrade with these headers. */
async function upgradeStatus(
  tracker: RunningTracker,
  origin: string | undefined,
  path = "/",
): Promise<number> {
  const { status } = await exchange(tracker, path, {
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": randomBytes(16).toString("base64"),
      "sec-websocket-version": "13",
      ...(origin === undefined ? {} : { origin }),
    },
  });
  return status;
}

/** Resolves once the tracker counts so many peers: each look is a round trip, so there is nothing to sleep for. */
async function untilPeers(tracker: RunningTracker, count: number): Promise<void> {
  while (tracker.totals().peers !== count) await exchange(tracker, "/healthz");
}

describe("pages", () => {
  test("join with the id that the SHA-256 of their secret gives them", async () => {
    const secret = newSecret();
    const page = await Page.join(await started(), secret);
    const bytes = fromBase64url(secret) ?? new Uint8Array();
    const hash = createHash("sha256").update(bytes).digest();
    expect(page.heard[0]).toEqual({
      type: "welcome",
      version: PROTOCOL_VERSION,
      peer: peerIdFrom(new Uint8Array(hash)),
      region: "local",
      heartbeatMs: 25_000,
    });
  });

  test("meet, signal both ways, and link", async () => {
    const tracker = await started();
    const ann = await Page.join(tracker);
    const bob = await Page.join(tracker);
    expect((await ann.announce(8, "all")).introductions).toBe(0);
    expect((await bob.announce(8, "none")).introductions).toBe(1);
    const [asAnswerer, asOfferer] = await Promise.all([
      ann.next("introduce"),
      bob.next("introduce"),
    ]);
    expect(asOfferer).toMatchObject({ peer: ann.peerId(), role: "offerer", proximity: "network" });
    expect(asAnswerer).toMatchObject({
      peer: bob.peerId(),
      role: "answerer",
      session: asOfferer.session,
    });
    const { session } = asOfferer;
    bob.say({ type: "signal", to: ann.peerId(), session, signal: OFFER });
    expect(await ann.next("signal")).toEqual({
      type: "signal",
      from: bob.peerId(),
      session,
      signal: OFFER,
    });
    const answer = { kind: "answer", sdp: "v=0\r\ns=-\r\n" } as const;
    ann.say({ type: "signal", to: bob.peerId(), session, signal: answer });
    expect((await bob.next("signal")).signal).toEqual(answer);
    ann.say({ type: "ended", session, outcome: "linked" });
    ann.say({ type: "ping" });
    await ann.next("pong");
    expect(tracker.totals()).toMatchObject({ peers: 2, introductions: 1, links: { made: 1 } });
  });

  test("that vanish are gone for those who were about to meet them", async () => {
    const tracker = await started();
    const ann = await Page.join(tracker);
    await ann.announce(8, "all");
    const bob = await Page.join(tracker);
    await bob.announce(8, "none");
    const { session } = await bob.next("introduce");
    ann.ws.terminate();
    expect(await bob.next("gone")).toEqual({ type: "gone", session });
    await untilPeers(tracker, 1);
  });

  test("that connect again with the same secret replace themselves", async () => {
    const tracker = await started();
    const secret = newSecret();
    const before = await Page.join(tracker, secret);
    const after = await Page.join(tracker, secret);
    expect(await before.next("refused")).toMatchObject({ code: "replaced" });
    expect(await before.closed).toEqual({ code: 1008, reason: "replaced" });
    after.say({ type: "ping" });
    await after.next("pong");
    expect(tracker.totals().peers).toBe(1);
  });

  test("of different sites do not meet", async () => {
    const tracker = await started({ sites: ["https://a.example", "https://b.example"] });
    const joined = async (origin: string) => {
      const page = await Page.open(tracker, origin);
      page.say({ type: "hello", version: PROTOCOL_VERSION, secret: newSecret() });
      return page;
    };
    const ann = await joined("https://a.example");
    await ann.announce(8, "all");
    const bob = await joined("https://b.example");
    expect(await bob.announce(8, "none")).toMatchObject({
      swarms: [{ swarm: swarm("film"), peers: 0 }],
      introductions: 0,
    });
  });

  test("a few hundred fit in from one address, and one more than the limit gets 429", async () => {
    const tracker = await started({ edgeLimits: { connectionsPerAddress: 200 } });
    const pages = await Promise.all(Array.from({ length: 200 }, () => Page.join(tracker)));
    expect(tracker.totals().peers).toBe(200);
    expect(await upgradeStatus(tracker, "http://localhost")).toBe(429);
    await pages[0]?.leave();
    await untilPeers(tracker, 199);
    await Page.join(tracker);
  });

  test("behind a trusted proxy are placed by the address it vouches for", async () => {
    const tracker = await started({ trustProxy: 1 });
    const page = await Page.open(tracker, undefined, { "x-forwarded-for": "8.8.8.8" });
    page.say({ type: "hello", version: PROTOCOL_VERSION, secret: newSecret() });
    expect((await page.next("welcome")).region).toBe("US");
    const untrusting = await started();
    const liar = await Page.open(untrusting, undefined, { "x-forwarded-for": "8.8.8.8" });
    liar.say({ type: "hello", version: PROTOCOL_VERSION, secret: newSecret() });
    expect((await liar.next("welcome")).region).toBe("local");
  });
});

describe("an upgrade", () => {
  test("without any site named is for pages of this machine only", async () => {
    const tracker = await started();
    expect(await upgradeStatus(tracker, "https://example.org")).toBe(403);
    expect(await upgradeStatus(tracker, "null")).toBe(403);
    expect(await upgradeStatus(tracker, undefined)).toBe(403);
    expect(await upgradeStatus(tracker, "http://localhost:8080")).toBe(101);
  });

  test("with sites named is for theirs", async () => {
    const tracker = await started({ sites: ["https://example.org"] });
    expect(await upgradeStatus(tracker, "https://example.org")).toBe(101);
    expect(await upgradeStatus(tracker, "http://localhost")).toBe(403);
  });

  test("at another path is not found, and of another protocol is a bad request", async () => {
    const tracker = await started();
    expect(await upgradeStatus(tracker, "http://localhost", "/other")).toBe(404);
    const { status } = await exchange(tracker, "/", {
      headers: { connection: "Upgrade", upgrade: "h2c", origin: "http://localhost" },
    });
    expect(status).toBe(400);
  });

  test("that fails does not use up the address's connections", async () => {
    const tracker = await started({ edgeLimits: { connectionsPerAddress: 1 } });
    for (let each = 0; each < 3; each++) {
      const { status } = await exchange(tracker, "/", {
        headers: { connection: "Upgrade", upgrade: "websocket", origin: "http://localhost" },
      });
      expect(status).toBe(400);
    }
    await Page.join(tracker);
  });
});

describe("whatever a stranger sends", () => {
  const hostile: readonly (readonly [what: string, frames: readonly (string | Buffer)[]])[] = [
    ["random bytes", Array.from({ length: 5 }, () => randomBytes(200))],
    ["random text", Array.from({ length: 5 }, () => randomBytes(200).toString("base64"))],
    ["deep JSON", Array.from({ length: 5 }, () => "[".repeat(20_000))],
    ["a huge frame", [Buffer.alloc(1024 * 1024)]],
    ["a flood", Array.from({ length: 2000 }, () => '{"type":"ping"}')],
    ["keys of the language", Array.from({ length: 5 }, () => '{"__proto__":{"type":"ping"}}')],
  ];
  test.each(hostile)("%s costs only that stranger the connection", async (_what, frames) => {
    const tracker = await started();
    const honest = await Page.join(tracker);
    const stranger = await Page.join(tracker);
    for (const frame of frames) stranger.ws.send(frame);
    const { code } = await stranger.closed;
    expect([1008, 1009]).toContain(code);
    honest.say({ type: "ping" });
    await honest.next("pong");
    await untilPeers(tracker, 1);
  });

  test("frames that break the protocol, or stop half way, cost only that connection", async () => {
    const tracker = await started();
    const honest = await Page.join(tracker);
    const raw = connect(tracker.port, "127.0.0.1");
    const handshake = [
      "GET / HTTP/1.1",
      "Host: localhost",
      "Origin: http://localhost",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
    ];
    raw.on("error", () => {});
    raw.write(`${handshake.join("\r\n")}\r\n\r\n`);
    await once(raw, "data");
    const closed = once(raw, "close");
    raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await closed;
    const halfway = connect(tracker.port, "127.0.0.1");
    halfway.write(`${handshake.slice(0, 4).join("\r\n")}\r\n`);
    await once(halfway, "connect");
    halfway.resetAndDestroy();
    honest.say({ type: "ping" });
    await honest.next("pong");
  });

  test("a refused upgrade whose sender resets the connection meanwhile hurts nobody", async () => {
    const tracker = await started();
    const upgrade =
      "GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n" +
      "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    const resets = Array.from({ length: 100 }, async () => {
      const raw = connect(tracker.port, "127.0.0.1");
      raw.on("error", () => {});
      await once(raw, "connect");
      raw.write(upgrade, () => raw.resetAndDestroy());
      await once(raw, "close");
    });
    await Promise.all(resets);
    await Page.join(tracker);
  });

  test("a reader that does not read is cut, instead of filling memory", async () => {
    const tracker = await started({
      limits: {
        messages: { burst: 1e6, perSecond: 1e6 },
        messageUnits: { burst: 1e9, perSecond: 1e9 },
        signalsPerSide: 1e6,
      },
    });
    const lazy = await Page.join(tracker);
    await lazy.announce(8, "all");
    const eager = await Page.join(tracker);
    await eager.announce(8, "none");
    const { session } = await eager.next("introduce");
    lazy.ws.pause();
    const signal = { kind: "offer", sdp: `v=0${"x".repeat(12_000)}` } as const;
    let isGone = false;
    const gone = eager.next("gone").then(() => {
      isGone = true;
    });
    while (!isGone) {
      eager.say({ type: "signal", to: lazy.peerId(), session, signal });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await gone;
    expect(tracker.totals().peers).toBe(1);
    lazy.ws.terminate();
  });
});

test("silent pages expire by the tracker's clock", async () => {
  let now = 0;
  const tracker = await started({ clock: { now: () => now }, edgeLimits: { sweepMs: 10 } });
  const page = await Page.join(tracker);
  const mute = await Page.open(tracker);
  now = 10_001;
  expect(await mute.next("refused")).toMatchObject({ code: "hello-first" });
  expect((await mute.closed).code).toBe(1008);
  now = 62_501;
  await page.closed;
  expect(tracker.totals().peers).toBe(0);
});

test("a socket that answers pings stays, one that does not is cut", async () => {
  let now = 0;
  const limits = { silentHeartbeats: 1e6 };
  const tracker = await started({ limits, clock: { now: () => now }, edgeLimits: { sweepMs: 10 } });
  const alive = await Page.join(tracker);
  const url = tracker.url.replace("http", "ws");
  const dead = new Page(new WebSocket(url, { origin: "http://localhost", autoPong: false }));
  await once(dead.ws, "open");
  dead.say({ type: "hello", version: PROTOCOL_VERSION, secret: newSecret() });
  await dead.next("welcome");
  const pinged = Promise.all([once(alive.ws, "ping"), once(dead.ws, "ping")]);
  now = 25_000;
  await pinged;
  // The pong went out before this ping, on the same socket, so it has arrived when the answer is here.
  alive.say({ type: "ping" });
  await alive.next("pong");
  now = 50_000;
  expect((await dead.closed).code).toBe(1006);
  alive.say({ type: "ping" });
  await alive.next("pong");
  expect(tracker.totals().peers).toBe(1);
});

describe("draining", () => {
  test("says goodbye with a moment to return, closes with 1012, and is over", async () => {
    const tracker = await started();
    const pages = await Promise.all(Array.from({ length: 20 }, () => Page.join(tracker)));
    const over = tracker.close({ graceful: true });
    const waits = await Promise.all(
      pages.map(async (page) => (await page.next("bye")).retryAfterMs),
    );
    expect(new Set(waits).size).toBeGreaterThan(15);
    for (const page of pages) expect((await page.closed).code).toBe(1012);
    await over;
    await expect(exchange(tracker, "/healthz")).rejects.toThrow();
    await tracker.close({ graceful: true });
  });

  test("meanwhile is not ready and takes nobody", async () => {
    const tracker = await started({ edgeLimits: { drainMs: 60_000 } });
    const stubborn = await Page.join(tracker);
    expect((await exchange(tracker, "/readyz")).status).toBe(200);
    stubborn.ws.pause();
    const over = tracker.close({ graceful: true });
    expect((await exchange(tracker, "/readyz")).status).toBe(503);
    expect((await exchange(tracker, "/healthz")).status).toBe(200);
    expect(await upgradeStatus(tracker, "http://localhost")).toBe(503);
    stubborn.ws.terminate();
    await over;
  });

  test("cuts who does not answer the closing handshake", async () => {
    const tracker = await started({ edgeLimits: { drainMs: 50, closeMs: 60_000 } });
    const stubborn = await Page.join(tracker);
    stubborn.ws.pause();
    await tracker.close({ graceful: true });
    expect(tracker.totals().peers).toBe(0);
    stubborn.ws.terminate();
  });
});

test("wrong options are an error that names the option, before anything listens", async () => {
  const wrong: readonly (readonly [keyof TrackerOptions, TrackerOptions])[] = [
    ["sites", { sites: ["example.org"] }],
    ["trustProxy", { trustProxy: ["10.0.0.0/99"] }],
    ["regions", { regions: "/nowhere/rules.json" }],
    ["regions", { regions: "LICENSE" }],
    ["geoDb", { geoDb: "package.json" }],
    ["asnDb", { asnDb: "/nowhere/asn.mmdb" }],
  ];
  for (const [option, options] of wrong) {
    const error: unknown = await started(options).then(
      () => "started",
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ option });
  }
});
