// What a page keeps of a file that is larger than its cache may be: a gibibyte read as a stream and thrown away, or saved. Looked
// at every so often with the garbage gone; it must not grow with what has passed.

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type CDPSession, chromium, type Page } from "@playwright/test";
import type { Client } from "../../../client/index.ts";
import type { save } from "../../../client/save.ts";
import { launchOptions } from "../../support/browser.ts";
import { noise } from "../../support/stage.ts";
import type { Hall } from "../hall.ts";
import type { Figures, Measure, Work } from "../work.ts";

const MIB = 1024 * 1024;
const FILE_BYTES = 1024 * MIB;
const CACHE_MIB = 100;
const PATH = "/large.bin";
/** The first look is when the cache has been full for a while. */
const LOOK_EVERY_BYTES = 256 * MIB;
/** One after the other, each time. */
const LOOKS = 5;

let file: Uint8Array | undefined;

const measures: readonly Measure[] = [
  // A sixteenth of a look's bytes: keeping anything in proportion would show as a multiple of it.
  { figure: "heap growth", unit: "MiB", digits: 1, target: { is: "at most", bound: 16 } },
  { figure: "heap at the end", unit: "MiB", digits: 1 },
  { figure: "process growth", unit: "MiB", digits: 0 },
  // Of the process that has the downloads, and what pages have handed over for them.
  { figure: "browser growth", unit: "MiB", digits: 0 },
];

export const memory: Work = {
  name: "memory",
  about: `a page reads 1 GiB with a cache of ${CACHE_MIB} MiB: growth from a quarter on`,
  variants: {
    plain: { name: "fetch", run: (hall) => read(hall, "plain") },
    shoal: { name: "Shoal", run: (hall) => read(hall, "shoal") },
  },
  measures,
  limitSeconds: 300,
};

export const memorySaved: Work = {
  name: "memory-saved",
  about: `a page saves 1 GiB with a cache of ${CACHE_MIB} MiB, into a file or among the downloads: growth as in memory`,
  variants: {
    rival: { name: "downloads", run: (hall) => saved(hall, false) },
    shoal: { name: "Shoal", run: (hall) => saved(hall, true) },
  },
  measures,
  limitSeconds: 300,
};

async function read(hall: Hall, way: "plain" | "shoal"): Promise<Figures> {
  const page = await visitor(hall, way);
  await begin(page, way, hall.stage.site.url + PATH);
  return looks(hall, page, (bytes) => readUntil(page, bytes));
}

/** In a browser with a profile on the disk: to all others, which are private windows, the disk is memory as well. */
async function saved(hall: Hall, isNamed: boolean): Promise<Figures> {
  const profile = await mkdtemp(join(tmpdir(), "shoal-memory-"));
  const quiet = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
  const context = await chromium.launchPersistentContext(profile, { ...launchOptions(), ...quiet });
  try {
    const attributes = { "data-cache-mb": String(CACHE_MIB) };
    await publishFile(hall);
    const page = await hall.stage.visit(hall.browser, { context, attributes });
    return await saving(hall, page, isNamed);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** The run has its limit. */
const unhurried = { timeout: 0 };

async function saving(hall: Hall, page: Page, isNamed: boolean): Promise<Figures> {
  const module = `import { save } from "${hall.stage.trackerUrl}/shoal-save.mjs"; window.save = save;`;
  await page.addScriptTag({ type: "module", content: module });
  await page.waitForFunction(() => window.save !== undefined);
  await page.evaluate(beginSaving, [PATH, isNamed] as const);
  const figures = await looks(hall, page, async (bytes) => {
    await page.waitForFunction((until) => (window.passed ?? 0) >= until, bytes, unhurried);
  });
  await page.waitForFunction(() => window.isSaved, undefined, unhurried);
  return figures;
}

async function publishFile({ stage }: Hall): Promise<void> {
  file ??= noise(FILE_BYTES, 1);
  await stage.publish({ [PATH]: file });
}

async function visitor(hall: Hall, way: "plain" | "shoal"): Promise<Page> {
  await publishFile(hall);
  const attributes = { "data-cache-mb": String(CACHE_MIB) };
  const [page] = await (way === "shoal" ? hall.visitors(1, { attributes }) : hall.strangers(1));
  if (page === undefined) throw new Error("nobody came");
  return page;
}

/** `until`: resolves when so many bytes have passed. */
async function looks(
  hall: Hall,
  page: Page,
  until: (bytes: number) => Promise<void>,
): Promise<Figures> {
  const session = await page.context().newCDPSession(page);
  const heaps: number[] = [];
  const processes: number[] = [];
  const browsers: number[] = [];
  for (let at = LOOK_EVERY_BYTES; at <= FILE_BYTES; at += LOOK_EVERY_BYTES) {
    await until(at);
    hall.note(`${at / MIB} MiB have passed`);
    heaps.push(await keptMiB(session));
    processes.push(await processMiB(page, "renderer"));
    browsers.push(await processMiB(page, "browser"));
  }
  return {
    "heap growth": growth(heaps),
    "heap at the end": heaps.at(-1) ?? Number.NaN,
    "process growth": growth(processes),
    "browser growth": growth(browsers),
  };
}

/** Of the largest over the first. */
const growth = ([first = Number.NaN, ...later]: readonly number[]): number =>
  Math.max(...later) - first;

declare global {
  interface Window {
    passing?: ReadableStreamDefaultReader<Uint8Array>;
    passed?: number;
    save?: typeof save;
    isSaved?: boolean;
  }
}

/** In the page. As in most browsers, there is no way to ask where a file is to be: a test has nobody to answer. */
async function beginSaving([url, isNamed]: readonly [string, boolean]): Promise<void> {
  Reflect.deleteProperty(window, "showSaveFilePicker");
  const directory = await navigator.storage.getDirectory();
  const to = isNamed ? { to: await directory.getFileHandle("large.bin", { create: true }) } : {};
  const progress = ({ bytes }: { readonly bytes: number }): void => {
    window.passed = bytes;
  };
  void window.save?.(window.shoal as Client, url, { ...to, progress }).then(() => {
    window.isSaved = true;
  });
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

/** The least of a few: what is on its way comes and goes, what is kept is in all of them. */
async function keptMiB(session: CDPSession): Promise<number> {
  const heaps: number[] = [];
  while (heaps.length < LOOKS) heaps.push(await heapMiB(session));
  return Math.min(...heaps);
}

/** Objects, and the buffers that they stand for. */
async function heapMiB(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  // The protocol's types lag behind: what buffers hold is newer.
  const usage: { usedSize: number; backingStorageSize?: number } =
    await session.send("Runtime.getHeapUsage");
  return (usage.usedSize + (usage.backingStorageSize ?? 0)) / MIB;
}

/** The largest process of a type, as the system counts it; NaN where there is no /proc. */
async function processMiB(page: Page, wanted: "renderer" | "browser"): Promise<number> {
  const browser: Browser | null = page.context().browser();
  if (browser === null) return Number.NaN;
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const processes = processInfo.filter(({ type }) => type === wanted);
  return Math.max(...processes.map(({ id }) => residentMiB(id)));
}

function residentMiB(id: number): number {
  try {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/status`, "utf8"));
    return match === null ? Number.NaN : Number(match[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}
