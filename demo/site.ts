// The whole demo in one process: the site with its content origin, the tracker, and the switches of the origin. Owns
// their ports, their order of starting and their end. Everything listens on loopback only.

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSigningKey } from "../tracker/manifest/keys.ts";
import { publish } from "../tracker/manifest/publish.ts";
import { parseManifest } from "../tracker/protocol/manifest.ts";
import { startTracker } from "../tracker/server.ts";
import { type ContentFile, ContentOrigin, type OriginRates } from "./origin/content.ts";
import { answerControls, CONTROLS_PATH } from "./origin/controls.ts";
import { Pages } from "./origin/pages.ts";
import { SHELF, stockShelf } from "./origin/shelf.ts";
import { Uplink } from "./origin/uplink.ts";

export interface SiteOptions {
  /** 0: any free one. */
  readonly port: number;
  /** The built pages. */
  readonly pages: string;
  /** Kept from run to run: browsers remember who signed what they keep. */
  readonly keyFile: string;
}

export interface RunningSite {
  readonly url: string;
  readonly trackerUrl: string;
  close(): Promise<void>;
}

/** The pages have not been built. */
export class MissingPages extends Error {
  override readonly name = "MissingPages";
}

const HOST = "127.0.0.1";
const MANIFEST_PATH = "/.well-known/shoal.json";

/**
 * Bytes a second. Normal is a small server's 50 Mbit/s, so that a download takes long enough to watch; slow is what is
 * left of it for one visitor on a busy evening.
 */
const RATES: OriginRates = { normal: 6 * 1024 * 1024, slow: 384 * 1024 };

/** Rejects with `EADDRINUSE` when the port is taken. */
export async function startSite(options: SiteOptions): Promise<RunningSite> {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await started(options, undo, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function started(
  options: SiteOptions,
  undo: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<RunningSite> {
  const site = createServer();
  const port = await listening(site, options.port);
  undo.push(() => closed(site));
  const controls = createServer();
  const controlsPort = await listening(controls, 0);
  undo.push(() => closed(controls));
  const url = `http://localhost:${port}`;

  const tracker = await startTracker({ port: 0, host: HOST, sites: [url] });
  undo.push(() => tracker.close({ graceful: true }));
  const trackerUrl = `http://localhost:${tracker.port}`;

  const directory = await mkdtemp(join(tmpdir(), "shoal-demo-"));
  undo.push(() => rm(directory, { recursive: true, force: true }));
  await stockShelf(directory, import.meta.url);
  const { text, files } = await publishedShelf(directory, options.keyFile, url);
  const facts = {
    tracker: trackerUrl,
    controls: `http://localhost:${controlsPort}${CONTROLS_PATH}`,
    items: SHELF.map(({ from: _, ...item }) => ({
      ...item,
      url: `${url}/${item.path}`,
      size: files.get(`/${item.path}`)?.size ?? 0,
    })),
  };
  const pages = await Pages.in(options.pages, {
    facts: `<script type="application/json" id="facts">${inScript(facts)}</script>`,
    // What a site would write; `defer` instead of `async` only so that the demo's own script finds it there.
    shoal: `<script src="${trackerUrl}/shoal.js" defer></script>`,
  });
  if (!pages.isComplete) {
    throw new MissingPages(`There are no built pages in ${options.pages}; run npm run build.`);
  }
  const content = new ContentOrigin(files, new Uplink(RATES.normal), RATES);

  site.on("request", (request, response) => {
    const { pathname } = new URL(request.url ?? "/", url);
    if (pathname === CONTROLS_PATH) {
      void answerControls(request, response, { content, page: url });
    } else if (request.headers.host !== `localhost:${port}`) {
      // One name for the site: the manifest speaks of its URLs, and nobody gets here by another name by accident.
      response.writeHead(307, { location: `${url}${pathname}` }).end();
    } else if (pathname === MANIFEST_PATH) {
      const headers = { "content-type": "application/json", "cache-control": "max-age=60" };
      response.writeHead(200, headers).end(text);
    } else if (pathname.startsWith("/content/")) {
      void content.answer(request, response, pathname);
    } else {
      pages.answer(response, pathname);
    }
  });
  // Apart from the site, because a browser has six connections to it, and a slow origin occupies them all.
  controls.on("request", (request, response) => {
    void answerControls(request, response, { content, page: url });
  });
  return { url, trackerUrl, close };
}

async function publishedShelf(directory: string, keyFile: string, url: string) {
  const { key } = await openSigningKey(keyFile);
  const { text } = await publish(
    { directory, baseUrl: new URL(`${url}/`), epoch: Date.now() },
    { key },
  );
  const parsed = parseManifest(text);
  if (!parsed.ok) throw new Error(`The manifest just made is malformed at ${parsed.path}.`);
  const files = new Map<string, ContentFile>();
  for (const asset of parsed.manifest.assets) {
    const path = new URL(asset.url).pathname;
    const tag = createHash("sha256").update(asset.digests).digest("base64url").slice(0, 22);
    files.set(path, {
      file: join(directory, path),
      size: asset.size,
      type: asset.type,
      etag: `"${tag}"`,
    });
  }
  return { text, files };
}

/** JSON that cannot end the script element it stands in. */
const inScript = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c");

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, HOST, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
