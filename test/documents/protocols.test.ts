// The references of both protocols against the code: every message and every field of it has its row, and no row is left
// over; the parsers refuse what breaks a row; frames built from the tables are the codec's, byte for byte.

import { parseSync } from "vite";
import { describe, expect, test } from "vitest";
import { MAX_DESCRIBES, MAX_STATEMENT_BYTES } from "../../client/core/swarm/descriptions.ts";
import { decode, encodeControl, encodeData } from "../../client/core/wire/codec.ts";
import * as wire from "../../client/core/wire/messages.ts";
import { type Bytes, base64url } from "../../tracker/protocol/bytes.ts";
import type { PeerId, SessionId, SwarmId } from "../../tracker/protocol/ids.ts";
import * as signalling from "../../tracker/protocol/messages.ts";
import { MAX_PURGES_PER_MESSAGE, type PurgeRecord } from "../../tracker/protocol/purge.ts";
import {
  firstColumn,
  read,
  rowsOf,
  section,
  sectionsBelow,
  unionIn,
} from "../support/documents.ts";

const SIGNALLING = "tracker/protocol/README.md";
const WIRE = "client/core/wire/README.md";

interface Shape {
  readonly type: string;
  /** Besides `type`; those that may be left out end in a question mark. */
  readonly fields: readonly string[];
}

type Node = Readonly<Record<string, unknown>>;
const nodes = (value: unknown): readonly Node[] => (Array.isArray(value) ? value : []);
const node = (value: unknown): Node => (value ?? {}) as Node;

/** The objects of a type that a source declares: one of an interface, one for each of a union. */
function shapesIn(path: string, name: string): Shape[] {
  const declared = new Map<unknown, Node>();
  for (const statement of nodes(parseSync(path, read(path)).program.body)) {
    const declaration = node(statement.declaration);
    declared.set(node(declaration.id).name, declaration);
  }
  /** Each a list of properties. */
  function variants(type: Node): (readonly Node[])[] {
    switch (type.type) {
      case "TSUnionType":
        return nodes(type.types).flatMap(variants);
      case "TSIntersectionType": {
        const parts = nodes(type.types).map(variants);
        return [parts.flatMap(([properties = []]) => properties)];
      }
      case "TSParenthesizedType":
        return variants(node(type.typeAnnotation));
      case "TSTypeReference":
        return variants(node(declared.get(node(type.typeName).name)));
      case "TSTypeAliasDeclaration":
        return variants(node(type.typeAnnotation));
      case "TSInterfaceDeclaration":
        return [nodes(node(type.body).body)];
      case "TSTypeLiteral":
        return [nodes(type.members)];
      default:
        throw new Error(`${path}: ${name} has a ${type.type}`);
    }
  }
  return variants(node(declared.get(name))).map((properties) => {
    const named = properties.map((property) => {
      const key = String(node(property.key).name);
      const { literal } = node(node(property.typeAnnotation).typeAnnotation);
      return { key, type: node(literal).value, optional: property.optional === true };
    });
    const type = String(named.find(({ key }) => key === "type")?.type);
    const fields = named.filter(({ key }) => key !== "type");
    return { type, fields: fields.map(({ key, optional }) => key + (optional ? "?" : "")).sort() };
  });
}

/** What a reference says of a direction: a heading for each message, a table of its fields. */
function documented(heading: string): Shape[] {
  return sectionsBelow(SIGNALLING, heading).map(({ title, text }) => ({
    type: title,
    fields: rowsOf(text)
      .map(
        ([field = "", bound = ""]) =>
          field.replaceAll("`", "") + (/optional/.test(bound) ? "?" : ""),
      )
      .sort(),
  }));
}

const byType = (one: Shape, other: Shape): number => (one.type < other.type ? -1 : 1);

test.each([
  ["From the page", "ClientMessage"],
  ["From the tracker", "TrackerMessage"],
])("every message %s and every field of it is in the reference, and no other", (title, name) => {
  const shapes = shapesIn("tracker/protocol/messages.ts", name);
  expect(shapes.length).toBeGreaterThan(5);
  expect(documented(`## ${title}`).sort(byType)).toEqual(shapes.sort(byType));
});

