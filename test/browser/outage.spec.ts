// Site and tracker both gone: what the reachable neighbours know and hold between them is still delivered, verified, to
// somebody who had never heard what it is.

import { type Browser, expect, type Page, test } from "@playwright/test";
import type { Client } from "../../client/index.ts";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const FILM = "/film.bin";
const OTHER = "/other.bin";
const SIZE = 5 * 1024 * 1024;
const [BODY, REST] = [noise(SIZE, 1), noise(SIZE, 2)];

let stage: Stage;
test.beforeEach(async () => {
  stage = await setStage();
});
test.afterEach(() => stage.close());

const urlOf = (path: string): string => stage.site.url + path;

/** Two who met over another file; only one of them has seen the manifest that the film is in, and holds it. */
async function neighbours(browser: Browser, before?: () => void): Promise<{ stranger: Page }> {
  await stage.publish({ [OTHER]: REST });
  const stranger = await stage.visit(browser);
  await fetched(stranger, urlOf(OTHER));
  await stage.publish({ [OTHER]: REST, [FILM]: BODY }, { epoch: 2 });
  const holder = await stage.visit(browser, before ? { before } : {});
  await fetched(holder, urlOf(OTHER));
  await fetched(holder, urlOf(FILM));
  // Neither end alone is a link.
  for (const page of [stranger, holder]) {
    await page.waitForFunction(() => window.shoal?.stats().links.length === 1);
  }
  await stage.site.goOffline();
  await stage.stopTracker();
  return { stranger };
}

test("a visitor that never saw its manifest gets a film from a neighbour, with site and tracker gone", async ({
  browser,
}) => {
  const { stranger } = await neighbours(browser);
  const got = await fetched(stranger, urlOf(FILM));
  expect(got).toMatchObject({ status: 200, sha256: sha256(BODY), length: SIZE });
  expect(got.cacheStatus).toBe(`shoal; fwd=miss; detail="peers=${SIZE},origin=0"`);
  expect((await stats(stranger)).chunks).toEqual({ verified: 40, rejected: 0 });
  // And keeps it, as anything else.
  expect((await fetched(stranger, urlOf(FILM))).cacheStatus).toBe("shoal; hit");
});

test("a neighbour that makes the statement up is not believed: the request fails as without Shoal", async ({
  browser,
}) => {
  const { stranger } = await neighbours(browser, () => {
    const send = RTCDataChannel.prototype.send as (data: Uint8Array<ArrayBuffer>) => void;
    RTCDataChannel.prototype.send = function (data: unknown): void {
      const frame = new Uint8Array(data as Uint8Array<ArrayBuffer>);
      // Of a description, one letter of the media type: latin1 keeps every byte in its place.
      const text = new TextDecoder("latin1").decode(frame);
      const at = text.indexOf("octet-stream");
      if (frame[0] === 14 && at > 0) frame[at] = "O".charCodeAt(0);
      send.call(this, frame);
    };
  });
  const outcome = await stranger.evaluate(async (url) => {
    try {
      return (await (window.shoal as Client).fetch(url)).status;
    } catch (error) {
      return String(error);
    }
  }, urlOf(FILM));
  expect(outcome).toBe("TypeError: Failed to fetch");
  expect((await stats(stranger)).bytes.peers).toBe(0);
});
