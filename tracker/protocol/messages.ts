// Every message between a browser and the tracker: types, bounds, and the only two parsers. JSON, one message a
// WebSocket frame. A parser returns a typed message or a refusal naming the field; it never throws.

import {
  isPeerId,
  isProximity,
  isSecret,
  isSessionId,
  isSwarmId,
  type PeerId,
  type Proximity,
  type SessionId,
  type SwarmId,
} from "./ids.ts";
import { arePurgeRecords, isPurgesKnown, type PurgeRecord, type PurgesKnown } from "./purge.ts";

export const PROTOCOL_VERSION = 1;

/** An SDP offer with one data channel and a dozen candidates is 1.5 to 4 KB; 12 KB leaves room for relays. */
export const MAX_SDP_LENGTH = 12 * 1024;
export const MAX_CANDIDATE_LENGTH = 512;
/** One message in UTF-16 units: the largest legal one is a signal with an SDP of newlines, each escaped as two. */
export const MAX_MESSAGE_LENGTH = 32 * 1024;
/** A page joins few swarms (large objects and directories), so 32 in one message is plenty. */
export const MAX_SWARMS_PER_MESSAGE = 32;
export const MAX_WANT = 16;
export const MAX_REGION_LENGTH = 64;
export const MAX_TOKEN_LENGTH = 1024;
/** Bytes a page may claim in one report: an hour at 1 Gbit/s, far above any honest minute. */
export const MAX_REPORTED_BYTES = 450_000_000_000;

/** How much of a swarm's content a peer holds. Seeds are not introduced to seeds. */
export type Holding = "none" | "some" | "all";

export type Signal =
  | { readonly kind: "offer" | "answer"; readonly sdp: string }
  | {
      readonly kind: "candidate";
      readonly candidate: string;
      readonly mid: string | null;
      readonly line: number | null;
    };

export interface ByteReport {
  readonly cache: number;
  readonly peers: number;
  readonly origin: number;
  readonly uploaded: number;
}

export type ClientMessage =
  /** First message. The tracker derives the peer id from the secret, so nobody else can claim it. */
  | {
      readonly type: "hello";
      readonly version: number;
      readonly secret: string;
      readonly region?: string;
      readonly token?: string;
      /** The purges of this signer that the page knows already. */
      readonly purges?: PurgesKnown;
    }
  /** Joins the swarms (or refreshes what is held) and asks for up to `want` introductions in all. */
  | {
      readonly type: "announce";
      readonly swarms: readonly { readonly swarm: SwarmId; readonly holding: Holding }[];
      readonly want: number;
    }
  | { readonly type: "leave"; readonly swarms: readonly SwarmId[] }
  | {
      readonly type: "signal";
      readonly to: PeerId;
      readonly session: SessionId;
      readonly signal: Signal;
    }
  /** What became of an introduction; ends its right to signals. */
  | {
      readonly type: "ended";
      readonly session: SessionId;
      readonly outcome: "linked" | "failed" | "declined";
    }
  /** Bytes since the last report, by source; `poisoned` names peers whose chunks had wrong digests. */
  | {
      readonly type: "report";
      readonly bytes: ByteReport;
      readonly poisoned: readonly PeerId[];
    }
  | { readonly type: "ping" };

export const REFUSALS = [
  "malformed",
  "too-large",
  "hello-first",
  "version",
  "token",
  "rate",
  "swarms",
  "unknown-session",
  "replaced",
] as const;
export type RefusalCode = (typeof REFUSALS)[number];

/** A relay of the operator's, with credentials for this visit (RFC 8656). */
export interface TurnServer {
  readonly urls: readonly string[];
  readonly username: string;
  readonly credential: string;
}

/** What helps two browsers find a way to each other. */
export interface Servers {
  /** Of the tracker's own STUN server, at the host under which the page knows the tracker. */
  readonly stunPort?: number;
  readonly turn?: TurnServer;
}

