// A page of sixty real files through the service worker: what it costs a visitor whom nobody can help; and what it spares the
// origin, and the visitor, where a first page says what comes next and others were there before.

import type { BrowserContext } from "@playwright/test";
import { flaws, type RealPage, realPage } from "../../support/real-page.ts";
import { answering, publishFiles, WORKER_FILE } from "../../support/worker-stage.ts";
import type { Hall } from "../hall.ts";
import { median } from "../verdict.ts";
import type { Figures, Work } from "../work.ts";

const ORIGIN_BYTES_PER_SECOND = 5e6;
const LOADS = 5;

export const page: Work = {
  name: "page",
  about: `a page of 64 images, styles, scripts and fonts, by the service worker; origin 5 MB/s`,
  variants: {
    plain: { name: "plain", run: (hall) => loads(hall, false) },
    shoal: { name: "Shoal", run: shoal },
  },
  measures: [
    {
      figure: "load",
      unit: "s",
      target: { is: "at most", bound: 1.05, against: { role: "plain", by: "ratio" } },
    },
    { figure: "load, told ahead", unit: "s" },
    { figure: "fifth, copies", target: { is: "at most", bound: 0.35 } },
    { figure: "again, copies" },
  ],
  limitSeconds: 180,
};

/** `ahead`: the first page says what the second one needs. */
async function prepared(hall: Hall, withShoal: boolean, ahead = false): Promise<RealPage> {
  const pictures = await realPage(hall.browser);
  const { site, trackerUrl } = hall.stage;
  await publishFiles(hall.stage, pictures.files);
  site.put(WORKER_FILE, { body: `importScripts("${trackerUrl}/shoal-sw.js");` });
  const tag = (more = "") =>
    withShoal
      ? `<script src="${trackerUrl}/shoal.js" data-service-worker="${WORKER_FILE}" ${more} async></script>`
      : "";
  const first = tag(ahead ? `data-prefetch="${Object.keys(pictures.files).join()}"` : "");
  site.put("/", { body: `<!doctype html>${first}<p>Welcome`, type: "text/html" });
  site.put("/pictures", { body: pictures.html(tag()), type: "text/html" });
  return pictures;
}

interface Load {
  readonly seconds: number;
  /** Of the page's files, from the origin, since the visitor came. */
  readonly copies: number;
}

async function load(
  hall: Hall,
  pictures: RealPage,
  visit: { readonly context: BrowserContext; readonly withShoal: boolean; readonly ahead: boolean },
): Promise<Load> {
  const { site } = hall.stage;
  const paths = Object.keys(pictures.files);
  const sent = (): number => paths.reduce((sum, path) => sum + site.sent(path), 0);
  const before = sent();
  hall.limit(ORIGIN_BYTES_PER_SECOND);
  const tab = await visit.context.newPage();
  await tab.goto(site.url);
  if (visit.withShoal) {
    await answering(tab);
    await tab.waitForFunction(
      (count) => (window.shoal?.stats().cache.assets ?? 0) >= count,
      visit.ahead ? paths.length : 0,
    );
  }
  await tab.goto(`${site.url}/pictures`);
  const milliseconds = await tab.evaluate(() => {
    const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    return entry?.loadEventStart ?? Number.NaN;
  });
  const wrong = await flaws(tab);
  if (wrong.length > 0) throw new Error(`the page is not whole: ${wrong.join(", ")}`);
  return { seconds: milliseconds / 1000, copies: (sent() - before) / pictures.bytes };
}

/** One visitor after the other, each alone. */
async function loads(hall: Hall, withShoal: boolean): Promise<Figures> {
  const pictures = await prepared(hall, withShoal);
  const seconds: number[] = [];
  for (let order = 0; order < LOADS; order++) {
    const context = await hall.browser.newContext();
    seconds.push((await load(hall, pictures, { context, withShoal, ahead: false })).seconds);
    await context.close();
  }
  return { load: median(seconds) ?? Number.NaN };
}

/** The same; then five visitors who stay, and the last of them once more. */
async function shoal(hall: Hall): Promise<Figures> {
  const alone = await loads(hall, true);
  const pictures = await prepared(hall, true, true);
  const visits: Load[] = [];
  const contexts: BrowserContext[] = [];
  for (let order = 0; order < LOADS; order++) {
    contexts.push(await hall.browser.newContext());
    visits.push(await visited());
  }
  const fifth = visits.at(-1);
  const again = await visited();
  for (const context of contexts) await context.close();
  return {
    ...alone,
    "load, told ahead": median(visits.map(({ seconds }) => seconds)) ?? Number.NaN,
    "fifth, copies": fifth?.copies ?? Number.NaN,
    "again, copies": again.copies,
  };

  function visited(): Promise<Load> {
    const context = contexts.at(-1);
    if (context === undefined) throw new Error("nobody came");
    return load(hall, pictures, { context, withShoal: true, ahead: true });
  }
}
