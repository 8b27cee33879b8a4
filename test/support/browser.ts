// Finds the browser that the tests drive, and knows how to start it. Owns the switches and the one sentence when
// there is no browser. Never downloads anything unless asked to (`installBrowser`).

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "@playwright/test";

/**
 * What Playwright itself turns off. Chromium listens to the last `--disable-features` alone, so adding to the list
 * means repeating it; test/unit/test/support/browser.test.ts notices when an update of Playwright changes it.
 */
export const PLAYWRIGHT_DISABLED_FEATURES = [
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsUpgrades",
  "HttpsFirstBalancedModeAutoEnable",
  "LensOverlay",
  "MediaRouter",
  "PaintHolding",
  "ThirdPartyStoragePartitioning",
  "AvoidCorsURLLoaderRestartOnRedirect",
  "TcpPortRandomizationWin",
  "OptimizationHints",
  "NetworkTimeServiceQuerying",
  "AimEnabled",
  "PreconnectToSearch",
  "msForceBrowserSignIn",
  "msEdgeUpdateLaunchServicesPreferredVersion",
] as const;

/** Two pages of one machine must find each other: by real addresses, since nobody answers multicast DNS here. */
export const BROWSER_ARGUMENTS = [
  `--disable-features=${[...PLAYWRIGHT_DISABLED_FEATURES, "WebRtcHideLocalIpsWithMdns"].join(",")}`,
  "--allow-loopback-in-peer-connection",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
] as const;

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
const PLACES = [
  "/usr/bin",
  "/usr/local/bin",
  "/snap/bin",
  "/opt/google/chrome",
  "/Applications/Google Chrome.app/Contents/MacOS",
  "/Applications/Chromium.app/Contents/MacOS",
];
const MAC_NAMES = ["Google Chrome", "Chromium"];

const NO_BROWSER =
  'The browser tests need Chromium: install it (on Debian "apt-get install chromium", elsewhere "npx playwright install chromium") and run them again.';

/** The path of an installed browser, Playwright's own first. */
export function findBrowser(): string | undefined {
  // Named although it is the default, because headless runs would otherwise want Playwright's reduced shell.
  if (existsSync(chromium.executablePath())) return chromium.executablePath();
  const places = [...(process.env.PATH ?? "").split(delimiter), ...PLACES].filter(Boolean);
  for (const name of [...NAMES, ...MAC_NAMES]) {
    for (const place of places) {
      const path = join(place, name);
      if (existsSync(path)) return path;
    }
  }
  return undefined;
}

/** Finds a browser or gets one, by Playwright's download or Debian's packages. Throws the one sentence otherwise. */
export function installBrowser(): string {
  const found = findBrowser();
  if (found !== undefined) return found;
  run(process.execPath, [
    join("node_modules", "@playwright", "test", "cli.js"),
    "install",
    "chromium",
  ]);
  const downloaded = findBrowser();
  if (downloaded !== undefined) return downloaded;
  if (existsSync("/etc/debian_version") && process.getuid?.() === 0) {
    run("apt-get", ["update"]);
    run("apt-get", ["install", "-y", "--no-install-recommends", "chromium"]);
  }
  const installed = findBrowser();
  if (installed === undefined) throw new Error(NO_BROWSER);
  return installed;
}

/** A failure shows in what is found afterwards. No standard input: nothing may wait for an answer. */
function run(command: string, words: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync(command, words, { stdio: ["ignore", "inherit", "inherit"], env });
}

/** For Playwright's `launchOptions`. */
export function launchOptions(): { executablePath?: string; args: string[] } {
  const executablePath = findBrowser();
  return {
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [...BROWSER_ARGUMENTS],
  };
}
