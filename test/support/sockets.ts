// A WebSocket server for tests that answers every text with the same text. Real sockets on a free port of the
// loopback. Not a tracker, and never becomes one: tests that need a tracker start the real one.

import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

export interface Echo {
  readonly url: string;
  /** Closes every connection from this end. */
  hangUp(): void;
  close(): Promise<void>;
}

export async function startEcho(): Promise<Echo> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  server.on("connection", (socket) => {
    // Broken connections are part of what is tested.
    socket.on("error", () => socket.terminate());
    socket.on("message", (message, isBinary) => {
      if (!isBinary) socket.send(message.toString());
    });
  });
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}`,
    hangUp() {
      for (const socket of server.clients) socket.close(1001);
    },
    async close() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
