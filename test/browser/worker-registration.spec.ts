// From the tag to a worker: one sentence when it cannot be, a site's own worker that stays, coming back after a first visit,
// other versions, and the way out.

import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { type Site, startSite } from "../support/servers.ts";
import { noise, type Stage, sha256 } from "../support/stage.ts";
import { answering, got, setWorkerStage, TAG, visitControlled } from "../support/worker-stage.ts";

const BODY = noise(30_000, 1);
const FILE = "/file.bin";

let stage: Stage;
let context: BrowserContext;
test.beforeEach(async ({ browser }) => {
  stage = await setWorkerStage();
  await stage.publish({ [FILE]: BODY });
  context = await browser.newContext();
});
test.afterEach(async () => {
  await context.close();
  await stage.close();
});

const workers = (page: Page): Promise<readonly string[]> =>
  page.evaluate(async () =>
    (await navigator.serviceWorker.getRegistrations()).map((one) => one.active?.scriptURL ?? ""),
  );

interface Wrong {
  readonly code: string;
  readonly says: RegExp;
  readonly file?: string;
  prepare?(site: Site): void;
}
const wrongs: Readonly<Record<string, Wrong>> = {
  "a file that is not there": {
    code: "worker/missing",
    says: /\/none\.js answers 404: put a file there/,
    file: "/none.js",
  },
  "a page in the file's place": {
    code: "worker/type",
    says: /is served as text\/html.*: serve it as text\/javascript/,
    file: "/page-sw.js",
    prepare: (site) => site.put("/page-sw.js", { body: "<!doctype html>", type: "text/html" }),
  },
  "a file too deep for the page": {
    code: "worker/scope",
    says: /may control \/js\/ alone.*: move the file to \/, or serve it with the header Service-Worker-Allowed: \//,
    file: "/js/sw.js",
    prepare: (site) => site.put("/js/sw.js", { body: "" }),
  },
  "an import that does not answer": {
    code: "worker/failed",
    says: /does not start .*: see that what it imports answers/,
    file: "/broken-sw.js",
    prepare: (site) => site.put("/broken-sw.js", { body: 'importScripts("/gone.js");' }),
  },
};
for (const [what, { code, says, file = "", prepare }] of Object.entries(wrongs)) {
  test(`${what} is said in one sentence, and the page works as without`, async ({ browser }) => {
    prepare?.(stage.site);
    const warned: string[] = [];
    context.on("console", (message) => {
      if (message.type() === "warning") warned.push(message.text());
    });
    const page = await stage.visit(browser, {
      context,
      attributes: { "data-service-worker": file },
    });
    await expect.poll(() => warned).toEqual([expect.stringMatching(says)]);
    expect(warned[0]).toMatch(/^Shoal: [^.]*http/);
    expect(code).toMatch(/^worker\//);
    expect((await got(page, FILE)).sha256).toBe(sha256(BODY));
  });
}

test("without the file that deals with the worker it is said so, and the page works as without", async ({
  browser,
}) => {
  const warned: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "warning") warned.push(message.text());
  });
  await context.route("**/shoal-bridge.mjs", (route) => route.abort());
  const page = await stage.visit(browser, { context, attributes: TAG });
  const says =
    /^Shoal: .*\/shoal-sw\.js cannot be loaded .*: put shoal-bridge\.mjs beside shoal\.js/;
  await expect.poll(() => warned).toEqual([expect.stringMatching(says)]);
  expect(await workers(page)).toEqual([]);
  expect((await got(page, FILE)).sha256).toBe(sha256(BODY));
});

test("a page without the attribute loads nothing for it", async ({ browser }) => {
  const loaded: string[] = [];
  context.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  await stage.visit(browser, { context });
  expect(loaded).toContain("/shoal.js");
  expect(loaded).not.toContain("/shoal-bridge.mjs");
});

test("a page that is still on its way is asked as soon as the script is there", async ({
  browser,
}) => {
  const first = await visitControlled(stage, browser, { context });
  let finish = (): void => {};
  const tag = `<script src="${stage.trackerUrl}/shoal.js" data-service-worker="/shoal-sw.js"></script>`;
  stage.site.answer("/slow.html", (_request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.write(`<!doctype html><title>Slow</title>${tag}<p>The beginning`);
    finish = () => response.end("<p>The end");
  });
  await stage.publish({ [FILE]: noise(40_000, 2) }, { epoch: 2 });
  await first.goto(`${stage.site.url}/slow.html`, { waitUntil: "commit" });
  await answering(first);
  const { headers, sha256: digest } = await got(first, FILE);
  expect(await first.evaluate(() => document.readyState)).toBe("loading");
  expect(headers["cache-status"]).toBe("shoal; fwd=miss");
  expect(digest).toBe(sha256(noise(40_000, 2)));
  finish();
});

const standing = (page: Page): Promise<string | undefined> =>
  page.evaluate(async () => (await window.shoal?.diagnose())?.evidence.worker);

