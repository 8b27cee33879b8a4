// A page of sixty real files through the service worker. What it costs a visitor whom nobody can help; and what the first
// visitor, the second and one who comes back load, how long that takes, and from where it comes: without Shoal, with the tag alone,
// and where a first page says what comes next.

import type { BrowserContext } from "@playwright/test";
import { flaws, type RealPage, realPage } from "../../support/real-page.ts";
import { stats } from "../../support/stage.ts";
import { answering, publishFiles, WORKER_FILE } from "../../support/worker-stage.ts";
import type { Hall } from "../hall.ts";
import { median } from "../verdict.ts";
import type { Figures, Measure, Work } from "../work.ts";

const ORIGIN_BYTES_PER_SECOND = 5e6;
const LOADS = 5;
const MB = 1e6;
const VISITORS = ["first", "second", "returning"] as const;

/** `told`: the first page says what the second one needs, and the visitor stays until it is there. */
type Way = "plain" | "untold" | "told";

const measuresOf = (visitor: string): readonly Measure[] => [
  { figure: `${visitor} visitor, load`, unit: "s" },
  { figure: `${visitor} visitor, from the origin`, unit: "MB" },
  { figure: `${visitor} visitor, from peers`, unit: "MB" },
  { figure: `${visitor} visitor, from caches`, unit: "MB" },
];

export const page: Work = {
  name: "page",
  about: `a page of 64 images, styles, scripts and fonts, by the service worker; origin 5 MB/s`,
  variants: {
    plain: {
      name: "plain",
      run: async (hall) => ({
        ...(await alone(hall, "plain")),
        ...(await visitors(hall, "plain")),
      }),
    },
    rival: { name: "not told", run: (hall) => visitors(hall, "untold") },
    shoal: {
      name: "Shoal",
      run: async (hall) => ({
        ...(await alone(hall, "untold")),
        ...(await visitors(hall, "told")),
      }),
    },
  },
  measures: [
    {
      figure: "load",
      unit: "s",
      target: { is: "at most", bound: 1.05, against: { role: "plain", by: "ratio" } },
    },
    { figure: "fifth, copies", target: { is: "at most", bound: 0.35 } },
    ...VISITORS.flatMap(measuresOf),
  ],
  limitSeconds: 180,
};

async function prepared(hall: Hall, way: Way): Promise<RealPage> {
  const pictures = await realPage(hall.browser);
  const { site, trackerUrl } = hall.stage;
  // As a site says of its files: who comes back soon need not ask.
  const headers = { "Cache-Control": "public, max-age=600" };
  const files = Object.entries(pictures.files).map(([path, file]) => [path, { ...file, headers }]);
  await publishFiles(hall.stage, Object.fromEntries(files));
  site.put(WORKER_FILE, { body: `importScripts("${trackerUrl}/shoal-sw.js");` });
  const tag = (more = "") =>
    way === "plain"
      ? ""
      : `<script src="${trackerUrl}/shoal.js" data-service-worker="${WORKER_FILE}" ${more} async></script>`;
  const next = `data-prefetch="${Object.keys(pictures.files).join()}"`;
  const first = tag(way === "told" ? next : "");
  site.put("/", { body: `<!doctype html>${first}<p>Welcome`, type: "text/html" });
  site.put("/pictures", { body: pictures.html(tag()), type: "text/html" });
  return pictures;
}

interface Load {
  readonly seconds: number;
  /** Of the page's files, since the visitor came. */
  readonly origin: number;
  readonly peers: number;
}

async function load(
  hall: Hall,
  pictures: RealPage,
  { context, way }: { readonly context: BrowserContext; readonly way: Way },
): Promise<Load> {
  const { site } = hall.stage;
  const paths = Object.keys(pictures.files);
  const sent = (): number => paths.reduce((sum, path) => sum + site.sent(path), 0);
  const before = sent();
  let peers = 0;
  hall.limit(ORIGIN_BYTES_PER_SECOND);
  const tab = await context.newPage();
  await tab.goto(site.url);
  if (way !== "plain") {
    await answering(tab);
    await tab.waitForFunction(
      (count) => (window.shoal?.stats().cache.assets ?? 0) >= count,
      way === "told" ? paths.length : 0,
    );
    peers += (await stats(tab)).bytes.peers;
  }
  await tab.goto(`${site.url}/pictures`);
  const milliseconds = await tab.evaluate(() => {
    const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    return entry?.loadEventStart ?? Number.NaN;
  });
  const wrong = await flaws(tab);
  if (wrong.length > 0) throw new Error(`the page is not whole: ${wrong.join(", ")}`);
  if (way !== "plain") peers += (await stats(tab)).bytes.peers;
  return { seconds: milliseconds / 1000, origin: sent() - before, peers };
}

/** One visitor after the other, each alone. */
async function alone(hall: Hall, way: Way): Promise<Figures> {
  const pictures = await prepared(hall, way);
  const seconds: number[] = [];
  for (let order = 0; order < LOADS; order++) {
    const context = await hall.browser.newContext();
    seconds.push((await load(hall, pictures, { context, way })).seconds);
    await context.close();
  }
  return { load: median(seconds) ?? Number.NaN };
}

/** They stay, each with a page open; the second comes back at the end, having closed it. */
async function visitors(hall: Hall, way: Way): Promise<Figures> {
  const pictures = await prepared(hall, way);
  const contexts: BrowserContext[] = [];
  const loads: Load[] = [];
  // How far it spreads is of interest where it does.
  const count = way === "told" ? 5 : 2;
  for (let order = 0; order < count; order++) {
    const context = await hall.browser.newContext();
    contexts.push(context);
    loads.push(await load(hall, pictures, { context, way }));
  }
  const [first, second, , , fifth] = loads;
  const [, returning] = contexts;
  if (first === undefined || second === undefined || returning === undefined) {
    throw new Error("nobody came");
  }
  for (const tab of returning.pages()) await tab.close();
  const back = await load(hall, pictures, { context: returning, way });
  for (const context of contexts) await context.close();
  const figures: Record<string, number> = {};
  for (const [at, { seconds, origin, peers }] of [first, second, back].entries()) {
    const names = measuresOf(VISITORS[at] ?? "").map(({ figure }) => figure);
    const caches = Math.max(0, pictures.bytes - origin - peers);
    const values = [seconds, origin / MB, peers / MB, caches / MB];
    for (const [place, name] of names.entries()) figures[name] = values[place] ?? Number.NaN;
  }
  if (fifth !== undefined) figures["fifth, copies"] = fifth.origin / pictures.bytes;
  return figures;
}
