// Writes small databases in MaxMind's format, so that tests read real files with addresses of their choosing. As much
// of the format as that needs (maxmind.github.io/MaxMind-DB, version 2.0): 24-bit records, maps of texts and numbers.

import { parseAddress } from "../../tracker/region/address.ts";

type Fields = Readonly<Record<string, string | number>>;
/** An inner node, where a record lies in the data section, or nothing. */
type Branch = Node | number | undefined;
type Node = [Branch, Branch];

const EXTENDED = 0;
const STRING = 2;
const UINT32 = 6;
const MAP = 7;
const ARRAY = 11;
/** Between the tree and the data. */
const GAP = 16;

/** The bytes of a database; keys are subnets of either family. No subnet may lie in another. */
export function mmdb(records: Readonly<Record<string, Fields>>): Buffer {
  const root: Node = [undefined, undefined];
  const data: Buffer[] = [];
  let size = 0;
  for (const [cidr, fields] of Object.entries(records)) {
    insert(root, bitsOf(cidr), size);
    const record = encode(fields);
    data.push(record);
    size += record.length;
  }
  const nodes = all(root);
  const at = new Map(nodes.map((node, index) => [node, index]));
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [index, node] of nodes.entries()) {
    for (const [side, branch] of node.entries()) {
      let value = nodes.length;
      if (typeof branch === "number") value += GAP + branch;
      else if (branch !== undefined) value = at.get(branch) ?? 0;
      tree.writeUIntBE(value, index * 6 + side * 3, 3);
    }
  }
  const metadata = encode({
    node_count: nodes.length,
    record_size: 24,
    ip_version: 6,
    database_type: "test",
    languages: [],
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 0,
    description: {},
  });
  const marker = Buffer.from("abcdef4d61784d696e642e636f6d", "hex");
  return Buffer.concat([tree, Buffer.alloc(GAP), ...data, marker, metadata]);
}

/** IPv4 lies in the first 2^32 addresses of IPv6. */
function bitsOf(cidr: string): number[] {
  const [host = "", length] = cidr.split("/");
  const address = parseAddress(host);
  if (address === undefined) throw new Error(`${cidr} is no subnet`);
  const bytes = address.toByteArray();
  const leading = 16 - bytes.length;
  const bits = [...new Array<number>(leading).fill(0), ...bytes].flatMap((byte) =>
    [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1),
  );
  return bits.slice(0, leading * 8 + Number(length));
}

function insert(root: Node, bits: readonly number[], record: number): void {
  let node = root;
  for (const [depth, bit] of bits.entries()) {
    const next = node[bit === 0 ? 0 : 1];
    if (typeof next === "number") throw new Error("a subnet lies in another");
    const isLast = depth === bits.length - 1;
    const branch: Branch = isLast ? record : (next ?? [undefined, undefined]);
    node[bit === 0 ? 0 : 1] = branch;
    if (typeof branch === "object") node = branch;
  }
}

const all = (node: Node): Node[] => [
  node,
  ...node.flatMap((branch) => (typeof branch === "object" ? all(branch) : [])),
];

function encode(value: unknown): Buffer {
  if (typeof value === "string") return Buffer.concat([head(STRING, value.length), text(value)]);
  if (typeof value === "number") {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([head(UINT32, 4), bytes]);
  }
  if (Array.isArray(value)) return Buffer.from([EXTENDED, ARRAY - 7]);
  const entries = Object.entries(value as object);
  const parts = entries.flatMap(([key, field]) => [encode(key), encode(field)]);
  return Buffer.concat([head(MAP, entries.length), ...parts]);
}

/** Sizes from 29 on take more bytes in the format; nothing here is that long, and lists are empty. */
const head = (type: number, size: number): Buffer => Buffer.from([(type << 5) | size]);
const text = (value: string): Buffer => Buffer.from(value, "ascii");