test("diagnose says whether the worker asks this page", async ({ browser }) => {
  const plain = await stage.visit(browser, { context });
  expect(await standing(plain)).toBe("none");
  const page = await visitControlled(stage, browser, { context });
  expect(await standing(page)).toBe("answering");
  await got(page, "/not-published");
  const passed = await page.evaluate(
    async () => (await window.shoal?.diagnose())?.evidence.requests.passed,
  );
  expect(passed).toBeGreaterThan(0);
  // The same worker, on a page that has not asked for one.
  await plain.reload();
  await plain.waitForFunction(() => navigator.serviceWorker.controller !== null);
  expect(await standing(plain)).toBe("controlling");
});

test("the first visit is as without a worker; the next load is answered", async ({ browser }) => {
  const page = await stage.visit(browser, { context, attributes: TAG });
  expect((await got(page, FILE)).sha256).toBe(sha256(BODY));
  await answering(page);
  await page.reload();
  await answering(page);
  const { headers, sha256: digest } = await got(page, FILE);
  expect(digest).toBe(sha256(BODY));
  expect(headers["cache-status"]).toMatch(/^shoal; /);
});

test("a site's own worker stays, and is told how to let Shoal answer", async ({ browser }) => {
  const own = 'addEventListener("fetch", () => {});';
  stage.site.put("/own.js", { body: own });
  const page = await stage.visit(browser, { context });
  await page.evaluate(async () => {
    await navigator.serviceWorker.register("/own.js");
    await navigator.serviceWorker.ready;
  });
  const warned: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "warning") warned.push(message.text());
  });
  const next = await stage.visit(browser, { context, attributes: TAG });
  await expect
    // A worker that does not know us says nothing, which takes a while to notice.
    .poll(() => warned, { timeout: 40_000 })
    .toEqual([expect.stringMatching(/own\.js is this site's service worker already.*handleFetch/)]);
  expect(await workers(next)).toEqual([`${stage.site.url}/own.js`]);
});

test("a site's own worker that calls handleFetch answers its requests, and Shoal its own", async ({
  browser,
}) => {
  const body = `self.shoalManual = true;
    importScripts("${stage.trackerUrl}/shoal-sw.js");
    addEventListener("install", () => skipWaiting());
    addEventListener("activate", (event) => event.waitUntil(clients.claim()));
    addEventListener("fetch", (event) => {
      if (new URL(event.request.url).pathname === "/mine") event.respondWith(new Response("mine"));
      else ShoalWorker.handleFetch(event);
    });`;
  stage.site.put("/own.js", { body });
  const attributes = { "data-service-worker": "/own.js" };
  const page = await visitControlled(stage, browser, { context, attributes });
  expect(await page.evaluate(() => fetch("/mine").then((answer) => answer.text()))).toBe("mine");
  expect((await got(page, FILE)).headers["cache-status"]).toMatch(/^shoal; /);
  // `off` and unregister are Shoal's own worker's alone.
  await page.evaluate(() =>
    (window as unknown as { Shoal: { unregister(): Promise<void> } }).Shoal.unregister(),
  );
  expect(await workers(page)).toEqual([`${stage.site.url}/own.js`]);
});

test("a page and a worker of different versions leave each other alone", async ({ browser }) => {
  const release = await (await fetch(`${stage.trackerUrl}/shoal-sw.js`)).text();
  const other = release
    .replaceAll(/version:1\b/g, "version:2")
    .replaceAll("shoal-host-1", "shoal-host-2");
  const shifted = release.includes("shoal-host-1")
    ? other
    : release.replace(/shoal-host-/g, "shoal-host-other-");
  stage.site.put("/shoal-sw.js", { body: shifted });
  const page = await stage.visit(browser, { context, attributes: TAG });
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.reload();
  const answer = await got(page, FILE);
  expect(answer.sha256).toBe(sha256(BODY));
  expect(answer.headers["cache-status"]).toBeUndefined();
});

test("`off` takes the worker off the site", async ({ browser }) => {
  const page = await visitControlled(stage, browser, { context });
  expect(await workers(page)).toEqual([`${stage.site.url}/shoal-sw.js`]);
  const last = await stage.visit(browser, {
    context,
    attributes: { "data-service-worker": "off" },
  });
  await expect.poll(() => workers(last)).toEqual([]);
  await last.reload();
  expect((await got(last, FILE)).headers["cache-status"]).toBeUndefined();
});

test("a navigation never waits for the worker, nor does what it has no part in", async ({
  browser,
}) => {
  const elsewhere = await startSite({ files: { "/pixel": { body: "x", type: "text/plain" } } });
  try {
    const page = await visitControlled(stage, browser, { context });
    const outcome = await page.evaluate(async (url) => {
      const navigation = performance.getEntriesByType(
        "navigation",
      )[0] as PerformanceNavigationTiming;
      const opaque = await fetch(url, { mode: "no-cors" });
      const posted = await fetch("/file.bin", { method: "POST" });
      const fresh = await fetch("/file.bin", { cache: "no-store" });
      return {
        navigation: navigation.workerStart,
        opaque: opaque.type,
        posted: posted.status,
        fresh: fresh.headers.get("Cache-Status"),
      };
    }, `${elsewhere.url}/pixel`);
    expect(outcome).toMatchObject({ opaque: "opaque", posted: 405, fresh: null });
  } finally {
    await elsewhere.close();
  }
});
