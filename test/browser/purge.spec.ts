// What the operator takes back is gone within a second, from visitors who are there and from those who return, and no
// neighbour brings it back. Site and tracker sign with one key, so that a purge is about what is published.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const TOKEN = "a token of thirty-two characters.";
const FILM = "/films/one.bin";
const OTHER = "/other.bin";
const SIZE = 1024 * 1024;
const [OLD, NEW, REST] = [noise(SIZE, 1), noise(SIZE, 2), noise(SIZE, 3)];

let directory: string;
let stage: Stage;
test.beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shoal-purge-"));
  const tracker = { key: join(directory, "key.json"), purgeToken: TOKEN };
  // Asked about each time, by browser and client; the client may go on without an answer.
  const headers = { "Cache-Control": "no-cache", "Shoal-Cache-Control": "max-age=0" };
  stage = await setStage({ headers, tracker });
  await stage.publish({ [FILM]: OLD, [OTHER]: REST });
});
test.afterEach(async () => {
  await stage.close();
  await rm(directory, { recursive: true, force: true });
});

const urlOf = (path: string): string => stage.site.url + path;
async function purge(what: object): Promise<{ epoch: number; told: number }> {
  const response = await fetch(`${stage.trackerUrl}/purge`, {
    method: "POST",
    headers: { Authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify(what),
  });
  expect(response.status).toBe(200);
  return response.json();
}
const holds = (page: Page, bytes: number): Promise<unknown> =>
  page.waitForFunction((right) => window.shoal?.stats().cache.bytes === right, bytes);

test("a purge empties every connected visitor's cache of it within a second, and of nothing else", async ({
  browser,
}) => {
  const [first, second] = [await stage.visit(browser), await stage.visit(browser)];
  for (const page of [first, second]) {
    for (const path of [FILM, OTHER]) await fetched(page, urlOf(path));
    await holds(page, 2 * SIZE);
  }
  stage.site.put(FILM, { body: NEW });
  const begun = performance.now();
  const { told, epoch } = await purge({ prefix: urlOf("/films/") });
  await Promise.all([first, second].map((page) => holds(page, SIZE)));
  expect(performance.now() - begun).toBeLessThan(1000);
  expect(told).toBe(2);

  // The manifest of before does not vouch for it any more: it is the network's, and shared with nobody.
  const fresh = { status: 200, sha256: sha256(NEW) };
  expect(await fetched(first, urlOf(FILM))).toMatchObject({ ...fresh, cacheStatus: null });
  expect(await fetched(first, urlOf(OTHER))).toMatchObject({ cacheStatus: "shoal; hit" });
  expect((await stats(first)).bytes.uploaded).toBeLessThanOrEqual(2 * SIZE);

  // Published anew, it is shared again.
  await stage.publish({ [FILM]: NEW, [OTHER]: REST }, { epoch: epoch + 1 });
  await first.reload();
  await first.waitForFunction(() => window.shoal?.stats().tracker === "connected");
  const shared = await fetched(first, urlOf(FILM));
  expect(shared).toMatchObject(fresh);
  expect(shared.cacheStatus).toMatch(/^shoal; fwd=miss/);
});

test("a returning visitor learns of it before it uses its cache; without the tracker the cache is used", async ({
  browser,
}) => {
  const page = await stage.visit(browser);
  for (const path of [FILM, OTHER]) await fetched(page, urlOf(path));
  await holds(page, 2 * SIZE);
  const address = page.url();
  await page.goto("about:blank");
  await purge({ url: urlOf(FILM) });
  stage.site.put(FILM, { body: NEW });

  // At once, in the first moment of the visit: no test may wait for the tracker here.
  await page.goto(address);
  expect(await fetched(page, urlOf(FILM))).toMatchObject({
    sha256: sha256(NEW),
    cacheStatus: null,
  });
  await holds(page, SIZE);

  await page.goto("about:blank");
  await purge({ url: urlOf(OTHER) });
  await stage.stopTracker();
  await page.goto(address);
  const kept = { sha256: sha256(REST), cacheStatus: "shoal; hit" };
  expect(await fetched(page, urlOf(OTHER))).toMatchObject(kept);
  // What it had learned before, it still knows.
  expect(await fetched(page, urlOf(FILM))).toMatchObject({
    sha256: sha256(NEW),
    cacheStatus: null,
  });

  await stage.startTracker();
  await holds(page, 0);
});

test("a neighbour that hears nothing of purges cannot bring it back", async ({ browser }) => {
  const deaf = await stage.visit(browser, {
    before: () => {
      const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage") ?? {};
      const hears = (event: MessageEvent): boolean => !String(event.data).includes('"purged"');
      Object.defineProperty(WebSocket.prototype, "onmessage", {
        set(listener: (event: MessageEvent) => void) {
          set?.call(this, (event: MessageEvent) => hears(event) && listener.call(this, event));
        },
      });
      const { addEventListener } = WebSocket.prototype;
      WebSocket.prototype.addEventListener = function (type: string, listener: unknown): void {
        const deafened = (event: Event): void => {
          if (type !== "message" || hears(event as MessageEvent)) {
            (listener as (event: Event) => void).call(this, event);
          }
        };
        addEventListener.call(this, type, deafened);
      };
    },
  });
  await fetched(deaf, urlOf(FILM));
  await holds(deaf, SIZE);
  await purge({ all: true });
  stage.site.put(FILM, { body: NEW });
  const page = await stage.visit(browser);
  await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
  for (const visitor of [page, await stage.visit(browser)]) {
    expect(await fetched(visitor, urlOf(FILM))).toMatchObject({ sha256: sha256(NEW), status: 200 });
    expect((await stats(visitor)).bytes.peers).toBe(0);
  }
  expect((await stats(deaf)).cache.bytes).toBe(SIZE);
  expect((await stats(deaf)).bytes.uploaded).toBe(0);
});

test("after a soft purge the network's word counts while there is one, and what is kept when there is none", async ({
  browser,
}) => {
  const page = await stage.visit(browser, {
    before: () => {
      window.WebSocket = class extends WebSocket {
        constructor(url: string | URL, protocols?: string | string[]) {
          super(url, protocols);
          this.addEventListener("message", ({ data }) => {
            if (String(data).includes('"purged"')) document.title = "told of a purge";
          });
        }
      };
    },
  });
  await fetched(page, urlOf(FILM));
  await holds(page, SIZE);
  const { told } = await purge({ url: urlOf(FILM), soft: true });
  expect(told).toBe(1);
  // Before that, a new version would count as the publisher's mistake, and nothing of the old one as kept.
  await expect(page).toHaveTitle("told of a purge");
  stage.site.put(FILM, { body: NEW });
  const fresh = { sha256: sha256(NEW), cacheStatus: null };
  expect(await fetched(page, urlOf(FILM))).toMatchObject(fresh);
  await stage.site.goOffline();
  const kept = { sha256: sha256(OLD), cacheStatus: "shoal; hit" };
  expect(await fetched(page, urlOf(FILM))).toMatchObject(kept);
});