/** The others in a swarm, and how many of them hold anything of it. */
export interface SwarmCount {
  readonly swarm: SwarmId;
  readonly peers: number;
  readonly holders: number;
}

export type TrackerMessage =
  | ({
      readonly type: "welcome";
      readonly version: number;
      readonly peer: PeerId;
      readonly region: string;
      readonly heartbeatMs: number;
      /** The tracker's signing key, and the epoch of its latest purge (0: none): what is unknown of them follows. */
      readonly purges?: PurgesKnown;
    } & Servers)
  /** Answers an announce: who else is there, and how many introductions are under way because of it. */
  | {
      readonly type: "announced";
      readonly swarms: readonly SwarmCount[];
      readonly introductions: number;
      readonly againMs: number;
    }
  | {
      readonly type: "introduce";
      readonly peer: PeerId;
      readonly session: SessionId;
      readonly role: "offerer" | "answerer";
      readonly proximity: Proximity;
    }
  | {
      readonly type: "signal";
      readonly from: PeerId;
      readonly session: SessionId;
      readonly signal: Signal;
    }
  /** The other side of an introduction left before the link was made. */
  | { readonly type: "gone"; readonly session: SessionId }
  | { readonly type: "refused"; readonly code: RefusalCode; readonly detail: string }
  /** Signed with the key in `welcome`, by rising epoch. */
  | { readonly type: "purged"; readonly records: readonly PurgeRecord[] }
  /** The tracker is going away; come back after so long. */
  | { readonly type: "bye"; readonly retryAfterMs: number }
  | { readonly type: "pong" };

export type Parsed<Message> =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly code: "malformed" | "too-large"; readonly detail: string };

type Fields = Readonly<Record<string, unknown>>;

const isCount = (value: unknown, most: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
const isText = (value: unknown, most: number): value is string =>
  typeof value === "string" && value.length <= most;
const isList = (value: unknown, most: number): value is readonly unknown[] =>
  Array.isArray(value) && value.length <= most;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function wrong(detail: string): { ok: false; code: "malformed"; detail: string } {
  return { ok: false, code: "malformed", detail };
}

/** Tagged, never told apart by shape: a stranger's object may look like a refusal. */
function fieldsOf(text: string): Parsed<Fields> {
  if (text.length > MAX_MESSAGE_LENGTH) {
    return {
      ok: false,
      code: "too-large",
      detail: `a message may have ${MAX_MESSAGE_LENGTH} units`,
    };
  }
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? { ok: true, message: value } : wrong("a message is a JSON object");
  } catch {
    return wrong("a message is a JSON object");
  }
}

/** Control characters other than line ends have no place in SDP (RFC 8866, section 5). */
const isSdp = (value: unknown): value is string =>
  isText(value, MAX_SDP_LENGTH) && value.startsWith("v=0") && !/^m=(audio|video)/m.test(value);

/** `undefined` when it is none, or out of bounds. */
export function signalOf(value: unknown): Signal | undefined {
  if (!isFields(value)) return undefined;
  const { kind, sdp, candidate, mid, line } = value;
  if (kind === "offer" || kind === "answer") return isSdp(sdp) ? { kind, sdp } : undefined;
  if (kind !== "candidate" || !isText(candidate, MAX_CANDIDATE_LENGTH)) return undefined;
  if (mid !== null && !isText(mid, 64)) return undefined;
  if (line !== null && !isCount(line, 64)) return undefined;
  return { kind, candidate, mid, line };
}

export function parseClientMessage(text: string): Parsed<ClientMessage> {
  const fields = fieldsOf(text);
  if (!fields.ok) return fields;
  const message = clientMessageOf(fields.message);
  return typeof message === "string" ? wrong(message) : { ok: true, message };
}

