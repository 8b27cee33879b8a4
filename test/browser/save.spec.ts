// Large downloads onto the disk: into a file that the page names, and among the browser's downloads where none can be
// asked for. Broken off there is no half file, and what had come is not transferred again.

import { readFile } from "node:fs/promises";
import { expect, type Page, test } from "@playwright/test";
import type { Client } from "../../client/index.ts";
import type { SaveProgress, save } from "../../client/save.ts";
import { noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const FILM = noise(6_000_000, 11);
const PATH = "/films/a%20film.bin";

let stage: Stage;
let page: Page;
test.beforeAll(async () => {
  stage = await setStage();
  await stage.publish({ [PATH]: FILM });
  stage.site.put("/plain.bin", { body: FILM.subarray(0, 100_000) });
});
test.afterAll(() => stage.close());
test.beforeEach(async ({ browser }) => {
  stage.site.limit(null);
  // The browser as most are: it has no way to ask where a file is to be.
  const before = () => Reflect.deleteProperty(window, "showSaveFilePicker");
  page = await stage.visit(browser, { before });
  await ready();
});
test.afterEach(() => page.context().close());

interface Saving {
  readonly save: typeof save;
  file?: FileSystemFileHandle;
  readonly told: SaveProgress[];
  readonly stop: AbortController;
  /** How it ended. */
  outcome?: string;
}
declare global {
  interface Window {
    saving?: Saving;
  }
}

/** The module, as a page has it that loads it from the tracker. */
async function ready(): Promise<void> {
  await page.evaluate(async (address) => {
    const module: { readonly save: typeof save } = await import(address);
    window.saving = { save: module.save, told: [], stop: new AbortController() };
  }, `${stage.trackerUrl}/shoal-save.mjs`);
}

/** Begins; `isNamed`: into a file of the page's own disk. */
function begin(path: string, isNamed: boolean): Promise<void> {
  return page.evaluate(
    async ([url, named]) => {
      const saving = window.saving as Saving;
      const { told, stop } = saving;
      if (named) {
        const directory = await navigator.storage.getDirectory();
        saving.file = await directory.getFileHandle("film.bin", { create: true });
      }
      const to = saving.file === undefined ? {} : { to: saving.file };
      const progress = (now: SaveProgress) => void told.push(now);
      void saving.save(window.shoal as Client, url, { ...to, signal: stop.signal, progress }).then(
        () => {
          saving.outcome = "saved";
        },
        (error) => {
          saving.outcome = String(error);
        },
      );
    },
    [path, isNamed] as const,
  );
}
const outcome = (): Promise<string | undefined> => page.evaluate(() => window.saving?.outcome);
const told = (): Promise<SaveProgress[]> => page.evaluate(() => window.saving?.told ?? []);
const written = (): Promise<{ readonly size: number; readonly sha256: string }> =>
  page.evaluate(async () => {
    const directory = await navigator.storage.getDirectory();
    const handle = await directory.getFileHandle("film.bin");
    const bytes = await (await handle.getFile()).arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return { size: bytes.byteLength, sha256: hex };
  });

test("among the downloads, under its own name, with progress to the end", async () => {
  const download = page.waitForEvent("download");
  await begin(PATH, false);
  expect((await download).suggestedFilename()).toBe("a film.bin");
  expect(sha256(await readFile(await (await download).path()))).toBe(sha256(FILM));
  await expect.poll(outcome).toBe("saved");
  const all = await told();
  expect(all.at(-1)).toEqual({ bytes: FILM.length, total: FILM.length });
  expect(all.map(({ bytes }) => bytes)).toEqual(
    all.map(({ bytes }) => bytes).sort((a, b) => a - b),
  );
});

test("into a file that the page names", async () => {
  await begin(PATH, true);
  await expect.poll(outcome).toBe("saved");
  expect(await written()).toEqual({ size: FILM.length, sha256: sha256(FILM) });
});

test("broken off there is no half file; after a reload the rest is transferred, and nothing twice", async () => {
  stage.site.limit(1_000_000);
  await begin(PATH, true);
  await expect.poll(async () => (await told()).at(-1)?.bytes ?? 0).toBeGreaterThan(2_000_000);
  await page.evaluate(() => window.saving?.stop.abort(new Error("enough")));
  await expect.poll(outcome).toBe("Error: enough");
  expect((await written()).size).toBe(0);
  await expect.poll(async () => (await stats(page)).cache.bytes).toBeGreaterThan(1_500_000);
  await page.reload();
  await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
  await ready();
  stage.site.limit(null);
  await begin(PATH, true);
  await expect.poll(outcome).toBe("saved");
  expect(await written()).toEqual({ size: FILM.length, sha256: sha256(FILM) });
  const { bytes } = await stats(page);
  expect(bytes.cache).toBeGreaterThan(1_500_000);
  expect(bytes.cache + bytes.origin).toBe(FILM.length);
});

test("what Shoal has no part in is saved all the same", async () => {
  await begin("/plain.bin", true);
  await expect.poll(outcome).toBe("saved");
  expect((await written()).sha256).toBe(sha256(FILM.subarray(0, 100_000)));
  expect((await told()).at(-1)).toEqual({ bytes: 100_000, total: 100_000 });
});

test("what is not there is not saved, and says why", async () => {
  await begin("/nothing.bin", true);
  await expect.poll(outcome).toContain("nothing.bin cannot be saved: it was answered with 404");
  expect((await written()).size).toBe(0);
});
