// Manifests that are wrong, old, late or gone: each is told through `degraded`, and the page's requests go on as if
// there were none; unless an earlier visit left one that is right.

import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { MAX_MANIFEST_BYTES } from "../../tracker/protocol/manifest.ts";
import { newPublisher } from "../support/manifest.ts";
import { both, type Complaints, complaintsOf, keepDegraded, outcome } from "../support/outcome.ts";
import { type Site, startSite } from "../support/servers.ts";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const PATH = "/asset.bin";
const BODY = noise(600_000, 1);

let stage: Stage;
let right: string;
/** Not its `network`: manifests and requests fail here on purpose. */
let complaints: Complaints;

test.beforeAll(async () => {
  stage = await setStage();
  await stage.publish({ [PATH]: BODY });
  right = await stage.publisher.manifest({ [stage.site.url + PATH]: BODY });
  stage.site.put("/other.txt", { body: "not in the manifest" });
});
test.afterAll(() => stage.close());
test.afterEach(() => {
  expect(complaints).toMatchObject({ errors: [], warnings: [] });
});

interface Opening {
  readonly manifest: string;
  readonly key?: string;
}

async function open(page: Page, { manifest, key }: Opening): Promise<void> {
  const attributes = `data-manifest="${manifest}" ${key ? `data-key="${key}"` : ""}`;
  const tag = `<script src="${stage.trackerUrl}/shoal.js" ${attributes}></script>`;
  stage.site.put("/page.html", { body: `<!doctype html>${tag}` });
  complaints = complaintsOf(page);
  await page.addInitScript(keepDegraded);
  await page.goto(`${stage.site.url}/page.html`);
}

/** The asset, by the network or with Shoal's part in it, and another file that no manifest lists. */
async function works(page: Page, by: "network" | "shoal"): Promise<void> {
  const asset = await both(page, { url: PATH });
  expect(asset.network).toMatchObject({ answered: { status: 200, sha256: sha256(BODY) } });
  expect({ ...asset.shoal, cacheStatus: null }).toEqual(asset.network);
  const mark = by === "network" ? null : expect.stringMatching(/^shoal; /);
  expect(asset.shoal).toMatchObject({ cacheStatus: mark });
  const other = await both(page, { url: "/other.txt" });
  expect(other.shoal).toEqual(other.network);
}

const degraded = (page: Page) => page.evaluate(() => window.degraded);

type Fields = Record<string, unknown>;
/** The right manifest with something done to it. */
function altered(change: (file: Fields, asset: Fields) => void): string {
  const file: Fields & { assets: Fields[] } = JSON.parse(right);
  change(file, file.assets[0] ?? {});
  return JSON.stringify(file);
}

test.describe("malformed is a manifest that", () => {
  const wrong: Readonly<Record<string, () => string | Uint8Array>> = {
    "is empty": () => "",
    "is the site's page for everything": () => "<!doctype html><title>Home</title>",
    "is cut off": () => right.slice(0, -20),
    "is not UTF-8": () => new Uint8Array([0x7b, 0xff, 0x7d]),
    "is a list": () => "[]",
    "has another format": () => altered((file) => Object.assign(file, { format: "shoal/2" })),
    "has no key": () => altered((file) => delete file.key),
    "has a negative epoch": () => altered((file) => Object.assign(file, { epoch: -1 })),
    "has an asset with too few digests": () =>
      altered((_file, asset) => Object.assign(asset, { digests: String(asset.digests).slice(43) })),
    "names one asset twice": () =>
      altered((file, asset) => Object.assign(file, { assets: [asset, asset] })),
    "has a chunk of no bytes": () =>
      altered((_file, asset) => Object.assign(asset, { chunkBytes: 0 })),
    "has a type that would be two headers": () =>
      altered((_file, asset) => Object.assign(asset, { type: "a/b\r\nSet-Cookie: a=b" })),
  };
  for (const [what, body] of Object.entries(wrong)) {
    test(what, async ({ page }) => {
      stage.site.put("/wrong.json", { body: body() });
      await open(page, { manifest: "/wrong.json" });
      await works(page, "network");
      expect(await degraded(page)).toEqual(["manifest/malformed"]);
    });
  }
});

test("a manifest without end is read up to its limit", async ({ page }) => {
  let isCut = false;
  stage.site.answer("/endless.json", (_request, response) => {
    response.on("close", () => {
      isCut = !response.writableFinished;
    });
    const spaces = Buffer.alloc(1024 * 1024, " ");
    const more = (): void => {
      while (!response.destroyed && response.write(spaces));
    };
    response.on("drain", more);
    more();
  });
  await open(page, { manifest: "/endless.json" });
  await expect.poll(() => degraded(page)).toEqual(["manifest/too-large"]);
  await expect.poll(() => isCut).toBe(true);
  await works(page, "network");
  expect(MAX_MANIFEST_BYTES).toBeGreaterThan(right.length);
});

test.describe("unreachable is a manifest", () => {
  test("whose server breaks off", async ({ page }) => {
    stage.site.answer("/broken.json", (_request, response) => response.destroy());
    await open(page, { manifest: "/broken.json" });
    await works(page, "network");
    expect(await degraded(page)).toEqual(["manifest/unreachable"]);
  });

  test("whose server has an error", async ({ page }) => {
    stage.site.answer("/error.json", (_request, response) => response.writeHead(503).end("{}"));
    await open(page, { manifest: "/error.json" });
    await works(page, "network");
    expect(await degraded(page)).toEqual(["manifest/unreachable"]);
  });
});

