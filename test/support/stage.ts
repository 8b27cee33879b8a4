// What a browser test plays on: a site with published assets, a tracker that can be stopped and started on its port,
// and visitors who each have a browser context of their own. Owns all of it; `close` frees everything.

import { createHash } from "node:crypto";
import type { Browser, BrowserContext, Page } from "@playwright/test";
import type { Client } from "../../client/index.ts";
import { openSigningKey } from "../../tracker/manifest/keys.ts";
import type { TrackerOptions } from "../../tracker/options.ts";
import { type RunningTracker, startTracker } from "../../tracker/server.ts";
import { newPublisher, type Publisher, type StatementSettings } from "./manifest.ts";
import { type Site, type SiteSettings, startSite } from "./servers.ts";

declare global {
  interface Window {
    shoal?: Client;
  }
}

export interface Stage {
  readonly site: Site;
  readonly publisher: Publisher;
  readonly trackerUrl: string;
  /** Puts assets on the site and a manifest over all of them at the default place. */
  publish(
    assets: Readonly<Record<string, Uint8Array>>,
    settings?: StatementSettings,
  ): Promise<void>;
  stopTracker(): Promise<void>;
  startTracker(): Promise<void>;
  /** A new visitor on the page `/`, with attributes on the script tag. */
  visit(browser: Browser, how?: Visit): Promise<Page>;
  close(): Promise<void>;
}
export interface Visit {
  readonly attributes?: Readonly<Record<string, string>>;
  /** Runs in the page before any script of it. */
  readonly before?: () => void;
  readonly context?: BrowserContext;
  /** Wait until the client is in the swarm; default true. */
  readonly joined?: boolean;
}

/** `headers`: on every answer of the site. `tracker`: what its operator sets beside the port; its key publishes as well. */
export async function setStage({
  headers = {},
  tracker: trackerOptions = {},
}: Pick<SiteSettings, "headers"> & { tracker?: TrackerOptions } = {}): Promise<Stage> {
  const site = await startSite({ files: {}, headers });
  const { key } = trackerOptions;
  const publisher = await newPublisher(key === undefined ? key : (await openSigningKey(key)).key);
  // What is not published is the network's alone, unless a test is about the tracker's word.
  const defaults: TrackerOptions = { contents: "off", ...trackerOptions };
  let tracker: RunningTracker = await startTracker({ ...defaults, port: 0 });
  const { port } = tracker;
  const trackerUrl = `http://127.0.0.1:${port}`;
  const contexts: BrowserContext[] = [];
  return {
    site,
    publisher,
    trackerUrl,
    async publish(assets, settings) {
      const bodies: Record<string, Uint8Array> = {};
      for (const [path, body] of Object.entries(assets)) {
        site.put(path, { body, ...(settings?.type ? { type: settings.type } : {}) });
        bodies[`${site.url}${path}`] = body;
      }
      site.put("/.well-known/shoal.json", { body: await publisher.manifest(bodies, settings) });
    },
    async stopTracker() {
      await tracker.close({ graceful: false });
    },
    async startTracker() {
      tracker = await startTracker({ ...defaults, port });
    },
    async visit(browser, { attributes = {}, before, context, joined = true } = {}) {
      const own = context ?? (await browser.newContext());
      if (context === undefined) contexts.push(own);
      const page = await own.newPage();
      if (before !== undefined) await page.addInitScript(before);
      const text = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`);
      const tag = `<script src="${trackerUrl}/shoal.js"${text.join("")}></script>`;
      const path = `/visit-${createHash("sha256").update(tag).digest("hex").slice(0, 8)}.html`;
      site.put(path, { body: `<!doctype html><title>Visit</title>${tag}`, type: "text/html" });
      await page.goto(site.url + path);
      if (joined) await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
      return page;
    },
    async close() {
      await Promise.all(contexts.map((context) => context.close()));
      await tracker.close({ graceful: false });
      await site.close();
    },
  };
}

export interface Fetched {
  readonly status: number;
  readonly sha256: string;
  readonly length: number;
  readonly cacheStatus: string | null;
  readonly elapsedMs: number;
}

/** Fetches through Shoal in the page, and says what came. */
export function fetched(page: Page, url: string, init: RequestInit = {}): Promise<Fetched> {
  return page.evaluate(
    async ([address, options]) => {
      const begin = performance.now();
      const response = await (window.shoal as Client).fetch(address, options);
      const body = await response.arrayBuffer();
      const elapsedMs = performance.now() - begin;
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
      return {
        status: response.status,
        sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
        length: body.byteLength,
        cacheStatus: response.headers.get("Cache-Status"),
        elapsedMs,
      };
    },
    [url, init] as const,
  );
}

export function stats(page: Page): Promise<ReturnType<Client["stats"]>> {
  return page.evaluate(() => (window.shoal as Client).stats());
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Bytes nobody can compress or guess, the same for the same seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed | 0;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
