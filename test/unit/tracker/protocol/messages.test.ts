// The two message parsers: what one side may say arrives unchanged, anything else is refused by name, nothing throws.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base64url } from "../../../../tracker/protocol/bytes.ts";
import {
  isPeerId,
  isSessionId,
  isSwarmId,
  PEER_ID_BYTES,
  PROXIMITIES,
  SECRET_BYTES,
  SESSION_ID_BYTES,
  SWARM_ID_BYTES,
} from "../../../../tracker/protocol/ids.ts";
import {
  type ClientMessage,
  MAX_CANDIDATE_LENGTH,
  MAX_MESSAGE_LENGTH,
  MAX_REGION_LENGTH,
  MAX_REPORTED_BYTES,
  MAX_SDP_LENGTH,
  MAX_SWARMS_PER_MESSAGE,
  MAX_TOKEN_LENGTH,
  MAX_WANT,
  parseClientMessage,
  parseTrackerMessage,
  REFUSALS,
  type Signal,
  type TrackerMessage,
} from "../../../../tracker/protocol/messages.ts";

const zeros = (count: number) => base64url(new Uint8Array(count));
const idOf = <Id extends string>(
  count: number,
  isId: (value: unknown) => value is Id,
): fc.Arbitrary<Id> =>
  fc
    .uint8Array({ minLength: count, maxLength: count })
    .map((bytes) => base64url(Uint8Array.from(bytes)))
    .filter((text): text is Id => isId(text));
const peer = idOf(PEER_ID_BYTES, isPeerId);
const swarm = idOf(SWARM_ID_BYTES, isSwarmId);
const session = idOf(SESSION_ID_BYTES, isSessionId);
const secret = fc
  .uint8Array({ minLength: SECRET_BYTES, maxLength: SECRET_BYTES })
  .map((bytes) => base64url(Uint8Array.from(bytes)));
const version = fc.nat(65_535);
const want = fc.nat(MAX_WANT);
const bytes = fc.nat(1_000_000);
const wait = fc.integer({ min: 1000, max: 3_600_000 });
const swarmList = fc.array(swarm, { maxLength: MAX_SWARMS_PER_MESSAGE });

const sdp = fc.string({ maxLength: 200 }).map((text) => `v=0\r\n${text.replaceAll("m=", "")}`);
const signal: fc.Arbitrary<Signal> = fc.oneof(
  fc.record({ kind: fc.constantFrom("offer" as const, "answer" as const), sdp }),
  fc.record({
    kind: fc.constant("candidate" as const),
    candidate: fc.string({ maxLength: MAX_CANDIDATE_LENGTH }),
    mid: fc.option(fc.string({ maxLength: 64 })),
    line: fc.option(fc.nat(64)),
  }),
);

const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc.record(
    {
      type: fc.constant("hello" as const),
      version,
      secret,
      region: fc.string({ maxLength: MAX_REGION_LENGTH }),
      token: fc.string({ maxLength: 100 }),
    },
    { requiredKeys: ["type", "version", "secret"] },
  ),
  fc.record({
    type: fc.constant("announce" as const),
    swarms: fc.array(
      fc.record({ swarm, holding: fc.constantFrom("none" as const, "some", "all") }),
      { minLength: 1, maxLength: MAX_SWARMS_PER_MESSAGE },
    ),
    want,
  }),
  fc.record({ type: fc.constant("leave" as const), swarms: swarmList }),
  fc.record({ type: fc.constant("signal" as const), to: peer, session, signal }),
  fc.record({
    type: fc.constant("ended" as const),
    session,
    outcome: fc.constantFrom("linked" as const, "failed", "declined"),
  }),
  fc.record({
    type: fc.constant("report" as const),
    bytes: fc.record({ cache: bytes, peers: bytes, origin: bytes, uploaded: bytes }),
    poisoned: fc.array(peer, { maxLength: MAX_WANT }),
  }),
  fc.record({ type: fc.constant("ping" as const) }),
);