/** The message, or the name of the field that is wrong. */
function clientMessageOf(fields: Fields): ClientMessage | string {
  switch (fields.type) {
    case "hello": {
      const { version, secret, region, token, purges } = fields;
      if (!isCount(version, 65_535)) return "hello.version";
      if (!isSecret(secret)) return "hello.secret";
      if (region !== undefined && !isText(region, MAX_REGION_LENGTH)) return "hello.region";
      if (token !== undefined && !isText(token, MAX_TOKEN_LENGTH)) return "hello.token";
      if (purges !== undefined && !isPurgesKnown(purges)) return "hello.purges";
      return {
        type: "hello",
        version,
        secret,
        ...(purges === undefined ? {} : { purges }),
        ...(region === undefined ? {} : { region }),
        ...(token === undefined ? {} : { token }),
      };
    }
    case "announce": {
      const { swarms, want } = fields;
      if (!isCount(want, MAX_WANT)) return "announce.want";
      if (!isList(swarms, MAX_SWARMS_PER_MESSAGE) || swarms.length === 0) return "announce.swarms";
      const joined: { swarm: SwarmId; holding: Holding }[] = [];
      for (const entry of swarms) {
        if (!isFields(entry) || !isSwarmId(entry.swarm)) return "announce.swarms";
        const { swarm, holding } = entry;
        if (holding !== "none" && holding !== "some" && holding !== "all") return "announce.swarms";
        joined.push({ swarm, holding });
      }
      return { type: "announce", swarms: joined, want };
    }
    case "leave": {
      const { swarms } = fields;
      if (!isList(swarms, MAX_SWARMS_PER_MESSAGE) || !swarms.every(isSwarmId))
        return "leave.swarms";
      return { type: "leave", swarms };
    }
    case "signal": {
      const { to, session } = fields;
      const signal = signalOf(fields.signal);
      if (!isPeerId(to)) return "signal.to";
      if (!isSessionId(session)) return "signal.session";
      if (signal === undefined) return "signal.signal";
      return { type: "signal", to, session, signal };
    }
    case "ended": {
      const { session, outcome } = fields;
      if (!isSessionId(session)) return "ended.session";
      if (outcome !== "linked" && outcome !== "failed" && outcome !== "declined")
        return "ended.outcome";
      return { type: "ended", session, outcome };
    }
    case "report": {
      const { bytes, poisoned } = fields;
      if (!isFields(bytes)) return "report.bytes";
      const { cache, peers, origin, uploaded } = bytes;
      if (
        !isCount(cache, MAX_REPORTED_BYTES) ||
        !isCount(peers, MAX_REPORTED_BYTES) ||
        !isCount(origin, MAX_REPORTED_BYTES) ||
        !isCount(uploaded, MAX_REPORTED_BYTES)
      ) {
        return "report.bytes";
      }
      if (!isList(poisoned, MAX_WANT) || !poisoned.every(isPeerId)) return "report.poisoned";
      return { type: "report", bytes: { cache, peers, origin, uploaded }, poisoned };
    }
    case "ping":
      return { type: "ping" };
    default:
      return "type";
  }
}

export function parseTrackerMessage(text: string): Parsed<TrackerMessage> {
  const fields = fieldsOf(text);
  if (!fields.ok) return fields;
  const message = trackerMessageOf(fields.message);
  return typeof message === "string" ? wrong(message) : { ok: true, message };
}

