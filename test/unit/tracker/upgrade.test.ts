// How an upgrade is refused when nobody is left to hear it.

import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { refuse } from "../../../tracker/upgrade.ts";

test("a refusal that can no longer be written ends its stream, and not the process", async () => {
  const stream = new Duplex({
    read() {},
    write: (_bytes, _encoding, done) => done(new Error("reset by the far end")),
  });
  // Not `once` of node:events, which would hear the error itself.
  const closed = new Promise<void>((resolve) => stream.on("close", () => resolve()));
  refuse(stream, 503, "This tracker is going away.");
  await closed;
  expect(stream.destroyed).toBe(true);
});
