// The built command as a process: what it does with signals, and what it leaves behind. Everything else of it is
// tested without a process.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { exchange, Page } from "./page.ts";

beforeAll(() => {
  execFileSync(process.execPath, ["build.mjs", "--missing"], { stdio: "ignore" });
}, 120_000);

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

/** Lines of a stream, one at a time; more are kept until they are asked for. */
function linesOf(stream: NodeJS.ReadableStream) {
  const lines = createInterface({ input: stream })[Symbol.asyncIterator]();
  return async () => JSON.parse((await lines.next()).value);
}

function shoal(...args: string[]) {
  const words = ["dist/tracker/main.js", "tracker", "--port", "0", ...args];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  return { child, out: linesOf(child.stdout), err: linesOf(child.stderr) };
}

test("SIGTERM ends with 0 within ten seconds, whoever does not answer", async () => {
  const { child, out } = shoal();
  const listening = await out();
  const stubborn = await Page.join(listening);
  stubborn.ws.pause();
  const before = performance.now();
  child.kill("SIGTERM");
  // A request may overtake the signal.
  const ready = async () => (await exchange(listening, "/readyz")).status;
  await vi.waitFor(async () => expect(await ready()).toBe(503), 10_000);
  await expect(Page.open(listening)).rejects.toThrow("503");
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(performance.now() - before).toBeLessThan(10_000);
  stubborn.ws.terminate();
});

test("SIGHUP reads the rules again, SIGTERM drains and ends with 0", async () => {
  const folder = await mkdtemp(join(tmpdir(), "shoal-process-"));
  try {
    const regions = join(folder, "regions.json");
    await writeFile(regions, '{"127.0.0.0/8": "here"}');
    const { child, out, err } = shoal("--regions", regions);
    const listening = await out();
    expect((await err()).event).toBe("loopback-only");
    const page = await Page.join(listening);
    const labels = async () =>
      JSON.parse(String((await exchange(listening, "/stats")).body)).regions;
    expect(await labels()).toEqual({ here: 1 });

    await writeFile(regions, '{"127.0.0.0/8": "there"}');
    child.kill("SIGHUP");
    expect(await err()).toMatchObject({ level: "info", event: "reloaded" });
    expect(await labels()).toEqual({ there: 1 });

    await writeFile(regions, "{");
    child.kill("SIGHUP");
    expect(await err()).toMatchObject({ level: "error", event: "reload-failed" });
    expect(await labels()).toEqual({ there: 1 });

    child.kill("SIGTERM");
    expect((await page.next("bye")).retryAfterMs).toBeGreaterThan(0);
    expect((await page.closed).code).toBe(1012);
    expect(await once(child, "exit")).toEqual([0, null]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
