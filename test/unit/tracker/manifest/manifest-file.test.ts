// The manifest's file is replaced whole or not at all.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nextEpoch, replaceFile } from "../../../../tracker/manifest/manifest-file.ts";
import { temporaryDirectory, writeFiles } from "./temporary.ts";

test("a file is replaced by another, and nothing else is left", async () => {
  const directory = await temporaryDirectory();
  await writeFiles(directory, { "a.json": "old" });
  await replaceFile(join(directory, "a.json"), "new");
  expect(await readFile(join(directory, "a.json"), "utf8")).toBe("new");
  expect(await readdir(directory)).toEqual(["a.json"]);
});

test("a replacement called off at the last moment leaves the old file alone", async () => {
  const directory = await temporaryDirectory();
  await writeFiles(directory, { "a.json": "old" });
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(replaceFile(join(directory, "a.json"), "new", signal)).rejects.toThrow("enough");
  expect(await readFile(join(directory, "a.json"), "utf8")).toBe("old");
  expect(await readdir(directory)).toEqual(["a.json"]);
});

test("readers meanwhile see the old text or the new one, never part of one", async () => {
  const file = join(await temporaryDirectory(), "a.json");
  const old = "old".repeat(500_000);
  const young = "new".repeat(700_000);
  await replaceFile(file, old);
  let isReplaced = false;
  const replacing = replaceFile(file, young).then(() => {
    isReplaced = true;
  });
  const seen = new Set<string>();
  do seen.add(await readFile(file, "utf8"));
  while (!isReplaced);
  await replacing;
  seen.add(await readFile(file, "utf8"));
  for (const text of seen) expect(text === old || text === young).toBe(true);
  expect(seen).toContain(young);
});

test("an epoch is now, unless browsers have seen a later one", () => {
  const existing = { epoch: 100, key: "", assets: [] };
  expect(nextEpoch(50, undefined)).toBe(50);
  expect(nextEpoch(50, existing)).toBe(101);
  expect(nextEpoch(100, existing)).toBe(101);
  expect(nextEpoch(150, existing)).toBe(150);
});
