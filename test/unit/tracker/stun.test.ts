// The STUN server: the bytes that the standard's own vectors demand, silence towards everything else, and real
// datagrams of both families.

import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { OptionError } from "../../../tracker/options.ts";
import { parseAddress } from "../../../tracker/region/address.ts";
import { startTracker } from "../../../tracker/server.ts";
import { answerTo, StunServer } from "../../../tracker/stun.ts";
import { Page } from "./page.ts";

const at = (text: string) => {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is an address`);
  return address;
};

/** A message with attributes given in hexadecimal. */
function request(attributes = "", { type = "0001", magic = "2112a442", id = "" } = {}): Buffer {
  const body = Buffer.from(attributes, "hex");
  const length = body.length.toString(16).padStart(4, "0");
  const transaction = id || randomBytes(12).toString("hex");
  return Buffer.concat([Buffer.from(`${type}${length}${magic}${transaction}`, "hex"), body]);
}

describe("a binding request", () => {
  /** RFC 5769, sections 2.2 and 2.3: transaction, address, port, and how the address is to be written. */
  const ID = "b7e7a701bc34d686fa87dfae";
  test.each([
    ["192.0.2.1", "002000080001a147e112a643"],
    ["2001:db8:1234:5678:11:2233:4455:6677", "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"],
  ])("from %s is answered as the standard's vector says", (address, attribute) => {
    const length = (attribute.length / 2).toString(16).padStart(4, "0");
    const answer = answerTo(request("", { id: ID }), at(address), 32_853);
    expect(answer?.toString("hex")).toBe(`0101${length}2112a442${ID}${attribute}`);
  });

  test("with attributes that may be ignored is answered all the same", () => {
    // SOFTWARE "test", USERNAME "abc" padded, FINGERPRINT.
    const attributes = `8022000474657374${"0006000361626300"}80280004e57a3bcf`;
    expect(answerTo(request(attributes), at("192.0.2.1"), 1)?.readUInt16BE(0)).toBe(0x0101);
  });

  test("with attributes that must be understood gets 420 and their list", () => {
    // PRIORITY and USE-CANDIDATE are ICE's, not ours (RFC 8445).
    const answer = answerTo(request("002400046e0001ff00250000"), at("192.0.2.1"), 1);
    expect(answer?.readUInt16BE(0)).toBe(0x0111);
    expect(answer?.subarray(20).toString("hex")).toBe("0009000400000414000a000400240025");
  });

  test("that is none of ours is not answered", () => {
    const silent = [
      Buffer.alloc(0),
      randomBytes(20),
      request("", { type: "0101" }),
      request("", { type: "0003" }),
      request("", { magic: "00000000" }),
      request().subarray(0, 19),
      Buffer.concat([request(), Buffer.from([0, 0, 0, 0])]),
      request("0006ffff"),
      request("80220008aabbccdd"),
      request("00".repeat(600)),
    ];
    for (const bytes of silent) expect(answerTo(bytes, at("192.0.2.1"), 1)).toBeUndefined();
  });

  test("never makes it throw, nor answer with much more than it got", () => {
    const head = fc.constantFrom(request().subarray(0, 8), Buffer.alloc(0));
    const body = fc.uint8Array({ maxLength: 600 });
    fc.assert(
      fc.property(head, body, (start, rest) => {
        const bytes = Buffer.concat([start, rest]);
        if (bytes.length >= 4) bytes.writeUInt16BE(Math.max(0, bytes.length - 20), 2);
        const answer = answerTo(bytes, at("2001:db8::1"), 1);
        expect(answer?.length ?? 0).toBeLessThanOrEqual(bytes.length + 28);
      }),
      { numRuns: 2000 },
    );
  });
});

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function client(
  type: "udp4" | "udp6",
  address = type === "udp4" ? "127.0.0.1" : "::1",
): Promise<Socket> {
  const socket = createSocket(type);
  open.push(socket);
  socket.bind(0, address);
  await once(socket, "listening");
  return socket;
}

describe("over real datagrams", () => {
  const listening = async (host: string | undefined, now = () => 0) => {
    const server = await StunServer.listen({ port: 0, host }, now);
    open.push(server);
    return server;
  };

  test.each([
    ["udp4", "127.0.0.1"],
    ["udp6", "::1"],
  ] as const)("%s clients learn the port they are seen under", async (type, address) => {
    const server = await listening(undefined);
    const socket = await client(type);
    const id = randomBytes(12).toString("hex");
    socket.send(request("", { id }), server.port, address);
    const [answer] = await once(socket, "message");
    const expected = answerTo(request("", { id }), at(address), socket.address().port);
    expect(answer).toEqual(expected);
  });

  test("an address is answered so often, then again when time has passed", async () => {
    let now = 0;
    const server = await listening("127.0.0.1", () => now);
    const socket = await client("udp4");
    let answers = 0;
    let arrived = () => {};
    socket.on("message", () => {
      answers++;
      arrived();
    });
    const ask = (times: number) => {
      for (let each = 0; each < times; each++) socket.send(request(), server.port, "127.0.0.1");
    };
    // In portions, so that no queue of the kernel overflows.
    for (let portion = 1; portion <= 4096 / 64; portion++) {
      ask(64);
      while (answers < portion * 64) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
    }
    ask(64);
    // Whoever asks from elsewhere is answered after those ten were read.
    const other = await client("udp4", "127.0.0.2");
    other.send(request(), server.port, "127.0.0.1");
    await once(other, "message");
    expect(answers).toBe(4096);
    now = 1000;
    ask(1);
    await once(socket, "message");
    expect(answers).toBe(4097);
  });
});

describe("a tracker", () => {
  test("with a STUN server tells its port in the welcome, and frees it in the end", async () => {
    const tracker = await startTracker({ port: 0, stunPort: 0 });
    open.push({ close: () => tracker.close({ graceful: false }) });
    const page = await Page.join(tracker);
    expect(page.heard[0]).toMatchObject({ type: "welcome", stunPort: tracker.stunPort });
    const port = tracker.stunPort ?? 0;
    await tracker.close({ graceful: false });
    const next = await StunServer.listen({ port, host: "127.0.0.1" }, () => 0);
    await next.close();
  });

  test("without one says nothing of it", async () => {
    const tracker = await startTracker({ port: 0 });
    open.push({ close: () => tracker.close({ graceful: false }) });
    const page = await Page.join(tracker);
    expect(Object.keys(page.heard[0] ?? {})).not.toContain("stunPort");
    expect(tracker.stunPort).toBeUndefined();
  });

  test("that cannot have the port says so, and leaves nothing open", async () => {
    const taken = await StunServer.listen({ port: 0, host: "127.0.0.1" }, () => 0);
    open.push(taken);
    const starting = startTracker({ port: 0, stunPort: taken.port });
    await expect(starting).rejects.toThrow(OptionError);
    await expect(starting).rejects.toThrow(`--stun-port: UDP port ${taken.port} is in use`);
  });
});