const bytes = (length: number): Bytes => new Uint8Array(length).fill(7);
const peer = base64url(bytes(20)) as PeerId;
const session = base64url(bytes(12)) as SessionId;
const swarm = base64url(bytes(32)) as SwarmId;
const purges = { key: base64url(bytes(65)), epoch: 3 };
const signal = { kind: "candidate", candidate: "", mid: null, line: null } as const;
const record: PurgeRecord = {
  epoch: 3,
  scope: "all",
  what: "",
  soft: false,
  signature: base64url(bytes(64)),
};

type Samples<Message extends { readonly type: string }> = {
  readonly [Type in Message["type"]]: Extract<Message, { type: Type }>;
};
const FROM_PAGE: Samples<signalling.ClientMessage> = {
  hello: { type: "hello", version: 1, secret: peer, region: "here", token: "t", purges },
  announce: { type: "announce", swarms: [{ swarm, holding: "some" }], want: 8 },
  leave: { type: "leave", swarms: [swarm] },
  signal: { type: "signal", to: peer, session, signal },
  ended: { type: "ended", session, outcome: "linked" },
  report: {
    type: "report",
    bytes: { cache: 0, peers: 1, origin: 2, uploaded: 3 },
    poisoned: [peer],
  },
  ping: { type: "ping" },
};
const turn = { urls: ["turn:turn.example.org"], username: "u", credential: "c" };
const FROM_TRACKER: Samples<signalling.TrackerMessage> = {
  welcome: {
    type: "welcome",
    version: 1,
    peer,
    region: "local",
    heartbeatMs: 25_000,
    stunPort: 3478,
    turn,
    purges,
  },
  announced: {
    type: "announced",
    swarms: [{ swarm, peers: 2, holders: 1 }],
    introductions: 1,
    againMs: 60_000,
  },
  introduce: { type: "introduce", peer, session, role: "offerer", proximity: "asn" },
  signal: { type: "signal", from: peer, session, signal },
  gone: { type: "gone", session },
  refused: { type: "refused", code: "rate", detail: "" },
  purged: { type: "purged", records: [record] },
  bye: { type: "bye", retryAfterMs: 5000 },
  pong: { type: "pong" },
};

describe.each([
  ["From the page", FROM_PAGE, signalling.parseClientMessage],
  ["From the tracker", FROM_TRACKER, signalling.parseTrackerMessage],
] as const)("a message %s", (title, samples, parse) => {
  const fields = documented(`## ${title}`).flatMap(({ type, fields }) =>
    fields.map((field) => [type, field.replace("?", ""), field.endsWith("?")] as const),
  );
  test.each(fields)("%s: the parser looks at %s", (type, field, optional) => {
    const sample: object = Object.entries(samples).find(([name]) => name === type)?.[1] ?? {};
    expect(parse(JSON.stringify(sample))).toEqual({ ok: true, message: sample });
    const broken = JSON.stringify({ ...sample, [field]: { odd: true } });
    expect(parse(broken)).toEqual({ ok: false, code: "malformed", detail: `${type}.${field}` });
    const without = JSON.stringify({ ...sample, [field]: undefined });
    expect(parse(without).ok).toBe(optional);
  });
});

test("every refusal is in the reference, and no other", () => {
  const listed = firstColumn(section(SIGNALLING, "## Refusals"));
  expect(listed.sort()).toEqual([...signalling.REFUSALS].sort());
});

