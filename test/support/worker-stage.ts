// A stage whose site has a service worker: the one-line file, a page with the tag, and a second page for coming back. Says who
// answered a request, by what the page sees of it.

import { type Browser, type BrowserContext, expect, type Page } from "@playwright/test";
import { type AssetStatement, writeManifest } from "../../tracker/protocol/manifest.ts";
import type { SiteFile } from "./servers.ts";
import { type Stage, setStage, type Visit } from "./stage.ts";

export const WORKER_FILE = "/shoal-sw.js";
export const TAG = { "data-service-worker": WORKER_FILE };

export async function setWorkerStage(
  settings: Parameters<typeof setStage>[0] = {},
): Promise<Stage> {
  // The worker answers by itself only what need not be asked about.
  const headers = { "Shoal-Cache-Control": "max-age=600", ...settings.headers };
  const stage = await setStage({ ...settings, headers });
  stage.site.put(WORKER_FILE, { body: `importScripts("${stage.trackerUrl}/shoal-sw.js");` });
  return stage;
}

/** A visitor who has been here before: the page is the worker's from its first request on, and answers it. */
export async function visitControlled(
  stage: Stage,
  browser: Browser,
  { attributes = {}, ...visit }: Visit = {},
): Promise<Page> {
  const page = await stage.visit(browser, { ...visit, attributes: { ...TAG, ...attributes } });
  await answering(page);
  await page.reload();
  await answering(page);
  if (visit.joined !== false) {
    await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
  }
  return page;
}

/** The worker has this very page, and the page holds the lock that says so. */
export async function answering(page: Page): Promise<void> {
  // Not `waitForFunction`: to it the promise of an answer is as good as a yes.
  await expect.poll(() => page.evaluate(isAsked), { timeout: 30_000 }).toBe(true);
}

async function isAsked(): Promise<boolean> {
  const { controller } = navigator.serviceWorker;
  if (controller === null) return false;
  const { port1, port2 } = new MessageChannel();
  const welcome = new Promise<MessageEvent<{ client: string }>>((resolve) => {
    port1.onmessage = resolve;
  });
  controller.postMessage({ shoal: "hello" }, [port2]);
  const { client } = (await welcome).data;
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name?.startsWith("shoal-host-") && name.endsWith(` ${client}`));
}

/** Puts files on the site, each with its own type, and a manifest over all of them. */
export async function publishFiles(
  { site, publisher }: Stage,
  files: Readonly<Record<string, SiteFile & { readonly type: string }>>,
): Promise<void> {
  const statements: AssetStatement[] = [];
  for (const [path, file] of Object.entries(files)) {
    const { body, type } = file;
    site.put(path, file);
    statements.push(await publisher.statement(site.url + path, Buffer.from(body), { type }));
  }
  site.put("/.well-known/shoal.json", { body: writeManifest(1, publisher.key, statements) });
}

export interface Got {
  readonly status: number;
  readonly sha256: string;
  readonly length: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** With the page's own `fetch`, as any script of the site would. */
export function got(page: Page, url: string, init: RequestInit = {}): Promise<Got> {
  return page.evaluate(
    async ([address, options]) => {
      const response = await fetch(address, options);
      const body = await response.arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
      return {
        status: response.status,
        sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
        length: body.byteLength,
        headers: Object.fromEntries(response.headers),
      };
    },
    [url, init] as const,
  );
}

/** Stops the worker as the browser does with an idle one. */
export async function stopWorker(
  page: Page,
  context: BrowserContext = page.context(),
): Promise<void> {
  const devtools = await context.newCDPSession(page);
  await devtools.send("ServiceWorker.enable");
  await devtools.send("ServiceWorker.stopAllWorkers");
  await devtools.detach();
}
