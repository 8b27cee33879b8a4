// Connections at the doorway of a real server. Time is the test's own; who knocks comes from loopback addresses.

import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { Doorway } from "../../../tracker/doorway.ts";

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** A server that two of a household may enter at once, and then one a second; two more may wait. */
async function entrance({ proxy = "" } = {}) {
  let now = 0;
  let turnedAway = 0;
  let requests = 0;
  const server = createServer((_request, response) => {
    requests++;
    response.end("welcome");
  });
  const doorway = new Doorway(server, {
    limits: { entriesPerAddress: { burst: 2, perSecond: 1 }, waitingPerAddress: 2 },
    now: () => now,
    isProxy: (address) => address === proxy,
    turnedAway: () => turnedAway++,
  });
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ended.push(() => {
    doorway.close();
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    doorway,
    pass: (ms: number) => {
      now += ms;
      doorway.sweep(now);
    },
    requests: () => requests,
    /** The server's ends, in the order in which they came. */
    sockets,
    turnedAway: () => turnedAway,
    /** Connected, and has asked. */
    async knock(localAddress = "127.0.0.1"): Promise<Socket> {
      const socket = connect({ port, host: "127.0.0.1", localAddress });
      socket.on("error", () => {});
      await once(socket, "connect");
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      return socket;
    },
  };
}

const answer = async (socket: Socket): Promise<string> => String((await once(socket, "data"))[0]);

const closing = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once("close", () => resolve()));

test("a household's connections enter at a pace; others pass it by meanwhile", async () => {
  const { knock, requests, pass, sockets } = await entrance();
  const [first, second, third] = [await knock(), await knock(), await knock()];
  await Promise.all([first, second].map(answer));
  expect(await answer(await knock("127.0.0.2"))).toContain("welcome");
  expect(requests()).toBe(3);
  // What waits costs no reading: its bytes are the kernel's.
  expect(sockets[2]?.bytesRead).toBe(0);
  pass(1000);
  expect(await answer(third)).toContain("welcome");
});

test("of those who wait beyond the bound the last are closed, and counted", async () => {
  const { knock, turnedAway, requests, pass } = await entrance();
  const [first, second] = [await knock(), await knock()];
  await Promise.all([first, second].map(answer));
  const waiting = [await knock(), await knock()];
  await closing(await knock());
  expect([turnedAway(), requests()]).toEqual([1, 2]);
  pass(2000);
  expect(await Promise.all(waiting.map(answer))).toHaveLength(2);
});

test("whoever leaves while waiting keeps nobody out", async () => {
  const { knock, pass } = await entrance();
  await Promise.all([await knock(), await knock()].map(answer));
  const waiting = await knock();
  const next = await knock();
  waiting.resetAndDestroy();
  pass(2000);
  expect(await answer(next)).toContain("welcome");
});

test("many households come through one proxy", async () => {
  const { knock } = await entrance({ proxy: "127.0.0.1" });
  const sockets = await Promise.all(Array.from({ length: 8 }, () => knock()));
  expect(await Promise.all(sockets.map(answer))).toHaveLength(8);
});

test("a household that does not come again is forgotten, one that waits is not", async () => {
  const { doorway, knock, pass } = await entrance();
  await Promise.all([await knock(), await knock()].map(answer));
  const waiting = await knock();
  await answer(await knock("127.0.0.2"));
  expect(doorway.size).toBe(2);
  pass(1000);
  await answer(waiting);
  expect(doorway.size).toBe(1);
  pass(2000);
  expect(doorway.size).toBe(0);
});

test("whoever still waits when it closes is not left waiting", async () => {
  const { doorway, knock } = await entrance();
  await Promise.all([await knock(), await knock()].map(answer));
  const waiting = await knock();
  await answer(await knock("127.0.0.2"));
  doorway.close();
  await closing(waiting);
});
