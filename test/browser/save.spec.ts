// Large downloads onto the disk: into a file that the page names, and among the browser's downloads where none can be
// asked for. Broken off there is no half file, and what had come is not transferred again. And what plain links download.

import { readFile } from "node:fs/promises";
import { type Download, expect, type Page, test } from "@playwright/test";
import type { Client } from "../../client/index.ts";
import type { SaveProgress, save, saveLinks } from "../../client/save.ts";
import { fetched, noise, type Stage, sha256, stats } from "../support/stage.ts";
import { setWorkerStage, TAG, visitControlled } from "../support/worker-stage.ts";

const FILM = noise(6_000_000, 11);
const PATH = "/films/a%20film.bin";
const BROKEN = "/broken.bin";

let stage: Stage;
let page: Page;
test.beforeAll(async () => {
  stage = await setWorkerStage();
  await stage.publish({ [PATH]: FILM, [BROKEN]: FILM.subarray(0, 300_000) });
  // Published, but the site gives it to nobody but the browser itself.
  stage.site.answer(BROKEN, (request, response) => {
    if (request.headers["sec-fetch-mode"] === "navigate") response.end(FILM.subarray(0, 300_000));
    else response.destroy();
  });
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
  readonly saveLinks: typeof saveLinks;
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
    const module: Pick<Saving, "save" | "saveLinks"> = await import(address);
    window.saving = { ...module, told: [], stop: new AbortController() };
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

test("broken off on its way to the downloads, it says by what", async () => {
  stage.site.limit(1_000_000);
  await begin(PATH, false);
  await expect.poll(async () => (await told()).at(-1)?.bytes ?? 0).toBeGreaterThan(100_000);
  await page.evaluate(() => window.saving?.stop.abort(new Error("enough")));
  await expect.poll(outcome).toBe("Error: enough");
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

test.describe("a link with download", () => {
  const attributes = { ...TAG, "data-downloads": "on" };
  let visitor: Page;
  test.beforeAll(async ({ browser }) => {
    visitor = await visitControlled(stage, browser, { attributes });
  });

  /** A click on a link to there, as a visitor's: what the browser downloads then. */
  async function clicked(path: string, download = ""): Promise<Download> {
    await visitor.evaluate(
      ([href, name]) => {
        const link = Object.assign(document.createElement("a"), { href, textContent: "Save" });
        link.setAttribute("download", name);
        link.setAttribute("onclick", "window.clicks = (window.clicks ?? 0) + 1");
        document.body.replaceChildren(link);
      },
      [path, download] as const,
    );
    const came = visitor.waitForEvent("download");
    await visitor.click("a");
    return came;
  }
  const bytesOf = async (download: Download): Promise<string> =>
    sha256(await readFile(await download.path()));

  test("comes from another visitor with the origin off", async () => {
    expect(await fetched(page, PATH)).toMatchObject({ sha256: sha256(FILM) });
    await stage.site.goOffline();
    try {
      const download = await clicked(PATH, "mine.bin");
      expect(download.suggestedFilename()).toBe("mine.bin");
      expect(await bytesOf(download)).toBe(sha256(FILM));
      const { peers, origin } = (await stats(visitor)).bytes;
      expect({ peers, origin }).toEqual({ peers: FILM.length, origin: 0 });
    } finally {
      await stage.site.goOnline();
    }
    const again = await clicked(PATH);
    expect(again.suggestedFilename()).toBe("a film.bin");
    expect(await bytesOf(again)).toBe(sha256(FILM));
    await expect(visitor.locator("a[aria-busy]")).toHaveCount(0);
  });

  test("to what Shoal has no part in, or cannot bring, is the browser's own", async () => {
    const clicks: number = await visitor.evaluate("window.clicks ?? 0");
    const download = await clicked("/plain.bin");
    expect(new URL(download.url()).protocol).toBe("http:");
    expect(await bytesOf(download)).toBe(sha256(FILM.subarray(0, 100_000)));
    const broken = await clicked(BROKEN);
    expect(new URL(broken.url()).protocol).toBe("http:");
    expect(await bytesOf(broken)).toBe(sha256(FILM.subarray(0, 300_000)));
    expect(await visitor.evaluate("window.clicks")).toBe(clicks + 2);
  });

  test("is left alone where the page, the visitor or the address says so, and asked for once", async () => {
    const seen = await page.evaluate(() => {
      const { saveLinks } = window.saving as Saving;
      const asked: unknown[] = [];
      const stop = saveLinks({
        fetch: (url) => {
          asked.push(url);
          return new Promise(() => {});
        },
      });
      const link = document.createElement("a");
      const at = (href: string): void => {
        link.href = href;
        link.download = "";
        document.body.replaceChildren(link);
      };
      const click = (how: MouseEventInit = {}): void => {
        link.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ...how }));
      };
      // What is left to the browser it need not do here.
      addEventListener("click", (event) => event.preventDefault());
      at("/ours");
      for (const key of ["altKey", "ctrlKey", "metaKey", "shiftKey"]) click({ [key]: true });
      click({ button: 1 });
      link.onclick = () => false;
      click();
      link.onclick = null;
      link.removeAttribute("download");
      click();
      const others = ["http://other.example/a", URL.createObjectURL(new Blob(["a"])), "mailto:a"];
      for (const other of others) {
        at(other);
        click();
      }
      const before = asked.length;
      at("/ours");
      click();
      click();
      const stays = !dispatchEvent(new Event("beforeunload", { cancelable: true }));
      const during = { asked: asked.length, busy: link.ariaBusy, stays };
      stop();
      link.ariaBusy = null;
      click();
      return { before, during, after: asked.length };
    });
    const during = { asked: 1, busy: "true", stays: true };
    expect(seen).toEqual({ before: 0, during, after: 1 });
  });
});
