// Two browsers that can only meet by relay do meet, through a real coturn with the credentials that the tracker makes;
// and not with others. Where coturn cannot be had, one line says what was not tested.

import { expect, test } from "@playwright/test";
import { type Coturn, findCoturn, startCoturn } from "../support/coturn.ts";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const FILE = noise(2 * 1024 * 1024, 7);
const RIGHT = { status: 200, sha256: sha256(FILE), length: FILE.length };
const PATH = "/film.bin";
const SECRET = "between the operator and coturn";
const RELAY_ONLY = { attributes: { "data-relay-only": "" } };

let path: string | undefined;
let coturn: Coturn | undefined;
let stage: Stage | undefined;

test.beforeAll(() => {
  // Installing it takes a while.
  test.setTimeout(300_000);
  path = findCoturn();
  if (path === undefined)
    console.log("Not tested: meeting by relay, since coturn is not installed.");
});
test.afterEach(async () => {
  await stage?.close();
  await coturn?.close();
  stage = undefined;
  coturn = undefined;
});

async function staged(turnserver: string, secret: string): Promise<Stage> {
  coturn = await startCoturn(turnserver, SECRET);
  stage = await setStage({ tracker: { turn: { urls: [coturn.url], secret } } });
  await stage.publish({ [PATH]: FILE });
  return stage;
}

test("visitors who allow relays alone serve each other by the operator's relay", async ({
  browser,
}) => {
  if (path === undefined) return;
  const { site, visit } = await staged(path, SECRET);
  const first = await visit(browser, RELAY_ONLY);
  expect(await fetched(first, site.url + PATH)).toMatchObject(RIGHT);
  const second = await visit(browser, RELAY_ONLY);
  expect(await fetched(second, site.url + PATH)).toMatchObject(RIGHT);
  await expect.poll(async () => (await stats(first)).links.length).toBe(1);
  expect(coturn?.allocations).toBeGreaterThanOrEqual(2);

  const third = await visit(browser, RELAY_ONLY);
  await site.goOffline();
  expect(await fetched(third, site.url + PATH)).toMatchObject(RIGHT);
  expect((await stats(third)).bytes).toMatchObject({ origin: 0, cache: 0 });
});

test("with a password of another secret they get everything from the origin, and no link", async ({
  browser,
}) => {
  if (path === undefined) return;
  const { site, visit } = await staged(path, "some other secret");
  for (const page of [await visit(browser, RELAY_ONLY), await visit(browser, RELAY_ONLY)]) {
    expect(await fetched(page, site.url + PATH)).toMatchObject(RIGHT);
    const { bytes, links } = await stats(page);
    expect(links).toEqual([]);
    expect(bytes.peers).toBe(0);
  }
  expect(coturn?.allocations).toBe(0);
});
