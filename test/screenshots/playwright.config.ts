// How `npm run screenshots` runs: like the browser tests, but what comes of it are pictures to look at, in dist/screenshots.

import { defineConfig } from "@playwright/test";
import { launchOptions } from "../support/browser.ts";

export default defineConfig({
  testDir: ".",
  workers: 1,
  timeout: 120_000,
  reporter: [["list"]],
  use: { browserName: "chromium", launchOptions: launchOptions(), locale: "en-GB" },
});
