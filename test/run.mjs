#!/usr/bin/env node
// What `npm test` runs: a browser, the build, the checks, then every suite, in this order, up to the first that fails.
// Ends with one line that counts all tests that ran. A test that was skipped counts as failed: it proved nothing.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const REPORTS = join(ROOT, "node_modules", ".cache", "shoal");
const VITEST = join(REPORTS, "vitest.json");
const PLAYWRIGHT = join(REPORTS, "playwright.json");

const tally = { passed: 0, failed: 0 };

/** Without standard input, so that nothing can wait for an answer. */
function run(command, words, env = {}) {
  const { status } = spawnSync(command, words, {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  return status === 0;
}

function count(report, of) {
  try {
    const { passed, failed } = of(JSON.parse(readFileSync(report, "utf8")));
    tally.passed += passed;
    tally.failed += failed;
  } catch {
    // No report: the suite did not even start, which `step` counts as one failure.
  }
}

function step(what, done) {
  console.log(`\n== ${what}`);
  const before = tally.failed;
  if (done() && tally.failed === before) return;
  if (tally.failed === before) tally.failed++;
  finish();
}

function finish() {
  console.log(`\n${tally.passed} passed, ${tally.failed} failed`);
  process.exit(tally.failed === 0 ? 0 : 1);
}

rmSync(REPORTS, { recursive: true, force: true });
mkdirSync(REPORTS, { recursive: true });

const { module: browser } = await runnerImport(join(ROOT, "test/support/browser.ts"));
step("browser", () => {
  try {
    console.log(browser.installBrowser());
    return true;
  } catch (error) {
    console.error(error.message);
    return false;
  }
});
step("build", () => run(process.execPath, ["build.mjs"]));
step("check: types, format, size", () => run("npm", ["run", "--silent", "check"]));
step("unit, contract and scenario tests", () => {
  const words = ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${VITEST}`];
  const isGreen = run(process.execPath, ["node_modules/vitest/vitest.mjs", ...words]);
  count(VITEST, ({ numPassedTests, numTotalTests }) => ({
    passed: numPassedTests,
    failed: numTotalTests - numPassedTests,
  }));
  return isGreen;
});
step("browser tests", () => {
  const words = ["node_modules/@playwright/test/cli.js", "test", "--reporter=list,json"];
  const isGreen = run(process.execPath, words, { PLAYWRIGHT_JSON_OUTPUT_NAME: PLAYWRIGHT });
  count(PLAYWRIGHT, ({ stats: { expected, unexpected, flaky, skipped } }) => ({
    passed: expected,
    failed: unexpected + flaky + skipped,
  }));
  return isGreen;
});
finish();