const trackerMessage: fc.Arbitrary<TrackerMessage> = fc.oneof(
  fc.record(
    {
      type: fc.constant("welcome" as const),
      version,
      peer,
      region: fc.string({ maxLength: MAX_REGION_LENGTH }),
      heartbeatMs: wait,
      stunPort: fc.nat(65_535),
      turn: fc.record({
        urls: fc.array(
          fc.constantFrom("turn:a.example", "turns:[::1]:443?transport=tcp", "TURN:1.2.3.4:3478"),
          { minLength: 1, maxLength: 4 },
        ),
        username: fc.string({ maxLength: 256 }),
        credential: fc.string({ maxLength: 256 }),
      }),
    },
    { requiredKeys: ["type", "version", "peer", "region", "heartbeatMs"] },
  ),
  fc.record({
    type: fc.constant("announced" as const),
    swarms: fc.array(
      fc.tuple(swarm, fc.maxSafeNat(), fc.maxSafeNat()).map(([id, one, other]) => ({
        swarm: id,
        peers: Math.max(one, other),
        holders: Math.min(one, other),
      })),
      { maxLength: MAX_SWARMS_PER_MESSAGE },
    ),
    introductions: want,
    againMs: wait,
  }),
  fc.record({
    type: fc.constant("introduce" as const),
    peer,
    session,
    role: fc.constantFrom("offerer" as const, "answerer"),
    proximity: fc.constantFrom(...PROXIMITIES),
  }),
  fc.record({ type: fc.constant("signal" as const), from: peer, session, signal }),
  fc.record({ type: fc.constant("gone" as const), session }),
  fc.record({
    type: fc.constant("refused" as const),
    code: fc.constantFrom(...REFUSALS),
    detail: fc.string({ maxLength: 256 }),
  }),
  fc.record({ type: fc.constant("bye" as const), retryAfterMs: fc.nat(3_600_000) }),
  fc.record({ type: fc.constant("pong" as const) }),
);

const sides = [
  ["a browser's", clientMessage, parseClientMessage],
  ["the tracker's", trackerMessage, parseTrackerMessage],
] as const;

describe.each(sides)("%s message", (_, message, parse) => {
  const arbitrary: fc.Arbitrary<ClientMessage | TrackerMessage> = message;

  test("arrives as it was sent", () => {
    fc.assert(
      fc.property(arbitrary, (sent) => {
        fc.pre(JSON.stringify(sent).length <= MAX_MESSAGE_LENGTH);
        expect(parse(JSON.stringify(sent))).toEqual({ ok: true, message: sent });
      }),
    );
  });

  test("loses whatever nobody asked for", () => {
    fc.assert(
      fc.property(arbitrary, (sent) => {
        const more = JSON.stringify({ ...sent, extra: "x", ["__proto__"]: { admin: true } });
        fc.pre(more.length <= MAX_MESSAGE_LENGTH);
        expect(parse(more)).toEqual({ ok: true, message: sent });
      }),
    );
  });

  test("never makes the parser throw, however it was damaged", () => {
    fc.assert(
      fc.property(
        arbitrary,
        fc.nat(),
        fc.string({ unit: "binary", maxLength: 3 }),
        fc.nat(3),
        (sent, place, put, cut) => {
          const text = JSON.stringify(sent);
          const at = place % text.length;
          const parsed = parse(text.slice(0, at) + put + text.slice(at + cut));
          if (!parsed.ok) expect(parsed.detail.length).toBeLessThanOrEqual(256);
        },
      ),
    );
  });

  test("never makes the parser throw when a field holds any value, and is refused by that name", () => {
    fc.assert(
      fc.property(arbitrary, fc.nat(), fc.jsonValue(), (sent, place, value) => {
        const names = Object.keys(sent);
        const name = names[place % names.length] ?? "type";
        const parsed = parse(JSON.stringify({ ...sent, [name]: value }));
        if (!parsed.ok && parsed.code === "malformed") {
          expect([name, `${sent.type}.${name}`]).toContain(parsed.detail);
        }
      }),
    );
  });

  test("is refused when a field is missing", () => {
    fc.assert(
      fc.property(arbitrary, fc.nat(), (sent, place) => {
        const optional = ["region", "token", "stunPort", "turn"];
        const names = Object.keys(sent).filter((name) => !optional.includes(name));
        const name = names[place % names.length];
        // The region is optional in a hello; a welcome always has one.
        const parsed = parse(JSON.stringify({ ...sent, [name ?? ""]: undefined }));
        expect(parsed.ok).toBe(false);
      }),
    );
  });

  test("is not taken from the other side", () => {
    const foreign = parse === parseClientMessage ? trackerMessage : clientMessage;
    fc.assert(
      fc.property(foreign as fc.Arbitrary<ClientMessage | TrackerMessage>, (sent) => {
        expect(parse(JSON.stringify(sent)).ok).toBe(false);
      }),
    );
  });

  test.each(["", "null", "[]", "7", '"ping"', "{", "{}", '{"type":"constructor"}'])(
    "is never %j",
    (text) => {
      expect(parse(text)).toMatchObject({ ok: false, code: "malformed" });
    },
  );

  test("that looks like a refusal is refused for what it is", () => {
    const text = JSON.stringify({ ok: false, code: "too-large", detail: "x".repeat(1000) });
    expect(parse(text)).toEqual({ ok: false, code: "malformed", detail: "type" });
  });

  test("is measured before it is read", () => {
    const text = `{"type":"p${parse === parseClientMessage ? "i" : "o"}ng"}`;
    expect(parse(text.padEnd(MAX_MESSAGE_LENGTH)).ok).toBe(true);
    expect(parse(text.padEnd(MAX_MESSAGE_LENGTH + 1))).toMatchObject({ code: "too-large" });
  });
});

