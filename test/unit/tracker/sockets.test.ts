// What one turn of the event loop says to a page leaves as one write, in order. The wire is a script that notes what it
// is told; real ones are in `server.test.ts`.

import { expect, test } from "vitest";
import { Household } from "../../../tracker/household.ts";
import { DEFAULT_EDGE_LIMITS, DEFAULT_LIMITS } from "../../../tracker/limits.ts";
import { Sockets } from "../../../tracker/sockets.ts";

interface Script {
  readonly ping?: () => void;
  readonly note?: (what: string) => void;
}

const nothing = () => {};

function socketsWith(...scripts: readonly Script[]) {
  const sockets = new Sockets({
    limits: DEFAULT_EDGE_LIMITS,
    heartbeatMs: DEFAULT_LIMITS.heartbeatMs,
    now: () => 0,
    received: nothing,
    broke: nothing,
    closed: nothing,
  });
  const household = new Household(DEFAULT_LIMITS.household, 0);
  const caller = { site: "https://site.example", household, address: undefined };
  const added = scripts.map(({ ping = nothing, note = nothing }) => {
    const wire = {
      readyState: 1,
      OPEN: 1,
      bufferedAmount: 0,
      send: (text: string) => note(JSON.parse(text).type),
      ping,
      close: nothing,
      terminate: nothing,
      on: nothing,
    };
    const stream = { cork: () => note("cork"), uncork: () => note("uncork"), on: nothing };
    return sockets.add(wire, caller, stream);
  });
  return { sockets, added };
}

test("a thousand who came together are pinged with turns for others in between", async () => {
  let pinged = 0;
  const { sockets } = socketsWith(
    ...Array.from({ length: 1000 }, () => ({ ping: () => void pinged++ })),
  );
  const sweeping = sockets.sweep(DEFAULT_LIMITS.heartbeatMs);
  const atOnce = [pinged];
  while (pinged < 1000) {
    await new Promise((resolve) => setImmediate(resolve));
    atOnce.push(pinged - atOnce.reduce((sum, count) => sum + count, 0));
  }
  await sweeping;
  expect(Math.max(...atOnce)).toBeLessThanOrEqual(100);
});

test("messages of one turn are collected, and let go when the turn is over", async () => {
  const noted: string[] = [];
  const { sockets, added } = socketsWith({ note: (what) => void noted.push(what) });
  const [socket] = added;
  if (socket === undefined) throw new Error("one was added");
  sockets.send(socket, { type: "pong" });
  sockets.send(socket, { type: "bye", retryAfterMs: 1 });
  expect(noted).toEqual(["cork", "pong", "bye"]);
  await new Promise((resolve) => setImmediate(resolve));
  sockets.send(socket, { type: "pong" });
  await new Promise((resolve) => setImmediate(resolve));
  expect(noted).toEqual(["cork", "pong", "bye", "uncork", "cork", "pong", "uncork"]);
});
