// The main job end to end: one visitor's browser serves the next. Real Chromium, separate contexts, real servers;
// origin bytes are counted at the origin.

import { expect, test } from "@playwright/test";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const MIB = 1024 * 1024;
const FILE = noise(24 * MIB, 1);
const DIGEST = sha256(FILE);

let stage: Stage;
test.beforeEach(async () => {
  stage = await setStage();
  await stage.publish({ "/film.bin": FILE });
});
test.afterEach(() => stage.close());

test("a second visitor gets 24 MiB from the first, and a third with the origin off", async ({
  browser,
}) => {
  const url = `${stage.site.url}/film.bin`;
  const first = await stage.visit(browser);
  const one = await fetched(first, url);
  console.log("A", one, JSON.stringify(await stats(first)));
  expect(one).toMatchObject({ status: 200, sha256: DIGEST });
  expect(stage.site.sent("/film.bin")).toBe(FILE.length);

  const second = await stage.visit(browser);
  const before = stage.site.sent("/film.bin");
  const two = await fetched(second, url);
  console.log("B", two, JSON.stringify(await stats(second)));
  expect(two).toMatchObject({ status: 200, sha256: DIGEST });
  const { bytes } = await stats(second);
  expect(bytes.peers).toBeGreaterThanOrEqual(0.95 * FILE.length);
  expect(stage.site.sent("/film.bin") - before).toBeLessThanOrEqual(0.05 * FILE.length);

  const third = await stage.visit(browser);
  await stage.site.goOffline();
  const three = await fetched(third, url);
  console.log("C", three, JSON.stringify(await stats(third)));
  expect(three).toMatchObject({ status: 200, sha256: DIGEST });
});