test("a manifest that does not come is not waited for, and used when it is there", async ({
  page,
}) => {
  const waiting: (() => void)[] = [];
  stage.site.answer("/late.json", (_request, response) => {
    waiting.push(() => response.end(right));
  });
  await open(page, { manifest: "/late.json" });
  await works(page, "network");
  for (const answer of waiting) answer();
  await expect
    .poll(async () => {
      const got = await outcome(page, "shoal", { url: PATH });
      return "cacheStatus" in got && got.cacheStatus !== null;
    })
    .toBe(true);
  expect(await degraded(page)).toEqual([]);
});

test("an asset whose signature is wrong is the network's, and its neighbour is not", async ({
  page,
}) => {
  const { site, publisher } = stage;
  site.put("/neighbour.bin", { body: BODY.subarray(1) });
  const file: { assets: Fields[] } = JSON.parse(
    await publisher.manifest({
      [site.url + PATH]: BODY,
      [`${site.url}/neighbour.bin`]: BODY.subarray(1),
    }),
  );
  Object.assign(file.assets[0] ?? {}, { type: "text/html" });
  site.put("/forged.json", { body: JSON.stringify(file) });
  await open(page, { manifest: "/forged.json" });
  await works(page, "network");
  expect(await degraded(page)).toEqual(["manifest/signature"]);
  const neighbour = await outcome(page, "shoal", { url: "/neighbour.bin" });
  expect(neighbour).toMatchObject({ cacheStatus: expect.stringMatching(/^shoal; /) });
});

test("with a pinned key another signer is refused, and the right one is not", async ({ page }) => {
  const { key } = await newPublisher();
  stage.site.put("/right.json", { body: right });
  await open(page, { manifest: "/right.json", key });
  await works(page, "network");
  expect(await degraded(page)).toEqual(["manifest/signer"]);
  await open(page, { manifest: "/right.json", key: stage.publisher.key });
  await works(page, "shoal");
  expect(await degraded(page)).toEqual([]);
});

test.describe("a returning visitor", () => {
  let context: BrowserContext;
  let page: Page;
  /** The files live elsewhere than the page, so that they can be off while it is there. */
  let files: Site;
  let url: string;
  test.beforeEach(async ({ browser }) => {
    context = await browser.newContext();
    page = await context.newPage();
    files = await startSite({ files: {}, headers: { "Access-Control-Allow-Origin": "*" } });
    url = files.url + PATH;
    files.put(PATH, { body: BODY });
    await publish(5);
  });
  test.afterEach(async () => {
    await context.close();
    await files.close();
  });

  async function publish(epoch: number, body = BODY): Promise<void> {
    files.put("/m.json", { body: await stage.publisher.manifest({ [url]: body }, { epoch }) });
  }
  async function comeBack(): Promise<void> {
    await page.goto("about:blank");
    await open(page, { manifest: `${files.url}/m.json` });
  }

  test("with the files' server off gets what the first visit left, and hears of it", async () => {
    await comeBack();
    expect(await fetched(page, url)).toMatchObject({ status: 200, sha256: sha256(BODY) });
    // Written, and not only on its way there.
    await expect.poll(async () => (await stats(page)).cache.bytes).toBe(BODY.length);
    await page.evaluate(() => window.shoal?.close());
    await files.goOffline();
    await comeBack();
    const network = await outcome(page, "network", { url });
    expect(network).toEqual({ failed: "TypeError: Failed to fetch" });
    expect(await fetched(page, url)).toMatchObject({
      status: 200,
      sha256: sha256(BODY),
      cacheStatus: "shoal; hit",
    });
    expect(await degraded(page)).toEqual(["manifest/unreachable"]);
  });

  test("takes a newer manifest and refuses an older one", async () => {
    await comeBack();
    expect(await fetched(page, url)).toMatchObject({ sha256: sha256(BODY) });
    const fresh = noise(600_000, 2);
    files.put(PATH, { body: fresh });
    await publish(6, fresh);
    await comeBack();
    expect(await fetched(page, url)).toMatchObject({ sha256: sha256(fresh) });
    expect(await degraded(page)).toEqual([]);
    await publish(5);
    await comeBack();
    const got = await outcome(page, "shoal", { url });
    expect(got).toMatchObject({ answered: { sha256: sha256(fresh) }, cacheStatus: null });
    expect(await degraded(page)).toEqual(["manifest/rollback"]);
  });

  test("finds no manifest any more, and nothing is served by an old one", async () => {
    await comeBack();
    await fetched(page, url);
    files.answer("/m.json", (_request, response) => response.writeHead(404).end());
    await comeBack();
    expect(await outcome(page, "shoal", { url })).toMatchObject({ cacheStatus: null });
    await files.goOffline();
    await comeBack();
    expect(await outcome(page, "shoal", { url })).toEqual({ failed: "TypeError: Failed to fetch" });
    expect(await degraded(page)).toEqual(["manifest/unreachable"]);
  });
});