const offer = (text: string) => ({ kind: "offer", sdp: `v=0${text}` });
const candidate = { kind: "candidate", candidate: "", mid: null, line: null };
const hello = { type: "hello", version: 1, secret: zeros(SECRET_BYTES) };
const report = { cache: 0, peers: 0, origin: 0, uploaded: 0 };
const toPeer = { to: zeros(PEER_ID_BYTES), session: zeros(SESSION_ID_BYTES) };
const carrying = (value: unknown) => ({ type: "signal", ...toPeer, signal: value });
const announcing = (count: number) => ({
  type: "announce",
  swarms: Array.from({ length: count }, () => ({ swarm: zeros(SWARM_ID_BYTES), holding: "all" })),
  want: 0,
});

describe("a browser's bounds", () => {
  test.each([
    ["region", (at: number) => ({ ...hello, region: "r".repeat(at) }), MAX_REGION_LENGTH],
    ["token", (at: number) => ({ ...hello, token: "t".repeat(at) }), MAX_TOKEN_LENGTH],
    ["version", (at: number) => ({ ...hello, version: at }), 65_535],
    ["swarms in an announce", announcing, MAX_SWARMS_PER_MESSAGE],
    [
      "swarms in a leave",
      (at: number) => ({ type: "leave", swarms: new Array(at).fill(zeros(SWARM_ID_BYTES)) }),
      MAX_SWARMS_PER_MESSAGE,
    ],
    ["wanted introductions", (at: number) => ({ ...announcing(1), want: at }), MAX_WANT],
    ["SDP", (at: number) => carrying(offer("x".repeat(at - 3))), MAX_SDP_LENGTH],
    [
      "candidate",
      (at: number) => carrying({ ...candidate, candidate: "c".repeat(at) }),
      MAX_CANDIDATE_LENGTH,
    ],
    ["mid", (at: number) => carrying({ ...candidate, mid: "m".repeat(at) }), 64],
    ["line", (at: number) => carrying({ ...candidate, line: at }), 64],
    [
      "reported bytes",
      (at: number) => ({ type: "report", bytes: { ...report, peers: at }, poisoned: [] }),
      MAX_REPORTED_BYTES,
    ],
    [
      "poisoners",
      (at: number) => ({
        type: "report",
        bytes: report,
        poisoned: new Array(at).fill(zeros(PEER_ID_BYTES)),
      }),
      MAX_WANT,
    ],
  ])("%s: as much as allowed, and not one more", (_, make, most) => {
    expect(parseClientMessage(JSON.stringify(make(most))).ok).toBe(true);
    expect(parseClientMessage(JSON.stringify(make(most + 1))).ok).toBe(false);
  });

  test.each([
    ["an announce without swarms", announcing(0)],
    ["a session description that is none", carrying({ kind: "offer", sdp: "o=0" })],
    ["a call", carrying(offer("\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111"))],
    ["a video call", carrying(offer("\r\nm=video 9 UDP/TLS/RTP/SAVPF 96"))],
    ["a renegotiation", carrying({ kind: "renegotiate" })],
    ["a negative count", { type: "report", bytes: { ...report, cache: -1 }, poisoned: [] }],
    ["half a byte", { type: "report", bytes: { ...report, origin: 0.5 }, poisoned: [] }],
    ["a secret that is too short", { ...hello, secret: zeros(SECRET_BYTES - 1) }],
    ["a recipient that is no peer id", { ...carrying(candidate), to: "*" }],
  ])("refuses %s", (_, message) => {
    expect(parseClientMessage(JSON.stringify(message))).toMatchObject({ code: "malformed" });
  });

  test("the largest session description fits in a message even when every unit is escaped", () => {
    const text = JSON.stringify(carrying(offer("\n".repeat(MAX_SDP_LENGTH - 3))));
    expect(text.length).toBeLessThanOrEqual(MAX_MESSAGE_LENGTH);
    expect(parseClientMessage(text).ok).toBe(true);
  });
});