test.each([
  [SIGNALLING, { ...signalling, MAX_PURGES_PER_MESSAGE }],
  [WIRE, { ...wire, MAX_DESCRIBES, MAX_STATEMENT_BYTES }],
] as const)("the bounds of %s are the code's", (path, constants) => {
  const known = Object.entries(constants).flatMap(([name, value]) =>
    typeof value === "number" ? [[name, value]] : [],
  );
  const [head = ""] = read(path).split(/\n## /);
  const listed = rowsOf(head).map(([name = "", value = ""]) => [
    name.replaceAll("`", ""),
    Number(value.replaceAll(",", "")),
  ]);
  expect(listed.sort()).toEqual(known.sort());
});

const FRAMES: Samples<wire.ControlMessage> = {
  hello: { type: "hello", version: 1, peer: bytes(20), requests: 32 },
  ask: { type: "ask", handle: 0x1234, content: bytes(32) },
  drop: { type: "drop", handle: 0x1234 },
  availability: { type: "availability", handle: 0x1234, count: 11, bits: bytes(2) },
  delta: { type: "delta", handle: 0x1234, kind: "gone", indices: [1, 0x123456] },
  request: { type: "request", request: 0x12345678, handle: 0x1234, index: 9 },
  reject: { type: "reject", request: 0x12345678, reason: "busy" },
  cancel: { type: "cancel", request: 0x12345678 },
  choke: { type: "choke", on: true },
  ping: { type: "ping", nonce: 0x12345678 },
  pong: { type: "pong", nonce: 0x12345678 },
  bye: { type: "bye", reason: "useless" },
  describe: { type: "describe", request: 0x12345678, offset: 53_248, url: bytes(32) },
  description: { type: "description", request: 0x12345678, total: 9, bytes: bytes(9) },
};
const DATA: wire.DataFrame = { type: "data", request: 0x12345678, part: 4, bytes: bytes(3) };

/** A frame as its table has it. Fails when an offset in the table is not where the fields before it end. */
function builtFrom(table: string, head: readonly number[], message: object): number[] {
  const frame = [...head];
  const number = (value: number, width: number): void => {
    for (let at = width - 1; at >= 0; at--) frame.push(Math.floor(value / 256 ** at) % 256);
  };
  for (const [offset, kind = "", field = "", note = ""] of rowsOf(table)) {
    if (field === "") continue;
    expect(`${field} at ${offset}`).toBe(`${field} at ${frame.length}`);
    const value: unknown = new Map<string, unknown>(Object.entries(message)).get(field);
    if (kind === "bytes") frame.push(...(value as Bytes));
    else if (kind === "u32s") for (const one of value as number[]) number(one, 4);
    else number(typeof value === "number" ? value : codeOf(value, note), Number(kind.slice(1)) / 8);
  }
  return frame;
}
/** `0 have: …; 1 pending: …` */
const codeOf = (value: unknown, note: string): number =>
  Number([...note.matchAll(/\b(\d) (\w+)/g)].find(([, , word]) => word === String(value))?.[1]);

const FRAME_SECTIONS = sectionsBelow(WIRE, "## Frames");

test("every frame has its heading and its fields, and no other has", () => {
  const shapes = ["ControlMessage", "DataFrame"].flatMap((name) =>
    shapesIn("client/core/wire/messages.ts", name),
  );
  const listed = FRAME_SECTIONS.map(({ title, text }) => ({
    type: title.replace(/^\d+ /, ""),
    fields: rowsOf(text)
      .map(([, , field = ""]) => field)
      .filter((field) => field !== "")
      .sort(),
  }));
  expect(listed.sort(byType)).toEqual(shapes.sort(byType));
});

test.each(FRAME_SECTIONS)("a frame built from “$title” is the codec's", ({ title, text }) => {
  const [, number = "", type = ""] = /^(\d+) (\w+)$/.exec(title) ?? [];
  if (type === "data") {
    const frame = builtFrom(text, [Number(number)], DATA);
    expect(frame).toEqual([...encodeData(DATA.request, DATA.part, DATA.bytes)]);
    return;
  }
  const message = Object.values(FRAMES).find((one) => one.type === type);
  if (message === undefined) throw new Error(`no sample of ${type}`);
  const frame = builtFrom(text, [Number(number), 0, 0, 0, 5], message);
  expect(frame).toEqual([...encodeControl(5, message)]);
  expect(decode(new Uint8Array(frame))).toEqual({
    ok: true,
    frame: { type: "control", sequence: 5, message },
  });
});

test("every breach is in the reference, and no other", () => {
  const violations = unionIn("client/core/events.ts", "export type Violation");
  expect(firstColumn(section(WIRE, "## Breaches")).sort()).toEqual(violations.sort());
});