/** The same relay by UDP, TCP and TLS is three; browsers slow down and warn at five servers. */
export const MAX_TURN_URLS = 4;
const MAX_TURN_LENGTH = 256;
/** RFC 7065: scheme, host, port, transport; no names or paths. */
export const isTurnUrl = (value: unknown): value is string =>
  isText(value, MAX_TURN_LENGTH) &&
  /^turns?:(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?(\?transport=(udp|tcp))?$/i.test(value);

function turnOf(value: unknown): TurnServer | undefined {
  if (!isFields(value)) return undefined;
  const { urls, username, credential } = value;
  if (!isList(urls, MAX_TURN_URLS) || urls.length === 0 || !urls.every(isTurnUrl)) return undefined;
  if (!isText(username, MAX_TURN_LENGTH) || !isText(credential, MAX_TURN_LENGTH)) return undefined;
  return { urls, username, credential };
}

/** Waits the tracker may ask for: an hour at most, so that a bad value cannot silence a client for good. */
const MAX_WAIT_MS = 3_600_000;

function trackerMessageOf(fields: Fields): TrackerMessage | string {
  switch (fields.type) {
    case "welcome": {
      const { version, peer, region, heartbeatMs, stunPort, purges } = fields;
      if (!isCount(version, 65_535)) return "welcome.version";
      if (!isPeerId(peer)) return "welcome.peer";
      if (!isText(region, MAX_REGION_LENGTH)) return "welcome.region";
      if (!isCount(heartbeatMs, MAX_WAIT_MS) || heartbeatMs < 1000) return "welcome.heartbeatMs";
      if (stunPort !== undefined && !isCount(stunPort, 65_535)) return "welcome.stunPort";
      const turn = fields.turn === undefined ? undefined : turnOf(fields.turn);
      if (fields.turn !== undefined && turn === undefined) return "welcome.turn";
      if (purges !== undefined && !isPurgesKnown(purges)) return "welcome.purges";
      return {
        type: "welcome",
        version,
        peer,
        region,
        heartbeatMs,
        ...(stunPort === undefined ? {} : { stunPort }),
        ...(turn === undefined ? {} : { turn }),
        ...(purges === undefined ? {} : { purges }),
      };
    }
    case "announced": {
      const { swarms, introductions, againMs } = fields;
      if (!isCount(introductions, MAX_WANT)) return "announced.introductions";
      if (!isCount(againMs, MAX_WAIT_MS) || againMs < 1000) return "announced.againMs";
      if (!isList(swarms, MAX_SWARMS_PER_MESSAGE)) return "announced.swarms";
      const counted: SwarmCount[] = [];
      for (const entry of swarms) {
        if (!isFields(entry) || !isSwarmId(entry.swarm)) return "announced.swarms";
        const { swarm, peers, holders } = entry;
        if (!isCount(peers, Number.MAX_SAFE_INTEGER)) return "announced.swarms";
        if (!isCount(holders, peers)) return "announced.swarms";
        counted.push({ swarm, peers, holders });
      }
      return { type: "announced", swarms: counted, introductions, againMs };
    }
    case "introduce": {
      const { peer, session, role, proximity } = fields;
      if (!isPeerId(peer)) return "introduce.peer";
      if (!isSessionId(session)) return "introduce.session";
      if (role !== "offerer" && role !== "answerer") return "introduce.role";
      if (!isProximity(proximity)) return "introduce.proximity";
      return { type: "introduce", peer, session, role, proximity };
    }
    case "signal": {
      const { from, session } = fields;
      const signal = signalOf(fields.signal);
      if (!isPeerId(from)) return "signal.from";
      if (!isSessionId(session)) return "signal.session";
      if (signal === undefined) return "signal.signal";
      return { type: "signal", from, session, signal };
    }
    case "gone": {
      const { session } = fields;
      return isSessionId(session) ? { type: "gone", session } : "gone.session";
    }
    case "refused": {
      const { code, detail } = fields;
      if (!REFUSALS.includes(code as RefusalCode)) return "refused.code";
      if (!isText(detail, 256)) return "refused.detail";
      return { type: "refused", code: code as RefusalCode, detail };
    }
    case "purged": {
      const { records } = fields;
      return arePurgeRecords(records) ? { type: "purged", records } : "purged.records";
    }
    case "bye": {
      const { retryAfterMs } = fields;
      return isCount(retryAfterMs, MAX_WAIT_MS)
        ? { type: "bye", retryAfterMs }
        : "bye.retryAfterMs";
    }
    case "pong":
      return { type: "pong" };
    default:
      return "type";
  }
}
