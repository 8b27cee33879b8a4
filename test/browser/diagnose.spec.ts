// `diagnose()` on real pages, from a swarm that works to a tracker that is not there: the verdict names the reason, and the
// evidence shows no address to anybody.

import { expect, type Page, test } from "@playwright/test";
import type { Diagnosis } from "../../client/index.ts";
import { startTracker } from "../../tracker/server.ts";
import { unusedPort } from "../support/servers.ts";
import { fetched, noise, type Stage, setStage } from "../support/stage.ts";

const PATH = "/file.bin";
let stage: Stage;
test.beforeAll(async () => {
  stage = await setStage();
  await stage.publish({ [PATH]: noise(5 * 1024 * 1024, 3) });
});
test.afterAll(() => stage.close());

const diagnosis = (page: Page): Promise<Diagnosis> =>
  page.evaluate(() => {
    if (window.shoal === undefined) throw new Error("no client");
    return window.shoal.diagnose();
  });

test("from nothing asked, by being alone, to a swarm that works", async ({ browser }) => {
  const first = await stage.visit(browser);
  expect(await diagnosis(first)).toMatchObject({ verdict: "nothing-shared" });
  await fetched(first, stage.site.url + PATH);
  await expect.poll(async () => (await diagnosis(first)).verdict).toBe("alone");
  const second = await stage.visit(browser);
  await fetched(second, stage.site.url + PATH);
  const { verdict, message, evidence } = await diagnosis(second);
  expect([verdict, message]).toEqual(["works", expect.stringMatching(/^It works: 1 linked/)]);
  expect(evidence).toMatchObject({
    secureContext: true,
    webrtc: true,
    consent: "granted",
    upload: true,
    storage: "persistent",
    tracker: { state: "connected", refusal: null },
    ice: { candidates: ["host"], servers: [] },
    swarms: { joined: 1, others: 1, holders: 1 },
    introductions: { linked: 1 },
    requests: { answered: 1, passed: 0 },
    worker: "none",
  });
  // The tracker's own address is the page's; the browser's other ones are nobody's business.
  const told = JSON.stringify({ ...evidence, tracker: null });
  expect(told).not.toMatch(/\d+\.\d+\.\d+\.\d+|\.local|[0-9a-f]{4}:[0-9a-f]{4}/);
});

test("a visitor who has not been asked, and one who declines", async ({ browser }) => {
  const page = await stage.visit(browser, {
    attributes: { "data-consent": "ask", "data-badge": "off" },
    joined: false,
  });
  expect(await diagnosis(page)).toMatchObject({ verdict: "no-consent", evidence: { ice: null } });
  await page.evaluate(() => window.shoal?.setConsent("denied"));
  expect((await diagnosis(page)).message).toContain("declined");
});

test("a tracker that is not there, and one that takes no socket from this site", async ({
  browser,
}) => {
  const nowhere = `http://127.0.0.1:${await unusedPort()}`;
  const away = await stage.visit(browser, {
    attributes: { "data-tracker": nowhere },
    joined: false,
  });
  await expect
    .poll(async () => (await diagnosis(away)).verdict, { timeout: 15_000 })
    .toBe("tracker-unreachable");
  const choosy = await startTracker({
    port: 0,
    host: "127.0.0.1",
    sites: ["https://elsewhere.example"],
  });
  try {
    const page = await stage.visit(browser, {
      attributes: { "data-tracker": choosy.url },
      joined: false,
    });
    await page.waitForFunction(() => window.shoal?.stats().tracker === "unreachable");
    expect(await diagnosis(page)).toMatchObject({
      verdict: "socket-blocked",
      evidence: { tracker: { answersHttp: true } },
    });
  } finally {
    await choosy.close({ graceful: false });
  }
});
