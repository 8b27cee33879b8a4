// Newcomers in line: connections that arrive together are handed to HTTP a few a turn of the event loop, so that a
// thousand at once, a stampede or an attack, never keep those who are already here waiting for all of them.

import type { Server } from "node:http";
import type { Socket } from "node:net";

/** A connection costs a tenth or two of a millisecond until it is admitted or refused, so a turn stays below one. */
const PER_TURN = 4;

/** To be called before the server listens. */
export function receiveInSlices(server: Server): void {
  const [attach] = server.listeners("connection");
  if (attach === undefined) throw new Error("an HTTP server takes connections");
  const waiting: Socket[] = [];
  let isServing = false;
  const serve = (): void => {
    for (const socket of waiting.splice(0, PER_TURN)) {
      if (socket.destroyed) continue;
      attach.call(server, socket);
      socket.resume();
    }
    isServing = waiting.length > 0;
    if (isServing) setImmediate(serve);
  };
  // Nothing is read of who waits, so nothing has to be kept of it either.
  Object.assign(server, { pauseOnConnect: true });
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    socket.on("error", unheard);
    waiting.push(socket);
    if (isServing) return;
    isServing = true;
    setImmediate(serve);
  });
}

const unheard = (): void => {};
