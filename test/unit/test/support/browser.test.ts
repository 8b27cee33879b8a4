import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { BROWSER_ARGUMENTS, PLAYWRIGHT_DISABLED_FEATURES } from "../../../support/browser.ts";

test("the features turned off are those of the installed Playwright and ours", () => {
  const core = dirname(createRequire(import.meta.url).resolve("playwright-core/package.json"));
  const source = readFileSync(join(core, "lib", "coreBundle.js"), "utf8");
  const list = /disabledFeatures = \[([^\]]*)\]/.exec(source)?.[1] ?? "";
  const installed = [...list.matchAll(/^\s*"(\w+)"/gm)].map(([, name]) => name);
  expect(PLAYWRIGHT_DISABLED_FEATURES).toEqual(installed);
});

test("features are turned off in one switch, since the last one wins", () => {
  const switches = BROWSER_ARGUMENTS.filter((text) => text.startsWith("--disable-features="));
  expect(switches).toHaveLength(1);
  expect(switches[0]).toContain("WebRtcHideLocalIpsWithMdns");
});
