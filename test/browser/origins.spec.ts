// Origins that fail, with a mirror beside them: in a real browser, against real servers.

import { expect, type Page, test } from "@playwright/test";
import type { Client } from "../../client/index.ts";
import { type Site, startSite } from "../support/servers.ts";
import { noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const FILM = "/film.bin";
const SIZE = 4 * 1024 * 1024;
const BODY = noise(SIZE, 1);
const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "*",
  "Access-Control-Expose-Headers": "Content-Range, Content-Length",
};

let stage: Stage;
let mirror: Site;
test.beforeEach(async () => {
  stage = await setStage();
  await stage.publish({ [FILM]: BODY });
  mirror = await startSite({ files: { [FILM]: { body: BODY } }, headers: CORS });
});
test.afterEach(async () => {
  await stage.close();
  await mirror.close();
});

/** Fetches with the mirror named, and says what came and how soon. */
function fetchedWith(page: Page, origins: readonly string[]) {
  return page.evaluate(
    async ([url, others]) => {
      const begin = performance.now();
      const init = { shoal: { origins: others } };
      const response = await (window.shoal as Client).fetch(url, init);
      const body = await response.arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
      return {
        status: response.status,
        sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
        elapsedMs: performance.now() - begin,
      };
    },
    [stage.site.url + FILM, origins] as const,
  );
}
const RIGHT = { status: 200, sha256: sha256(BODY) };

for (const [what, fail] of [
  ["refuses connections", () => stage.site.goOffline()],
  ["answers 503", async () => stage.site.behave({ status: 503 })],
  ["breaks every body in the middle", async () => stage.site.behave({ cutsBodies: true })],
] as const) {
  test(`an origin that ${what}: the mirror gives what it does not`, async ({ browser }) => {
    const page = await stage.visit(browser);
    await fail();
    const result = await fetchedWith(page, [mirror.url]);
    expect(result).toMatchObject(RIGHT);
    expect(result.elapsedMs).toBeLessThan(5000);
    expect(mirror.sent(FILM)).toBeGreaterThan(0);
    expect((await stats(page)).chunks).toEqual({ verified: 16, rejected: 0 });
  });
}

test("an origin that says nothing has the mirror asked within about a second", async ({
  browser,
}) => {
  const page = await stage.visit(browser);
  stage.site.answer(FILM, () => {});
  const result = await fetchedWith(page, [mirror.url]);
  expect(result).toMatchObject(RIGHT);
  expect(result.elapsedMs).toBeLessThan(3000);
  expect(mirror.sent(FILM)).toBe(SIZE);
});

test("a mirror with another version gives nothing to the page", async ({ browser }) => {
  mirror.put(FILM, { body: noise(SIZE, 2) });
  const page = await stage.visit(browser);
  await stage.site.goOffline();
  const outcome = await fetchedWith(page, [mirror.url]).catch((error: unknown) => String(error));
  expect(outcome).toContain("Failed to fetch");
  expect((await stats(page)).cache.bytes).toBe(0);
});

test("named on the tag, a mirror counts for everything", async ({ browser }) => {
  const page = await stage.visit(browser, { attributes: { "data-origins": mirror.url } });
  await stage.site.goOffline();
  expect(await fetchedWith(page, [])).toMatchObject(RIGHT);
});
