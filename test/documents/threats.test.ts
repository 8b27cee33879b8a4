// Every threat in the security page names a test, and that test is there. Whether it shows what it says is for readers.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT, read, rowsOf, section } from "../support/documents.ts";

const THREATS = rowsOf(section("client/security.md", "## Threats")).map(
  ([threat = "", stop, by]) => {
    const [, file = "", name = ""] = /^`([^`]+)`, "(.+)"$/.exec(by ?? "") ?? [];
    return { threat, stop, file, name };
  },
);

test("there are threats", () => {
  expect(THREATS.length).toBeGreaterThan(30);
});

test.each(THREATS)("$threat: the test of it is there", ({ stop, file, name }) => {
  expect(stop).not.toBe("");
  expect(file).toMatch(/^test\/(unit|browser|scenario)\/.+\.ts$/);
  expect(existsSync(join(ROOT, file)), `there is no ${file}`).toBe(true);
  expect(titlesIn(file).some((title) => title.includes(name))).toBe(true);
});

/** What tests are called: what is in quotes behind `test(`, at the head of a row of cases, or as a scenario's `about`. */
function titlesIn(file: string): string[] {
  const title = /(?:\btest(?:\.\w+)?\(|\)\(|^ *\[|\babout:)\s*(["`])(.+?)\1/gm;
  return [...read(file).matchAll(title)].map(([, , words = ""]) => words);
}