describe("a relay in a welcome", () => {
  const relay = { urls: ["turn:turn.example.org:3478"], username: "u", credential: "c" };
  const saying = (turn: unknown) => {
    const peer = zeros(PEER_ID_BYTES);
    const welcome = { type: "welcome", version: 1, peer, region: "", heartbeatMs: 25_000, turn };
    return parseTrackerMessage(JSON.stringify(welcome)).ok;
  };

  test("is taken with all it needs", () => expect(saying(relay)).toBe(true));

  test.each([
    ["null", null],
    ["a text", "turn:turn.example.org"],
    ["no address", { ...relay, urls: [] }],
    ["too many addresses", { ...relay, urls: Array(5).fill(relay.urls[0]) }],
    ["somebody's web site", { ...relay, urls: ["https://turn.example.org"] }],
    ["a STUN server", { ...relay, urls: ["stun:stun.example.org"] }],
    ["a path", { ...relay, urls: ["turn:turn.example.org/path"] }],
    ["a long address", { ...relay, urls: [`turn:${"x".repeat(256)}`] }],
    ["no name", { urls: relay.urls, credential: "c" }],
    ["no password", { urls: relay.urls, username: "u" }],
    ["a long password", { ...relay, credential: "x".repeat(257) }],
  ])("is refused with %s", (_what, turn) => expect(saying(turn)).toBe(false));
});

describe("the tracker's bounds", () => {
  const welcome = { type: "welcome", version: 1, peer: zeros(PEER_ID_BYTES), region: "" };
  const announced = { type: "announced", swarms: [], introductions: 0 };
  test.each([
    ["STUN port", (at: number) => ({ ...welcome, heartbeatMs: 1000, stunPort: at }), 0, 65_535],
    ["heartbeat", (at: number) => ({ ...welcome, heartbeatMs: at }), 1000, 3_600_000],
    ["next announce", (at: number) => ({ ...announced, againMs: at }), 1000, 3_600_000],
    ["retry", (at: number) => ({ type: "bye", retryAfterMs: at }), 0, 3_600_000],
    [
      "introductions",
      (at: number) => ({ ...announced, againMs: 1000, introductions: at }),
      0,
      MAX_WANT,
    ],
  ])("%s: within its limits, and not one beyond", (_, make, least, most) => {
    expect(parseTrackerMessage(JSON.stringify(make(least))).ok).toBe(true);
    expect(parseTrackerMessage(JSON.stringify(make(most))).ok).toBe(true);
    expect(parseTrackerMessage(JSON.stringify(make(least - 1))).ok).toBe(false);
    expect(parseTrackerMessage(JSON.stringify(make(most + 1))).ok).toBe(false);
  });

  test.each([
    ["an unknown refusal", { type: "refused", code: "because", detail: "" }],
    ["a long excuse", { type: "refused", code: "rate", detail: "x".repeat(257) }],
    [
      "an unknown proximity",
      {
        type: "introduce",
        peer: zeros(PEER_ID_BYTES),
        session: zeros(SESSION_ID_BYTES),
        role: "offerer",
        proximity: "street",
      },
    ],
  ])("refuses %s", (_, message) => {
    expect(parseTrackerMessage(JSON.stringify(message))).toMatchObject({ code: "malformed" });
  });
});
