// The whole demo in one process: the site with its content origin, the tracker, and the switches of both. Owns their ports,
// their order of starting and their end. Everything listens on loopback only.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { openSigningKey } from "../tracker/manifest/keys.ts";
import { Channel } from "./origin/channel.ts";
import { ContentOrigin, type MadeContent, type OriginRates } from "./origin/content.ts";
import { answerControls, CONTROLS_PATH } from "./origin/controls.ts";
import { Doors, REGION_RULES, REGIONS } from "./origin/doors.ts";
import { Edition } from "./origin/edition.ts";
import { Pages } from "./origin/pages.ts";
import { LIVE_WINDOW, segmentName, vodPlaylist } from "./origin/playlist.ts";
import { FILM_PATH, FILM_SEGMENTS, SHELF, stockShelf } from "./origin/shelf.ts";
import { SKY_SECONDS, skyAt, skyMoment } from "./origin/sky.ts";
import { SwitchedTracker } from "./origin/switched-tracker.ts";
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
/** Each holds the files in memory and keeps links to all others; more would only make a laptop warm. */
const MOST_VISITORS = 8;
const MANIFEST_PATH = "/.well-known/shoal.json";
const LIVE_PATH = "content/live";
const SKY_PATH = "content/sky.json";

/**
 * Bytes a second. Normal is a small server's 50 Mbit/s, so that a download takes long enough to watch; slow is what is
 * left of it on a busy evening, hardly enough for one to watch the channel.
 */
const RATES: OriginRates = { normal: 6 * 1024 * 1024, slow: 1024 * 1024 };

/**
 * To a browser each is another site, which runs in a process of its own: nine clients in one thread would leave the page none of
 * it. Browsers resolve them to the loopback by themselves (RFC 6761, section 6.3), Safari does not.
 */
const visitorSitesAt = (port: number): string[] =>
  Array.from({ length: MOST_VISITORS }, (_, at) => `http://visitor-${at}.localhost:${port}`);

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

  const directory = await mkdtemp(join(tmpdir(), "shoal-demo-"));
  undo.push(() => rm(directory, { recursive: true, force: true }));
  const regions = join(directory, "regions.json");
  await writeFile(regions, JSON.stringify(REGION_RULES));
  const visitorSites = visitorSitesAt(port);
  const tracker = new SwitchedTracker({ host: HOST, sites: [url], regions, trustProxy: 1 });
  const trackerPort = await tracker.switch(true);
  undo.push(() => tracker.switch(false));
  const trackerUrl = `http://localhost:${trackerPort}`;

  const shelf = join(directory, "shelf");
  await mkdir(shelf);
  const film = await stockShelf(shelf, import.meta.url);
  const { key } = await openSigningKey(options.keyFile);
  const out = join(directory, "shoal.json");
  const edition = await Edition.begin({ directory: shelf, out, url, key });
  undo.push(() => edition.close());
  const channel = await Channel.begin({
    directory: join(shelf, LIVE_PATH),
    rendition: film,
    isPublished: (name) => edition.files.has(`/${LIVE_PATH}/${name}`),
  });
  undo.push(() => channel.close());
  // Whoever comes from now on finds a channel in the manifest, and a whole window of it. The last of it may be published first:
  // what the watcher has not seen come has to lie still for a second.
  for (let n = 0; n < LIVE_WINDOW; n++) await edition.until(`/${LIVE_PATH}/${segmentName(n)}`);
  const facts = {
    page: url,
    manifest: url + MANIFEST_PATH,
    visitorPages: visitorSites.map((origin) => `${origin}/visitor.html`),
    controls: `http://localhost:${controlsPort}`,
    tracker: trackerUrl,
    regions: REGIONS,
    film: `${url}/${FILM_PATH}/index.m3u8`,
    live: `${url}/${LIVE_PATH}/index.m3u8`,
    sky: `${url}/${SKY_PATH}`,
    items: SHELF.map(({ from: _, ...item }) => ({
      ...item,
      url: `${url}/${item.path}`,
      size: edition.files.get(`/${item.path}`)?.size ?? 0,
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
  const made = new Map<string, () => MadeContent>([
    [`/${LIVE_PATH}/index.m3u8`, () => playlist(channel.playlist())],
    [`/${FILM_PATH}/index.m3u8`, () => playlist(vodPlaylist(film, FILM_SEGMENTS))],
    [`/${SKY_PATH}`, () => sky(Date.now())],
  ]);
  const uplink = new Uplink(RATES.normal);
  const content = new ContentOrigin({ files: edition.files, made }, uplink, RATES);

  site.on("request", (request, response) => {
    const { pathname } = new URL(request.url ?? "/", url);
    const { host = "" } = request.headers;
    if (visitorSites.includes(`http://${host}`)) {
      pages.answer(response, pathname);
    } else if (host !== `localhost:${port}`) {
      // One name for the site: the manifest speaks of its URLs, and nobody gets here by another name by accident.
      response.writeHead(307, { location: `${url}${pathname}` }).end();
    } else if (pathname !== MANIFEST_PATH && !pathname.startsWith("/content/")) {
      pages.answer(response, pathname);
    } else {
      response.setHeaders(FOR_ANY_SITE);
      if (request.method === "OPTIONS") response.writeHead(204).end();
      else if (pathname === MANIFEST_PATH) edition.answer(request, response);
      else void content.answer(request, response, pathname);
    }
  });
  // Apart from the site, because a browser has six connections to it, and a slow origin occupies them all.
  controls.on("request", (request, response) => {
    if (request.url !== CONTROLS_PATH) return void response.writeHead(404).end();
    void answerControls(request, response, {
      content,
      page: url,
      isTrackerOn: () => tracker.isOn,
      switchTracker: async (on) => void (await tracker.switch(on)),
    });
  });
  const doors = new Doors(url, visitorSites);
  undo.push(async () => doors.close());
  controls.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) =>
    doors.through(request, stream, { head, port: trackerPort }),
  );
  return { url, trackerUrl, close };
}

/** The visitors' pages, too: what is here is for everybody, and to be shared. */
const FOR_ANY_SITE = new Headers({
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "content-range, etag, shoal-cache-control",
  "access-control-allow-headers": "range, if-none-match",
  "access-control-max-age": "600",
});

const playlist = (body: string): MadeContent => ({
  body,
  type: "application/vnd.apple.mpegurl",
  etag: `"${body.length}-${/SEQUENCE:(\d+)/.exec(body)?.[1] ?? 0}"`,
  seconds: 0,
});

function sky(now: number): MadeContent {
  const at = skyMoment(now);
  return {
    body: JSON.stringify(skyAt(at)),
    type: "application/json",
    etag: `"${at}"`,
    seconds: SKY_SECONDS,
  };
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
