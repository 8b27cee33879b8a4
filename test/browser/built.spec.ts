// What is shipped, as it is shipped: the built files on pages that are not made for them. Needs `npm run build`.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, type Page, test } from "@playwright/test";
import { type Site, startSite } from "../support/servers.ts";

const built = (name: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../dist/client/${name}`, import.meta.url)), "utf8");

const html = (body: string) => ({ body: `<!doctype html>${body}`, type: "text/html" });
const TAG = '<script src="/shoal.js" data-consent="denied"></script>';
/** As RequireJS leaves it: a script that finds `define.amd` hands itself over instead of setting its global. */
const AMD = "<script>window.define = () => { window.taken = true }; define.amd = {};</script>";

let site: Site;
let errors: string[];

test.beforeAll(async () => {
  const [script, module, worker] = await Promise.all(
    ["shoal.js", "shoal.mjs", "shoal-sw.js"].map(built),
  );
  site = await startSite({
    files: {
      "/empty": html(""),
      "/tag": html(TAG),
      "/twice": html(`${TAG}<script>window.first = window.shoal</script>${TAG}`),
      "/amd": html(AMD + TAG),
      "/module": html(
        '<script type="module">import * as all from "/shoal.mjs"; window.names = Object.keys(all);</script>',
      ),
      "/shoal.js": { body: script ?? "" },
      "/shoal.mjs": { body: module ?? "" },
      "/shoal-sw.js": { body: worker ?? "" },
      "/worker.js": { body: 'importScripts("/shoal-sw.js");' },
      "/asset": { body: "bytes" },
    },
  });
});
test.afterAll(() => site.close());
test.beforeEach(({ page }) => {
  errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
});
test.afterEach(() => {
  expect(errors).toEqual([]);
});

const globals = (page: Page): Promise<string[]> => page.evaluate(() => Object.keys(window));

test("the script adds Shoal and shoal to the page and nothing else", async ({ page }) => {
  await page.goto(`${site.url}/empty`);
  const before = await globals(page);
  await page.goto(`${site.url}/tag`);
  const added = (await globals(page)).filter((name) => !before.includes(name));
  expect(added.sort()).toEqual(["Shoal", "shoal"]);
});

test("a second tag leaves the first client alone", async ({ page }) => {
  await page.goto(`${site.url}/twice`);
  expect(await page.evaluate("window.first !== undefined && window.first === window.shoal")).toBe(
    true,
  );
});

test("a page with an AMD loader gets the global all the same", async ({ page }) => {
  await page.goto(`${site.url}/amd`);
  expect(await page.evaluate("[typeof Shoal.createClient, window.taken === undefined]")).toEqual([
    "function",
    true,
  ]);
});

test("the module exports what it promises and is one file", async ({ page }) => {
  await page.goto(`${site.url}/module`);
  await page.waitForFunction("window.names !== undefined");
  expect(await page.evaluate("window.names")).toEqual(
    expect.arrayContaining(["ShoalError", "createClient"]),
  );
  expect(await built("shoal.mjs")).not.toMatch(/^import |\bimport\(|\brequire\(/m);
});

test("the worker takes its place, says who it is and lets pass what no page has told it of", async ({
  page,
}) => {
  await page.goto(`${site.url}/empty`);
  const welcome = await page.evaluate(async () => {
    await navigator.serviceWorker.register("/worker.js", { updateViaCache: "none" });
    const { active } = await navigator.serviceWorker.ready;
    const channel = new MessageChannel();
    return new Promise((resolve) => {
      channel.port1.onmessage = ({ data }) => resolve(data);
      active?.postMessage({ shoal: "hello" }, [channel.port2]);
    });
  });
  expect(welcome).toEqual({ version: 1, client: expect.any(String), sole: true });
  const before = site.requests("/asset");
  expect(await page.evaluate(() => fetch("/asset").then((answer) => answer.text()))).toBe("bytes");
  expect(site.requests("/asset")).toBe(before + 1);
});
