// The operator's subnet rules: a JSON object of subnet to name. Parsed strictly, because a mistyped rule that is
// silently ignored would put an office in the wrong place for months.

import { MAX_REGION_LENGTH } from "../protocol/messages.ts";
import { parseSubnet, Subnets } from "./address.ts";

export type ParsedRules =
  | { readonly ok: true; readonly rules: Subnets<string> }
  | { readonly ok: false; readonly wrong: string };

/** For example `{"10.0.0.0/8": "office", "10.7.0.0/16": "warehouse"}`; the longest prefix wins. */
export function parseRules(text: string): ParsedRules {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    return { ok: false, wrong: "it is not JSON" };
  }
  if (typeof file !== "object" || file === null || Array.isArray(file)) {
    return { ok: false, wrong: "it is not an object of subnets and names" };
  }
  const rules = new Subnets<string>();
  for (const [cidr, name] of Object.entries(file)) {
    const subnet = parseSubnet(cidr);
    if (typeof subnet === "string") {
      return { ok: false, wrong: `${JSON.stringify(cidr)} is ${subnet}` };
    }
    if (!isName(name)) {
      return {
        ok: false,
        wrong: `the name of ${cidr} is not a text of 1 to ${MAX_REGION_LENGTH} printable characters`,
      };
    }
    rules.add(subnet, name);
  }
  return { ok: true, rules };
}

/** Names are told to peers and end up in keys, so no control characters. */
const isName = (name: unknown): name is string =>
  typeof name === "string" &&
  name.trim() !== "" &&
  name.length <= MAX_REGION_LENGTH &&
  !/\p{C}/u.test(name);
