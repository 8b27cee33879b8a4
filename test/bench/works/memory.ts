// What a page keeps of a file that is larger than its cache may be: a gibibyte read as a stream and thrown away. Looked at
// every so often with the garbage gone; it must not grow with what has passed.

import { readFileSync } from "node:fs";
import type { CDPSession, Page } from "@playwright/test";
import type { Client } from "../../../client/index.ts";
import { noise } from "../../support/stage.ts";
import type { Hall } from "../hall.ts";
import type { Figures, Work } from "../work.ts";

const MIB = 1024 * 1024;
const FILE_BYTES = 1024 * MIB;
const CACHE_MIB = 100;
const PATH = "/large.bin";
/** The first look is when the cache has been full for a while. */
const LOOK_EVERY_BYTES = 256 * MIB;

let file: Uint8Array | undefined;

export const memory: Work = {
  name: "memory",
  about: `a page reads 1 GiB with a cache of ${CACHE_MIB} MiB: growth from a quarter on`,
  variants: {
    plain: { name: "fetch", run: (hall) => read(hall, "plain") },
    shoal: { name: "Shoal", run: (hall) => read(hall, "shoal") },
  },
  measures: [
    // A sixteenth of a look's bytes: keeping anything in proportion would show as a multiple of it.
    { figure: "heap growth", unit: "MiB", digits: 1, target: { is: "at most", bound: 16 } },
    { figure: "heap at the end", unit: "MiB", digits: 1 },
    { figure: "process growth", unit: "MiB", digits: 0 },
  ],
  limitSeconds: 300,
};

async function read(hall: Hall, way: "plain" | "shoal"): Promise<Figures> {
  file ??= noise(FILE_BYTES, 1);
  await hall.stage.publish({ [PATH]: file });
  const attributes = { "data-cache-mb": String(CACHE_MIB) };
  const [page] = await (way === "shoal" ? hall.visitors(1, { attributes }) : hall.strangers(1));
  if (page === undefined) throw new Error("nobody came");
  const session = await page.context().newCDPSession(page);
  await begin(page, way, hall.stage.site.url + PATH);
  const heaps: number[] = [];
  const processes: number[] = [];
  for (let at = LOOK_EVERY_BYTES; at <= FILE_BYTES; at += LOOK_EVERY_BYTES) {
    await readUntil(page, at);
    hall.note(`${at / MIB} MiB have passed`);
    heaps.push(await heapMiB(session));
    processes.push(await processMiB(hall));
  }
  return {
    "heap growth": growth(heaps),
    "heap at the end": heaps.at(-1) ?? Number.NaN,
    "process growth": growth(processes),
  };
}

/** Of the largest over the first. */
const growth = ([first = Number.NaN, ...later]: readonly number[]): number =>
  Math.max(...later) - first;

declare global {
  interface Window {
    passing?: ReadableStreamDefaultReader<Uint8Array>;
    passed?: number;
  }
}

async function begin(page: Page, way: "plain" | "shoal", url: string): Promise<void> {
  await page.evaluate(
    async ([address, through]) => {
      const { body } = await (through === "shoal"
        ? (window.shoal as Client).fetch(address)
        : fetch(address));
      if (body === null) throw new Error("there is no body");
      window.passing = body.getReader();
      window.passed = 0;
    },
    [url, way] as const,
  );
}

async function readUntil(page: Page, bytes: number): Promise<void> {
  await page.evaluate(async (until) => {
    const { passing } = window;
    while (passing !== undefined && (window.passed ?? 0) < until) {
      const { value, done } = await passing.read();
      if (done) throw new Error("the body is shorter than it should be");
      window.passed = (window.passed ?? 0) + value.length;
    }
  }, bytes);
}

/** Objects, and the buffers that they stand for. */
async function heapMiB(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  // The protocol's types lag behind: what buffers hold is newer.
  const usage: { usedSize: number; backingStorageSize?: number } =
    await session.send("Runtime.getHeapUsage");
  return (usage.usedSize + (usage.backingStorageSize ?? 0)) / MIB;
}

/** The largest process that shows pages, as the system counts it; NaN where there is no /proc. */
async function processMiB({ browser }: Hall): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const renderers = processInfo.filter(({ type }) => type === "renderer");
  return Math.max(...renderers.map(({ id }) => residentMiB(id)));
}

function residentMiB(id: number): number {
  try {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/status`, "utf8"));
    return match === null ? Number.NaN : Number(match[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}
