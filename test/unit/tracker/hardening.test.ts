// What a determined stranger can do to the tracker over real sockets, and how it ends: blocked for a while, cut, and
// nobody else the worse for it.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { DEFAULT_EDGE_LIMITS, DEFAULT_LIMITS } from "../../../tracker/limits.ts";
import type { TrackerOptions } from "../../../tracker/options.ts";
import { PROTOCOL_VERSION } from "../../../tracker/protocol/messages.ts";
import { type RunningTracker, startTracker } from "../../../tracker/server.ts";
import { newSecret, Page } from "./page.ts";

const running: RunningTracker[] = [];
async function started(options: TrackerOptions = {}): Promise<RunningTracker> {
  const tracker = await startTracker({ port: 0, ...options });
  running.push(tracker);
  return tracker;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((tracker) => tracker.close({ graceful: false })));
});

const from = (address: string) => ({ "x-forwarded-for": address });
const knock = (tracker: RunningTracker, address: string) =>
  Page.open(tracker, undefined, from(address));

describe("an address whose connections are ended again and again", () => {
  const offences: readonly (readonly [what: string, code: number, frame: string | Buffer])[] = [
    ["messages that are none", 1008, "?"],
    ["frames that are too large", 1009, Buffer.alloc(DEFAULT_EDGE_LIMITS.messageBytes + 1)],
  ];
  test.each(offences)(
    "for %s is blocked for a while, and nobody else is",
    async (_what, code, frame) => {
      let now = 0;
      const tracker = await started({ trustProxy: 1, clock: { now: () => now } });
      for (let each = 0; each < DEFAULT_LIMITS.household.strikes.burst; each++) {
        const page = await knock(tracker, "198.51.100.1");
        page.say({ type: "hello", version: PROTOCOL_VERSION, secret: newSecret() });
        await page.next("welcome");
        for (let times = 0; times < (code === 1008 ? 5 : 1); times++) page.ws.send(frame);
        expect((await page.closed).code).toBe(code);
      }
      await expect(knock(tracker, "198.51.100.1")).rejects.toThrow("429");
      await knock(tracker, "198.51.100.2");
      now = DEFAULT_LIMITS.household.blockedForMs;
      await knock(tracker, "198.51.100.1");
    },
  );
});

describe("a socket is cut", () => {
  const stranger = async (tracker: RunningTracker) => {
    const page = await Page.join(tracker);
    const closed = once(page.ws, "close");
    return { page, closed };
  };

  test("that floods pings, in whatever portions", async () => {
    const tracker = await started();
    const honest = await Page.join(tracker);
    const { page, closed } = await stranger(tracker);
    const flood = setInterval(() => {
      for (let each = 0; each < 8 && page.ws.readyState === WebSocket.OPEN; each++) page.ws.ping();
    });
    await closed;
    clearInterval(flood);
    honest.say({ type: "ping" });
    await honest.next("pong");
    expect(tracker.totals().peers).toBe(1);
  });

  test("that floods pongs nobody asked for", async () => {
    const tracker = await started();
    const { page, closed } = await stranger(tracker);
    for (let each = 0; each < 400; each++) page.ws.pong();
    expect((await closed)[0]).toBe(1008);
    expect(tracker.totals().violations).toEqual({ rate: 5 });
  });

  test("that cuts a message into more pieces than any browser does", async () => {
    const tracker = await started();
    const { page, closed } = await stranger(tracker);
    for (let each = 0; each <= DEFAULT_EDGE_LIMITS.messageFrames; each++) {
      page.ws.send(" ", { fin: false });
    }
    expect((await closed)[0]).toBe(1008);
    expect(tracker.totals()).toMatchObject({ peers: 0, violations: { "too-large": 1 } });
  });

  /** A socket without a library that would answer goodbyes: it goes on although the other side has ended. */
  async function bare(tracker: RunningTracker) {
    const raw = connect({ port: tracker.port, host: "127.0.0.1", allowHalfOpen: true });
    raw.setNoDelay(true);
    raw.on("error", () => {});
    const key = randomBytes(16).toString("base64");
    raw.write(
      `GET / HTTP/1.1\r\nHost: x\r\nOrigin: http://localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    await once(raw, "data");
    raw.resume();
    let isOpen = true;
    raw.once("close", () => {
      isOpen = false;
    });
    /** Over and over, in a turn each, until the other side has had enough. */
    const goOn = async (bytes: string | Buffer) => {
      while (isOpen) {
        await new Promise((resolve) => raw.write(bytes, resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    return { raw, goOn };
  }

  test("that dribbles one frame in crumbs", async () => {
    const tracker = await started();
    const { raw, goOn } = await bare(tracker);
    // A text frame of 60,000 bytes, of which one comes at a time.
    raw.write(Buffer.from([0x81, 0xfe, 0xea, 0x60, 0, 0, 0, 0]));
    await goOn(" ");
    expect(tracker.totals().violations).toEqual({ "too-large": 1 });
  });

  const MASK = [0, 0, 0, 0];
  test.each([
    ["a frame of 4 GiB", [0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, ...MASK], { "too-large": 1 }],
    ["messages that are none", [0x81, 0x80, ...MASK], { malformed: 5 }],
  ])("that was told goodbye for %s and goes on", async (_what, offence, violations) => {
    // Who waits for an answer to the goodbye would wait, and read, for a minute.
    const tracker = await started({ edgeLimits: { closeMs: 60_000 } });
    const { raw, goOn } = await bare(tracker);
    for (let each = 0; each < 5; each++) raw.write(Buffer.from(offence));
    // Pongs, or what is left of the frame.
    await goOn(Buffer.from([0x8a, 0x80, ...MASK]));
    expect(tracker.totals().violations).toEqual(violations);
  });
});

test("a connection whose other end is gone is found within a minute", () => {
  const { heartbeatMs } = DEFAULT_LIMITS;
  expect(2 * heartbeatMs + 2 * DEFAULT_EDGE_LIMITS.sweepMs).toBeLessThanOrEqual(60_000);
});
