// Public data that lasts for two seconds, asked for by three pages every half a second: real Chromium, separate contexts, real
// servers. The origin is read about once a lifetime, nobody is shown what is over, and with origin and tracker gone all go on with
// the last of it.

import { expect, type Page, test } from "@playwright/test";
import { type Stage, setStage, stats } from "../support/stage.ts";

const PATH = "/api/scores.json";
const LIFETIME = 2000;
const EVERY = 500;

let stage: Stage;
test.beforeEach(async () => {
  stage = await setStage({ tracker: { contents: [] } });
});
test.afterEach(() => stage.close());

interface Seen {
  readonly at: number;
  readonly status: number;
  readonly version: number | null;
}

/** What these pages were shown, each asking so many times, one after the other in each round. */
async function polled(pages: readonly Page[], times: number): Promise<readonly Seen[]> {
  const seen = pages.map((page, order) => pollOf(page, times, (order * EVERY) / pages.length));
  return (await Promise.all(seen)).flat();
}

const pollOf = (page: Page, times: number, after: number): Promise<readonly Seen[]> =>
  page.evaluate(
    async ([path, count, pause, first]) => {
      await new Promise((resolve) => setTimeout(resolve, first));
      const seen: Seen[] = [];
      for (let time = 0; time < count; time++) {
        const at = Date.now();
        const response = await window.shoal?.fetch(path);
        const text = (await response?.text()) ?? "";
        const [version, ...others] = new Set(text.match(/\d+/g));
        const isWhole = response?.ok === true && others.length === 0 && text.endsWith("]");
        seen.push({
          at,
          status: response?.status ?? 0,
          version: isWhole ? Number(version) : null,
        });
        await new Promise((resolve) => setTimeout(resolve, at + pause - Date.now()));
      }
      return seen;
    },
    [PATH, times, EVERY, after] as const,
  );

test("three pages that poll cost the origin about one read a lifetime, and outlive it", async ({
  browser,
}) => {
  const begin = Date.now();
  const asked = { tracker: 0, pages: 0 };
  stage.site.answer(PATH, (request, response) => {
    asked[request.headers["user-agent"] === "shoal-tracker" ? "tracker" : "pages"]++;
    const version = Math.floor((Date.now() - begin) / LIFETIME);
    const etag = `"${version}"`;
    const isSame = request.headers["if-none-match"] === etag;
    response.writeHead(isSame ? 304 : 200, {
      "Content-Type": "application/json",
      "Cache-Control": "public, s-maxage=2, stale-if-error=60",
      ETag: etag,
    });
    response.end(isSame ? "" : JSON.stringify(Array.from({ length: 500 }, () => version)));
  });
  const pages = await Promise.all([1, 2, 3].map(() => stage.visit(browser)));
  await polled(pages, 1);
  await Promise.all(
    pages.map((page) => page.waitForFunction(() => window.shoal?.stats().links.length === 2)),
  );

  const before = { ...asked };
  const from = Date.now();
  const seen = await polled(pages, 8);
  const lifetimes = Math.ceil((Date.now() - from) / LIFETIME) + 1;
  const peers = (await Promise.all(pages.map(stats))).reduce(
    (sum, { bytes }) => sum + bytes.peers,
    0,
  );
  expect(asked.tracker - before.tracker).toBeLessThanOrEqual(lifetimes);
  // Without the tracker's word each page would ask in every lifetime. A machine that is slow in between may make one do so.
  expect(asked.pages - before.pages).toBeLessThanOrEqual(lifetimes);
  expect(peers).toBeGreaterThan(0);
  for (const { at, version } of seen) {
    expect(version).not.toBeNull();
    const replaced = begin + ((version ?? 0) + 1) * LIFETIME;
    expect(replaced).toBeGreaterThanOrEqual(at - LIFETIME);
  }

  await stage.stopTracker();
  await stage.site.goOffline();
  const last = Math.max(...seen.map(({ version }) => version ?? 0));
  const after = await polled(pages, 5);
  expect(after.every(({ status }) => status === 200)).toBe(true);
  for (const { version } of after) expect(version).toBeGreaterThanOrEqual(last - 1);
});
