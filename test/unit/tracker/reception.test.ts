// A crowd at the door: connections that arrive together are all served, and those who are here do not wait for all of
// them; and all that one turn says to a page is one write.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { PROTOCOL_VERSION } from "../../../tracker/protocol/messages.ts";
import { receiveInSlices } from "../../../tracker/reception.ts";
import { type RunningTracker, startTracker } from "../../../tracker/server.ts";
import { newSecret } from "./page.ts";
import { swarm } from "./stage.ts";

let tracker: RunningTracker | undefined;
afterEach(async () => tracker?.close({ graceful: false }));

test("of two hundred connections at once all are answered, never more than a few in one turn", async () => {
  let turn = 0;
  let isOver = false;
  const count = () => {
    turn++;
    if (!isOver) setImmediate(count);
  };
  const served = new Map<number, number>();
  const server = createServer((_request, response) => response.end("ok"));
  const attach = server.listeners("connection")[0] as (socket: unknown) => void;
  server.removeAllListeners("connection");
  server.on("connection", (socket) => {
    served.set(turn, (served.get(turn) ?? 0) + 1);
    attach.call(server, socket);
  });
  receiveInSlices(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  setImmediate(count);
  const answers = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const socket = connect(port, "127.0.0.1");
      socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      const [bytes] = await once(socket, "data");
      return String(bytes).startsWith("HTTP/1.1 200");
    }),
  );
  isOver = true;
  server.close();
  expect(answers.every(Boolean)).toBe(true);
  expect([...served.values()].reduce((sum, some) => sum + some, 0)).toBe(200);
  expect(Math.max(...served.values())).toBeLessThanOrEqual(4);
});

test("a welcome and an answer that are due in one turn are one write", async () => {
  tracker = await startTracker({ port: 0 });
  const raw = connect(tracker.port, "127.0.0.1");
  const key = randomBytes(16).toString("base64");
  raw.write(
    `GET / HTTP/1.1\r\nHost: x\r\nOrigin: http://localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  await once(raw, "data");
  const hello = { type: "hello", version: PROTOCOL_VERSION, secret: newSecret() };
  const announce = {
    type: "announce",
    swarms: [{ swarm: swarm("film"), holding: "none" }],
    want: 8,
  };
  raw.write(Buffer.concat([hello, announce].map(frameOf)));
  const [bytes] = await once(raw, "data");
  expect(String(bytes)).toMatch(/"type":"welcome".*"type":"announced"/s);
  raw.destroy();
});

/** A text frame under a mask of zeros. */
function frameOf(message: object): Buffer {
  const payload = Buffer.from(JSON.stringify(message));
  const head = Buffer.from([
    0x81,
    0x80 | 126,
    payload.length >> 8,
    payload.length & 255,
    0,
    0,
    0,
    0,
  ]);
  return Buffer.concat([
    payload.length < 126 ? Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]) : head,
    payload,
  ]);
}
