// A STUN server as small as the protocol allows: tells a browser the address it is seen under (RFC 8489, the binding
// usage of section 12), so that no third party has to. Keeps nothing of whom it answered but counts, for a second.

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { TokenBucket } from "./limits.ts";
import { OptionError } from "./options.ts";
import { type Address, householdOf, parseAddress } from "./region/address.ts";

const HEADER_BYTES = 20;
const MAGIC = 0x2112a442;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
const ERROR_CODE = 0x0009;
const UNKNOWN_ATTRIBUTES = 0x000a;
const XOR_MAPPED_ADDRESS = 0x0020;
/** Attributes from here on may be ignored (section 14). */
const OPTIONAL = 0x8000;
/** Below it, those that RFC 8489 itself defines: all about credentials, which this usage has none of. */
const KNOWN: ReadonlySet<number> = new Set([
  0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0020,
]);
/** Section 6.1 keeps messages below the smallest IPv4 packet; a browser's request has 20 to 28 bytes. */
const LONGEST_REQUEST = 548;

/** The answer to a datagram from `address`, or nothing: what is no binding request is not spoken to. Never throws. */
export function answerTo(request: Buffer, address: Address, port: number): Buffer | undefined {
  if (request.length < HEADER_BYTES || request.length > LONGEST_REQUEST) return undefined;
  if (request.readUInt16BE(0) !== BINDING_REQUEST || request.readUInt32BE(4) !== MAGIC) {
    return undefined;
  }
  const length = request.readUInt16BE(2);
  if (length % 4 !== 0 || length !== request.length - HEADER_BYTES) return undefined;
  const unknown = unknownIn(request);
  if (unknown === undefined) return undefined;
  if (unknown.length > 0) return refusal(request, unknown);
  return message(BINDING_SUCCESS, request, [mapped(request, address, port)]);
}

/** Attributes that would have to be understood; `undefined` when one does not end where the message ends. */
function unknownIn(request: Buffer): number[] | undefined {
  const unknown = new Set<number>();
  let at = HEADER_BYTES;
  while (at + 4 <= request.length) {
    const type = request.readUInt16BE(at);
    if (type < OPTIONAL && !KNOWN.has(type)) unknown.add(type);
    at += 4 + padded(request.readUInt16BE(at + 2));
  }
  return at === request.length ? [...unknown] : undefined;
}

const padded = (length: number): number => Math.ceil(length / 4) * 4;

/** Section 14.2: hidden from middleboxes that rewrite whatever looks like an address. */
function mapped(request: Buffer, address: Address, port: number): Buffer {
  const bytes = address.toByteArray();
  const head = Buffer.from([0, bytes.length === 4 ? 1 : 2, 0, 0]);
  head.writeUInt16BE(port ^ (MAGIC >>> 16), 2);
  const mask = request.subarray(4, HEADER_BYTES);
  const body = Buffer.from(bytes.map((byte, index) => byte ^ (mask[index] ?? 0)));
  return attribute(XOR_MAPPED_ADDRESS, Buffer.concat([head, body]));
}

/** Sections 6.3.1 and 14.9: 420, with the list. Never longer than what it answers by more than 28 bytes. */
function refusal(request: Buffer, unknown: readonly number[]): Buffer {
  const list = Buffer.alloc(unknown.length * 2);
  for (const [index, type] of unknown.entries()) list.writeUInt16BE(type, index * 2);
  return message(BINDING_ERROR, request, [
    attribute(ERROR_CODE, Buffer.from([0, 0, 4, 20])),
    attribute(UNKNOWN_ATTRIBUTES, list),
  ]);
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + padded(value.length));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function message(type: number, request: Buffer, attributes: readonly Buffer[]): Buffer {
  const body = Buffer.concat(attributes);
  const head = Buffer.from(request.subarray(0, HEADER_BYTES));
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

/** A school that opens a page: 256 peers, ten links, a request or two each, over some seconds. */
const PER_ADDRESS = { burst: 4096, perSecond: 256 };
/** Senders can be forged, so this is also the most that can be reflected at anybody: 10,000 answers of 44 bytes. */
const ALTOGETHER = { burst: 10_000, perSecond: 10_000 };
/** Addresses counted at a time. Forged ones fill this for a second at most. */
const MOST_ADDRESSES = 20_000;
const FORGET_EVERY_MS = 1000;

interface Place {
  readonly port: number;
  readonly host: string | undefined;
}

export class StunServer {
  readonly #socket: Socket;
  readonly #now: () => number;
  readonly #all: TokenBucket;
  readonly #addresses = new Map<string, TokenBucket>();
  readonly #forgetting: NodeJS.Timeout;

  private constructor(socket: Socket, now: () => number) {
    this.#socket = socket;
    this.#now = now;
    this.#all = new TokenBucket(ALTOGETHER, now());
    this.#forgetting = setInterval(() => this.#forget(), FORGET_EVERY_MS);
    this.#forgetting.unref();
    socket.on("message", (request, from) => this.#received(request, from));
    // An answer that cannot be delivered is nobody's business.
    socket.on("error", () => {});
  }

  /** Rejects with an `OptionError` when the port cannot be had. Without a host, all IPv4 and IPv6 addresses. */
  static async listen(at: Place, now: () => number): Promise<StunServer> {
    try {
      return await StunServer.#at(at, now);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      // What is wrong with the host is HTTP's to say.
      if (code !== "EADDRINUSE" && code !== "EACCES") throw error;
      const why = code === "EACCES" ? "is not ours to take" : "is in use";
      const sentence = `--stun-port: UDP port ${at.port} ${why}; choose another, or "off".`;
      throw new OptionError("stunPort", sentence);
    }
  }

  static async #at(at: Place, now: () => number): Promise<StunServer> {
    const isIPv6 = at.host === undefined || at.host.includes(":");
    try {
      return new StunServer(await bound(isIPv6 ? "udp6" : "udp4", at.port, at.host), now);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      // A machine without IPv6 has no address to listen on for both.
      if (at.host !== undefined || (code !== "EAFNOSUPPORT" && code !== "EADDRNOTAVAIL"))
        throw error;
      return new StunServer(await bound("udp4", at.port, undefined), now);
    }
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async close(): Promise<void> {
    clearInterval(this.#forgetting);
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  #received(request: Buffer, from: RemoteInfo): void {
    const address = parseAddress(from.address);
    if (address === undefined || !this.#mayAnswer(address)) return;
    const answer = answerTo(request, address, from.port);
    if (answer !== undefined) this.#socket.send(answer, from.port, from.address, () => {});
  }

  #mayAnswer(address: Address): boolean {
    const now = this.#now();
    const key = householdOf(address);
    let bucket = this.#addresses.get(key);
    if (bucket === undefined) {
      if (this.#addresses.size >= MOST_ADDRESSES) return false;
      bucket = new TokenBucket(PER_ADDRESS, now);
      this.#addresses.set(key, bucket);
    }
    // In this order: one address beyond its share takes nothing from the others.
    return bucket.take(1, now) && this.#all.take(1, now);
  }

  #forget(): void {
    const now = this.#now();
    for (const [key, bucket] of this.#addresses)
      if (bucket.isFull(now)) this.#addresses.delete(key);
  }
}

async function bound(
  type: "udp4" | "udp6",
  port: number,
  host: string | undefined,
): Promise<Socket> {
  const socket = createSocket(type);
  const listening = once(socket, "listening");
  socket.bind(host === undefined ? { port } : { port, address: host });
  try {
    await listening;
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
