// What may be read at all: the origins an operator listed, and for each of them the addresses its name may lead to. The
// check is made on the very address that is then connected to, so a name that changes its mind in between gains nothing.

import { type LookupAddress, lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { MAX_URL_LENGTH } from "../protocol/manifest.ts";
import { type Address, isLocal, parseAddress } from "../region/address.ts";
import { admittedSite } from "../site.ts";
import type { Refusal } from "./refusal.ts";

/** Code of the error of a lookup that found no address we may connect to. */
export const FORBIDDEN_ADDRESS = "ERR_FORBIDDEN_ADDRESS";

export class ContentOrigins {
  readonly #origins: ReadonlySet<string>;
  /** Addresses that the operator wrote as such. */
  readonly #addresses: ReadonlySet<string>;
  readonly #resolve: typeof lookup;

  /** In a browser's spelling. None: this machine's own, as with pages. `resolve`: the system's, but for tests. */
  constructor(origins: ReadonlySet<string>, resolve: typeof lookup = lookup) {
    this.#origins = origins;
    const hosts = [...origins].map((origin) => new URL(origin).hostname.replace(/^\[|\]$/g, ""));
    this.#addresses = new Set(hosts.map((host) => parseAddress(host)?.toString() ?? ""));
    this.#resolve = resolve;
  }

  /** The URL as a browser spells it, without fragment, if it may be read. */
  admit(text: string): URL | Refusal {
    if (text.length > MAX_URL_LENGTH) return { code: "malformed" };
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      return { code: "malformed" };
    }
    url.hash = "";
    const isWeb = url.protocol === "http:" || url.protocol === "https:";
    if (!isWeb || url.username !== "" || url.password !== "" || url.href.length > MAX_URL_LENGTH) {
      return { code: "malformed" };
    }
    return admittedSite(url.origin, this.#origins) === undefined ? { code: "not-listed" } : url;
  }

  /**
   * For connecting to a name. Addresses written as such are never looked up: whoever lists one means it, also where a
   * name leads to it.
   */
  readonly lookup: LookupFunction = (name, options, callback) => {
    this.#resolve(name, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, "");
      const fine = found.filter(({ address: text }) => {
        const address = parseAddress(text);
        return this.#addresses.has(address?.toString() ?? "-") || mayConnect(name, address);
      });
      const [first] = fine;
      if (first === undefined) return callback(forbidden(name), "");
      if (options.all === true) callback(null, fine satisfies LookupAddress[]);
      else callback(null, first.address, first.family);
    });
  };
}

/** A public name leads to public addresses only; a name that cannot be public may lead into the operator's network. */
export function mayConnect(name: string, address: Address | undefined): boolean {
  if (address === undefined) return false;
  if (isPublic(address)) return true;
  // Link-local is where clouds keep their metadata services; 0.0.0.0 is this machine by another name.
  const isWithin = isLocal(address) && !["linkLocal", "unspecified"].includes(address.range());
  return isWithin && isPrivateName(name);
}

/** NAT64 (RFC 6052) carries the IPv4 address that is really meant. */
function isPublic(address: Address): boolean {
  const range = address.range();
  if (range !== "rfc6052") return range === "unicast";
  return new ipaddr.IPv4(address.toByteArray().slice(-4)).range() === "unicast";
}

/** Single labels and the endings set aside for private use: RFC 6761, RFC 6762, RFC 8375, and ICANN's `internal`. */
const isPrivateName = (name: string): boolean =>
  !name.includes(".") || /\.(localhost|local|internal|home\.arpa)\.?$/i.test(name);

function forbidden(name: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${name} leads to no address that may be read.`), {
    code: FORBIDDEN_ADDRESS,
  });
}
