// What the documents promise a beginner, done as they say: the README's commands and its page on a new site, in two
// browsers; and the policy that the guide for site owners recommends. Needs `npm run build`.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BrowserContext, expect, test } from "@playwright/test";
import { type RunningTracker, startTracker } from "../../tracker/server.ts";
import { type Block, blocksOf, commandLine, ROOT } from "../support/documents.ts";
import { complaintsOf } from "../support/outcome.ts";
import { type Site, startSite } from "../support/servers.ts";
import { noise, sha256 } from "../support/stage.ts";
import { answering, got } from "../support/worker-stage.ts";

const FILM = noise(3_000_000, 1);

let folder: string;
let site: Site;
let tracker: RunningTracker;
const contexts: BrowserContext[] = [];

test.beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-beginner-"));
  site = await startSite({ files: { "/favicon.ico": { body: "" } } });
  tracker = await startTracker({ port: 0 });
});
test.afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  await tracker.close({ graceful: false });
  await site.close();
  await rm(folder, { recursive: true, force: true });
});

async function blockOf(path: string, words: string): Promise<Block> {
  const text = await readFile(join(ROOT, path), "utf8");
  const block = blocksOf({ path, text }).find((one) => one.text.includes(words));
  if (block === undefined) throw new Error(`${path} has no block with ${words}`);
  return block;
}

/** Runs the command of the README that publishes, on this site and with a key beside it. */
async function publish(): Promise<void> {
  const { text } = await blockOf("README.md", "npm run publish-manifest");
  const line = text.split("\n").find((one) => one.includes("publish-manifest")) ?? "";
  const [[npm = "", ...words] = []] = commandLine(
    line.replace("DIR", folder).replace("http://localhost:8000", site.url),
  );
  const cwd = ROOT;
  await promisify(execFile)(npm, [...words, "--key", `${folder}.key`], { cwd });
  await rm(`${folder}.key`);
  const manifest = await readFile(join(folder, ".well-known/shoal.json"));
  site.put("/.well-known/shoal.json", { body: manifest });
}

test("the README's ten lines: the second browser takes the film from the first", async ({
  browser,
}) => {
  await writeFile(join(folder, "film.mp4"), FILM);
  site.put("/film.mp4", { body: FILM });
  const { text } = await blockOf("README.md", 'shoal.fetch("/film.mp4"');
  site.put("/index.html", { body: text.replace("http://localhost:7070", tracker.url) });
  await publish();

  const visit = async () => {
    const context = await browser.newContext();
    contexts.push(context);
    const page = await context.newPage();
    const complaints = complaintsOf(page);
    const printed = page.waitForEvent("console", (message) => message.text().startsWith("shoal;"));
    await page.goto(`${site.url}/index.html`);
    return { page, complaints, said: (await printed).text() };
  };
  const first = await visit();
  expect(first.said).toMatch(/^shoal; fwd=miss; detail="peers=0,origin=3000000" 0$/);
  await first.page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
  // Links take a second or two on a busy machine; from here on the site takes six for the film.
  site.limit(FILM.length / 6);
  const sent = site.sent("/film.mp4");
  const second = await visit();
  const { bytes } = await second.page.evaluate(() => window.shoal?.stats() ?? { bytes: null });
  expect(bytes?.peers).toBeGreaterThan(0);
  expect(site.sent("/film.mp4") - sent).toBeLessThan(FILM.length);
  for (const { complaints } of [first, second]) {
    expect(complaints).toEqual({ errors: [], warnings: [], network: [] });
  }
});

/** The guide's policy, for the tracker that runs here. */
async function policyHeader(): Promise<Record<string, string>> {
  const { text } = await blockOf("client/guide-site-owner.md", "Content-Security-Policy");
  const policy = text
    .replace("Content-Security-Policy: ", "")
    .replaceAll("https://tracker.example.com", tracker.url)
    .replaceAll("wss://tracker.example.com", tracker.url.replace("http", "ws"))
    .replace(/\s+/g, " ");
  return { "Content-Security-Policy": policy };
}

test("the README's worker answers a plain request, under the guide's policy", async ({ page }) => {
  const here = (text: string): string =>
    text.replaceAll("https://tracker.example.com", tracker.url);
  const headers = await policyHeader();
  const worker = await blockOf("README.md", "importScripts");
  const tag = await blockOf("README.md", "data-service-worker");
  site.put("/shoal-sw.js", { body: here(worker.text), headers });
  site.put("/index.html", { body: `<!doctype html>${here(tag.text)}`, headers });
  await writeFile(join(folder, "film.mp4"), FILM);
  site.put("/film.mp4", { body: FILM });
  await publish();
  const complaints = complaintsOf(page);
  await page.goto(`${site.url}/index.html`);
  await answering(page);
  const { sha256: digest, headers: answer } = await got(page, `${site.url}/film.mp4`);
  expect(digest).toBe(sha256(FILM));
  expect(answer["cache-status"]).toMatch(/^shoal; /);
  expect(complaints).toEqual({ errors: [], warnings: [], network: [] });
});

test("the guide's policy lets everything through that Shoal needs, diagnosis included", async ({
  page,
}) => {
  site.put("/page.html", {
    body: `<!doctype html><body><script src="${tracker.url}/shoal.js" data-consent="ask"></script>`,
    headers: await policyHeader(),
  });
  const complaints = complaintsOf(page);
  await page.goto(`${site.url}/page.html`);
  await page.getByRole("button", { name: "Share" }).click();
  await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
  await tracker.close({ graceful: false });
  await page.waitForFunction(() => window.shoal?.stats().tracker === "unreachable");
  const diagnosis = await page.evaluate(() => window.shoal?.diagnose());
  expect(diagnosis?.verdict).toBe("tracker-unreachable");
  const refused = complaints.errors.filter((line) => line.includes("Content Security Policy"));
  expect(refused).toEqual([]);
});
