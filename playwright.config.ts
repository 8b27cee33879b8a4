// How the browser tests run: one at a time, because two pages share two cores and the clock of their transfers;
// never again after a failure, because a test that sometimes fails has found something.

import { defineConfig } from "@playwright/test";
import { launchOptions } from "./test/support/browser.ts";

export default defineConfig({
  testDir: "test/browser",
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: true,
  timeout: 90_000,
  // A busy machine takes its time. What does not come is found out all the same.
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: { browserName: "chromium", launchOptions: launchOptions() },
});
