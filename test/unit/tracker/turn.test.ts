// Credentials for TURN: by the scheme's own arithmetic, and no two alike. That coturn takes them, and two browsers meet by
// it alone, is test/browser/relay.spec.ts.

import { createHmac } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { type RunningTracker, startTracker } from "../../../tracker/server.ts";
import { turnServer } from "../../../tracker/turn.ts";
import { Page } from "./page.ts";

const SETTINGS = { urls: ["turn:turn.example.org:3478"], secret: "shh" };

let tracker: RunningTracker | undefined;
afterEach(async () => tracker?.close({ graceful: false }));

test("the name ends the credentials half a day from now, and the password proves the name", () => {
  const { urls, username, credential } = turnServer(SETTINGS, 1_800_000_000_999);
  expect(urls).toEqual(SETTINGS.urls);
  expect(username).toMatch(/^1800043200:[0-9a-f]{12}$/);
  expect(credential).toBe(createHmac("sha1", "shh").update(username).digest("base64"));
});

test("every page is welcomed with its own, and none learns the secret", async () => {
  tracker = await startTracker({ port: 0, turn: SETTINGS });
  const welcomes = [];
  for (let each = 0; each < 3; each++) {
    const page = await Page.join(tracker);
    const [welcome] = page.heard;
    if (welcome?.type === "welcome") welcomes.push(welcome.turn);
  }
  expect(new Set(welcomes.map((turn) => turn?.credential)).size).toBe(3);
  expect(JSON.stringify(welcomes)).not.toContain("shh");
});
