// The operator's rules: which subnet is which region, and which regions never meet. Parsed strictly, with the line of
// every mistake, because a mistyped rule that is silently ignored would put an office in the wrong place for months.

import { evaluate, type MemberNode, parse, type ValueNode } from "@humanwhocodes/momoa";
import { MAX_REGION_LENGTH } from "../protocol/messages.ts";
import { parseSubnet, Subnets } from "./address.ts";
import { EVERYONE_ELSE, type Region } from "./where.ts";

export type Rules = Pick<Subnets<Region>, "find">;
export type ParsedRules =
  | { readonly ok: true; readonly rules: Rules }
  | { readonly ok: false; readonly line: number; readonly wrong: string };

export const NO_RULES: Rules = new Subnets<Region>();

/** The one key that is no subnet. */
const BORDERS = "borders";

/**
 * JSON with comments: `{"10.0.0.0/8": "office", "10.7.0.0/16": "depot", "borders": [["office", "depot"]]}`. The
 * longest prefix wins. A border keeps two regions apart; `["depot", "*"]` keeps one apart from everyone else.
 */
export function parseRules(text: string): ParsedRules {
  try {
    return { ok: true, rules: rulesIn(text) };
  } catch (error) {
    if (error instanceof Mistake) return { ok: false, line: error.line, wrong: error.message };
    // Of momoa's errors only the place is of use: its texts quote characters and expect its token names to be known.
    const line = error instanceof Error && "line" in error ? Number(error.line) : 1;
    return { ok: false, line, wrong: "this is not JSON" };
  }
}

class Mistake extends Error {
  readonly line: number;
  constructor(node: ValueNode | MemberNode, wrong: string) {
    super(wrong);
    this.line = node.loc.start.line;
  }
}

/** While they are read, borders are still being drawn. */
type Draft = Region & { readonly barred: Set<string> };

function rulesIn(text: string): Rules {
  const { body } = parse(text, { mode: "jsonc" });
  if (body.type !== "Object") throw new Mistake(body, "this is not an object of subnets and names");
  const regions = new Map<string, Draft>();
  const rules = new Subnets<Region>();
  let borders: ValueNode | undefined;
  const seen = new Set<string>();
  for (const member of body.members) {
    const key = member.name.type === "String" ? member.name.value : member.name.name;
    if (key === BORDERS) borders = member.value;
    const subnet = key === BORDERS ? undefined : subnetOf(member, key);
    // A subnet written in two ways is as much a contradiction as one written twice.
    const same = subnet?.key ?? key;
    if (seen.has(same)) throw new Mistake(member, `${JSON.stringify(key)} is there twice`);
    seen.add(same);
    if (subnet === undefined) continue;
    const name = nameOf(member, key);
    const region = regions.get(name) ?? { name, barred: new Set<string>() };
    regions.set(name, region);
    rules.add(subnet, region);
  }
  if (borders !== undefined) drawBorders(borders, regions);
  return rules;
}

function subnetOf(member: MemberNode, key: string) {
  const subnet = parseSubnet(key);
  if (typeof subnet !== "string") return subnet;
  throw new Mistake(member, `${JSON.stringify(key)} is ${subnet}`);
}

/** Names are told to peers and end up in keys, so no control characters. */
function nameOf(member: MemberNode, cidr: string): string {
  const name: unknown = evaluate(member.value);
  if (
    typeof name === "string" &&
    name.trim() !== "" &&
    name !== EVERYONE_ELSE &&
    name.length <= MAX_REGION_LENGTH &&
    !/\p{C}/u.test(name)
  ) {
    return name;
  }
  const expected = `a text of 1 to ${MAX_REGION_LENGTH} printable characters other than "*"`;
  throw new Mistake(member, `the name of ${cidr} is not ${expected}`);
}

function drawBorders(borders: ValueNode, regions: ReadonlyMap<string, Draft>): void {
  if (borders.type !== "Array") throw new Mistake(borders, '"borders" is not a list');
  for (const { value: border } of borders.elements) {
    const pair: unknown = evaluate(border);
    if (!Array.isArray(pair) || pair.length !== 2 || pair[0] === pair[1]) {
      throw new Mistake(border, 'a border is a list of two regions, such as ["office", "depot"]');
    }
    const [one, other] = pair.map((name: unknown) => {
      const region = typeof name === "string" ? regions.get(name) : undefined;
      if (region !== undefined || name === EVERYONE_ELSE) return region;
      throw new Mistake(border, `no subnet is named ${JSON.stringify(name)}`);
    });
    one?.barred.add(other?.name ?? EVERYONE_ELSE);
    other?.barred.add(one?.name ?? EVERYONE_ELSE);
  }
}
