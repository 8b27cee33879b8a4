// What was taken back is not answered by the worker either, although it could: not by its own cache, and not by what a tab that has
// not heard of it yet puts back there. Site and tracker sign with one key, so that a purge is about what is published.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { noise, type Stage, sha256 } from "../support/stage.ts";
import { answering, got, setWorkerStage, visitControlled } from "../support/worker-stage.ts";

const TOKEN = "a token of thirty-two characters.";
const FILM = "/films/one.bin";
const MANIFEST = "/.well-known/shoal.json";
const [OLD, NEW] = [noise(600_000, 1), noise(600_000, 2)];

let directory: string;
let stage: Stage;
let page: Page;
test.beforeEach(async ({ browser }) => {
  directory = await mkdtemp(join(tmpdir(), "shoal-withdrawn-"));
  const tracker = { key: join(directory, "key.json"), purgeToken: TOKEN };
  stage = await setWorkerStage({ headers: { "Cache-Control": "no-cache" }, tracker });
  await stage.publish({ [FILM]: OLD });
  page = await visitControlled(stage, browser);
  await expect.poll(film).toMatchObject(KEPT);
});
test.afterEach(async () => {
  await stage.close();
  await rm(directory, { recursive: true, force: true });
});

const KEPT = { sha256: sha256(OLD), hit: true };
const FRESH = { sha256: sha256(NEW), hit: false };
async function film() {
  const { sha256: digest, headers } = await got(page, FILM);
  return { sha256: digest, hit: headers["cache-status"] === "shoal; hit" };
}

async function purge(what: object): Promise<void> {
  const response = await fetch(`${stage.trackerUrl}/purge`, {
    method: "POST",
    headers: { Authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify({ url: stage.site.url + FILM, ...what }),
  });
  expect(response.status).toBe(200);
}

/** Everything in a database whose key matches, after putting these in. */
function records(
  name: string,
  pattern: string,
  put: readonly (readonly [string, Uint8Array])[] = [],
): Promise<readonly (readonly [string, Uint8Array])[]> {
  return page.evaluate(
    async ([database, matching, entries]) => {
      const done = <T>(request: IDBRequest<T>): Promise<T> =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const opened = await done(indexedDB.open(database));
      const store = opened.transaction("entries", "readwrite").objectStore("entries");
      for (const [key, bytes] of entries) await done(store.put(bytes, key));
      const found: [string, Uint8Array][] = [];
      for (const key of await done(store.getAllKeys())) {
        if (new RegExp(matching).test(String(key))) {
          found.push([String(key), await done(store.get(key))]);
        }
      }
      opened.close();
      return found;
    },
    [name, pattern, put] as const,
  );
}

/** What the worker needs to answer: a way to put it back. */
async function kept(): Promise<() => Promise<void>> {
  const chunks = await records("shoal-chunks-1", ".");
  const vouchers = await records("shoal-index-1", "^voucher\\.");
  expect([chunks.length, vouchers.length]).toEqual([3, 1]);
  return async () => {
    await records("shoal-chunks-1", ".", chunks);
    await records("shoal-index-1", "^voucher\\.", vouchers);
  };
}

test("a purge reaches the worker, and a tab that has not heard of it does not bring it back", async () => {
  const putBack = await kept();
  // The worker itself would: this is what the rest of the test is about.
  await putBack();
  expect(await film()).toEqual(KEPT);
  stage.site.put(FILM, { body: NEW });
  await purge({});
  await expect.poll(film).toEqual(FRESH);
  await putBack();
  expect(await film()).toEqual(FRESH);
});

test("after a soft purge the network's word counts while there is one, and what is kept when there is none", async () => {
  const putBack = await kept();
  stage.site.put(FILM, { body: NEW });
  await purge({ soft: true });
  await expect.poll(film).toEqual(FRESH);
  await putBack();
  expect(await film()).toEqual(FRESH);
  await stage.site.goOffline();
  expect(await film()).toEqual(KEPT);
});

const learns: readonly (readonly [what: string, change: () => Promise<void>])[] = [
  [
    "a manifest that was taken away",
    async () => stage.site.answer(MANIFEST, (_request, response) => response.writeHead(404).end()),
  ],
  ["a newer manifest", () => stage.publish({ [FILM]: NEW }, { epoch: 2 })],
];
for (const [what, change] of learns) {
  test(`${what} makes what was vouched for before worth nothing, once a page has read it`, async () => {
    const putBack = await kept();
    stage.site.put(FILM, { body: NEW });
    await change();
    expect(await film()).toEqual(KEPT);
    await page.reload();
    await answering(page);
    await putBack();
    expect((await film()).sha256).toBe(sha256(NEW));
    await stage.site.goOffline();
    const digest = film().then(
      (answer) => answer.sha256,
      () => "nothing",
    );
    expect(await digest).not.toBe(sha256(OLD));
  });
}
