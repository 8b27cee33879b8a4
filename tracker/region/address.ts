// IP addresses as this tracker compares them: parsed strictly, IPv4 in IPv6 clothes undressed, and subnets matched
// by longest prefix. Never logs or keeps an address.

import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** `undefined` for anything but one address: no ports, names, or historical spellings such as 0x7f.1. */
export function parseAddress(text: string): Address | undefined {
  const kind = isIP(text);
  if (kind === 0) return undefined;
  // What most connections are, without the library's patterns: every one of them passes here.
  const plain = kind === 4 ? text : /^::ffff:([\d.]+)$/i.exec(text)?.[1];
  if (plain !== undefined) return new ipaddr.IPv4(plain.split(".").map(Number));
  // The zone (fe80::1%eth0) names our own interface, not the peer. And a dual-stack socket reports 192.0.2.1 as
  // ::ffff:192.0.2.1, while databases and rules know only the former.
  return ipaddr.process(text.replace(/%.*$/, ""));
}

/** One address, or all that share its first bits, as a key to compare by. */
export function prefixOf(address: Address, bits: number): string {
  const bytes = address.toByteArray();
  let kept = "";
  for (let at = 0; at < bytes.length; at++) {
    const left = Math.min(8, Math.max(0, bits - at * 8));
    kept += HEX[(bytes[at] ?? 0) & (0xff << (8 - left)) & 0xff];
  }
  return `${address.kind()}/${bits} ${kept}`;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A household or an office: one IPv4 address, one IPv6 /64. What limits per address count by. */
export const householdOf = (address: Address): string =>
  prefixOf(address, address.kind() === "ipv4" ? 32 : 64);

/** Whose allowance it is: its household's; of all whose address cannot be read (a socket closed in the same moment) together. */
export const allowanceKeyOf = (address: Address | undefined): string =>
  address === undefined ? "unknown" : householdOf(address);

/** Its neighbours at the provider: /24, or /48. */
export const neighbourhoodOf = (address: Address): string =>
  prefixOf(address, address.kind() === "ipv4" ? 24 : 48);

const LOCAL_RANGES = new Set([
  "loopback",
  "private",
  "linkLocal",
  "uniqueLocal",
  "carrierGradeNat",
  "unspecified",
]);
/** This machine, or a network without public addresses: whoever reaches us from there is in our own network. */
export const isLocal = (address: Address): boolean => LOCAL_RANGES.has(address.range());

/** A subnet such as `10.0.0.0/8` or `2001:db8::/32`, or one address. */
export interface Subnet {
  readonly bits: number;
  readonly key: string;
}

/** The subnet, or what is wrong with the text. */
export function parseSubnet(text: string): Subnet | string {
  const [host = "", length, ...more] = text.split("/");
  const address = parseAddress(host);
  if (address === undefined || more.length > 0) return "not a subnet such as 10.0.0.0/8";
  if (address.kind() === "ipv4" && host.includes(":")) return "IPv4 in IPv6 form; write it as IPv4";
  const most = address.kind() === "ipv4" ? 32 : 128;
  const bits = length === undefined ? most : Number(length);
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return "not a subnet such as 10.0.0.0/8";
  if (bits > most) return `a prefix of ${bits} bits, where ${most} is the most`;
  const key = prefixOf(address, bits);
  if (prefixOf(address, most) !== key.replace(`/${bits} `, `/${most} `)) {
    return `an address with bits after its first ${bits}`;
  }
  return { bits, key };
}

/** Values by subnet; the longest prefix that holds an address wins. */
export class Subnets<Value> {
  readonly #values = new Map<string, Value>();
  #lengths: number[] = [];

  add(subnet: Subnet, value: Value): void {
    this.#values.set(subnet.key, value);
    if (!this.#lengths.includes(subnet.bits)) {
      this.#lengths = [...this.#lengths, subnet.bits].sort((one, other) => other - one);
    }
  }

  find(address: Address): Value | undefined {
    const most = address.kind() === "ipv4" ? 32 : 128;
    for (const bits of this.#lengths) {
      const value = bits > most ? undefined : this.#values.get(prefixOf(address, bits));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}
