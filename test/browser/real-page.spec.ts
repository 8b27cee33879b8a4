// A page of sixty real files through the service worker: whole for everybody. Visitors arrive at a small page that says what
// comes next: the first has that from the origin, whoever comes after mostly from others, and the large page itself, like any
// page on coming back, then needs neither.

import { type Browser, type BrowserContext, expect, type Page, test } from "@playwright/test";
import { type Complaints, complaintsOf } from "../support/outcome.ts";
import { flaws, type RealPage, realPage } from "../support/real-page.ts";
import { type Stage, stats } from "../support/stage.ts";
import { answering, publishFiles, setWorkerStage, WORKER_FILE } from "../support/worker-stage.ts";

let stage: Stage;
let pictures: RealPage;
test.beforeAll(async ({ browser }) => {
  pictures = await realPage(browser);
  stage = await setWorkerStage();
  await publishFiles(stage, pictures.files);
  stage.site.put("/favicon.ico", { body: "" });
  const tag = (more = "") =>
    `<script src="${stage.trackerUrl}/shoal.js" data-service-worker="${WORKER_FILE}" ${more} async></script>`;
  const next = tag(`data-prefetch="${Object.keys(pictures.files).join()}"`);
  stage.site.put("/", { body: `<!doctype html>${next}<p>Welcome`, type: "text/html" });
  stage.site.put("/pictures", { body: pictures.html(tag()), type: "text/html" });
});
test.afterAll(() => stage.close());

interface Sight {
  readonly page: Page;
  readonly complaints: Complaints;
  /** Bytes of the page's files that left the origin for it. */
  readonly origin: number;
}

const sent = (): number =>
  Object.keys(pictures.files).reduce((sum, path) => sum + stage.site.sent(path), 0);

/** Arrives, and goes on to the pictures when all of them are there. */
async function sees(context: BrowserContext): Promise<Sight> {
  const page = await context.newPage();
  const complaints = complaintsOf(page);
  const before = sent();
  await page.goto(stage.site.url);
  await answering(page);
  const count = Object.keys(pictures.files).length;
  await expect.poll(async () => (await stats(page)).cache.assets, { timeout: 30_000 }).toBe(count);
  await page.goto(`${stage.site.url}/pictures`);
  expect(await flaws(page)).toEqual([]);
  return { page, complaints, origin: sent() - before };
}

async function withVisitors(
  browser: Browser,
  count: number,
  work: (all: BrowserContext[]) => Promise<void>,
) {
  const contexts = await Promise.all(Array.from({ length: count }, () => browser.newContext()));
  try {
    await work(contexts);
  } finally {
    for (const context of contexts) await context.close();
  }
}

test("whoever opens it directly, before there is a worker, sees it as without Shoal", async ({
  browser,
}) => {
  await withVisitors(browser, 1, async ([context]) => {
    const page = await (context as BrowserContext).newPage();
    const complaints = complaintsOf(page);
    await page.goto(`${stage.site.url}/pictures`);
    expect(await flaws(page)).toEqual([]);
    expect(complaints).toMatchObject({ errors: [], warnings: [], network: [] });
  });
});

test("what the first has from the origin, the fifth has from others, and who comes back needs neither", async ({
  browser,
}) => {
  await withVisitors(browser, 5, async (contexts) => {
    const sights: Sight[] = [];
    for (const context of contexts) sights.push(await sees(context));
    const [first, , , , fifth] = sights as [Sight, Sight, Sight, Sight, Sight];
    expect(first.origin).toBe(pictures.bytes);
    expect(fifth.origin).toBeLessThan(0.35 * first.origin);
    const before = sent();
    await fifth.page.reload();
    expect(await flaws(fifth.page)).toEqual([]);
    expect(sent() - before).toBe(0);
    for (const { complaints } of sights) {
      expect(complaints).toMatchObject({ errors: [], warnings: [], network: [] });
    }
  });
});
