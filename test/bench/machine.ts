// What the figures depend on besides the code: said beside them in the JSON.

import { spawnSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { chromium } from "@playwright/test";
import { launchOptions } from "../support/browser.ts";
import { rivalVersions } from "./rivals.ts";

export interface Machine {
  readonly date: string;
  /** `null` outside a repository; with `+changes` when the files differ from the commit. */
  readonly commit: string | null;
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly chromium: string;
  readonly rivals: Readonly<Record<string, string>>;
}

export async function machine(): Promise<Machine> {
  const browser = await chromium.launch(launchOptions());
  const version = browser.version();
  await browser.close();
  return {
    date: new Date().toISOString(),
    commit: commit(),
    cores: cpus().length,
    processor: cpus()[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    chromium: version,
    rivals: rivalVersions(),
  };
}

function commit(): string | null {
  const head = git("rev-parse", "--short", "HEAD");
  if (head === null) return null;
  return git("status", "--porcelain") === "" ? head : `${head}+changes`;
}

function git(...words: string[]): string | null {
  const { status, stdout } = spawnSync("git", words, { encoding: "utf8" });
  return status === 0 ? stdout.trim() : null;
}
