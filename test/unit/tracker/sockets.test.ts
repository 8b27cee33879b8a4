// What one turn of the event loop says to a page leaves as one write, in order. The wire is a script that notes what it
// is told; real ones are in `server.test.ts`.

import { expect, test } from "vitest";
import { Household } from "../../../tracker/household.ts";
import { DEFAULT_EDGE_LIMITS, DEFAULT_LIMITS } from "../../../tracker/limits.ts";
import { Sockets } from "../../../tracker/sockets.ts";

test("messages of one turn are collected, and let go when the turn is over", async () => {
  const noted: string[] = [];
  const nothing = () => {};
  const sockets = new Sockets({
    limits: DEFAULT_EDGE_LIMITS,
    heartbeatMs: DEFAULT_LIMITS.heartbeatMs,
    now: () => 0,
    received: nothing,
    broke: nothing,
    closed: nothing,
  });
  const wire = {
    readyState: 1,
    OPEN: 1,
    bufferedAmount: 0,
    send: (text: string) => void noted.push(JSON.parse(text).type),
    ping: nothing,
    close: nothing,
    terminate: nothing,
    on: nothing,
  };
  const stream = {
    cork: () => void noted.push("cork"),
    uncork: () => void noted.push("uncork"),
    on: nothing,
  };
  const household = new Household(DEFAULT_LIMITS.household, 0);
  const caller = { site: "https://site.example", household, address: undefined };
  const socket = sockets.add(wire, caller, stream);
  sockets.send(socket, { type: "pong" });
  sockets.send(socket, { type: "bye", retryAfterMs: 1 });
  expect(noted).toEqual(["cork", "pong", "bye"]);
  await new Promise((resolve) => setImmediate(resolve));
  sockets.send(socket, { type: "pong" });
  await new Promise((resolve) => setImmediate(resolve));
  expect(noted).toEqual(["cork", "pong", "bye", "uncork", "cork", "pong", "uncork"]);
});
