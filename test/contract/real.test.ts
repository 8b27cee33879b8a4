// The batteries on those real adapters that Node can run as they are: no page needed for timers, dice, digests,
// memory or fetch. The same adapters run in Chromium too, with all the others, in test/browser.

import { afterAll, beforeAll, describe, test } from "vitest";
import { browserClock } from "../../client/browser/clock.ts";
import { webCryptoHasher } from "../../client/browser/hasher.ts";
import { fetchOrigin } from "../../client/browser/origin-fetch.ts";
import { browserRandom } from "../../client/browser/random.ts";
import { memoryStore } from "../../client/browser/store-memory.ts";
import { realTime } from "../support/pace.ts";
import { type Site, startSite, unusedPort } from "../support/servers.ts";
import { patterned } from "./battery.ts";
import { clockBattery } from "./clock.ts";
import { hasherBattery } from "./hasher.ts";
import { originBattery } from "./origin.ts";
import { randomBattery } from "./random.ts";
import { storeBattery } from "./store.ts";

test("the browser's clock keeps its contract", () =>
  clockBattery(() => ({ clock: browserClock(), pace: realTime })));

test("the browser's dice keep their contract", () =>
  randomBattery(() => ({ random: browserRandom() })));

test("the WebCrypto hasher keeps its contract", () =>
  hasherBattery(() => {
    const hasher = webCryptoHasher();
    if (hasher === null) throw new Error("no WebCrypto in this Node");
    return { hasher };
  }));

test("the memory store keeps its contract", () =>
  storeBattery(() => ({ store: memoryStore(1_000_000), room: 1_000_000 })));

describe("the fetch origin", () => {
  const bytes = patterned(300_000);
  const files = { "/asset": { body: bytes } };
  let sound: Site;
  let rangeless: Site;
  let cutting: Site;
  beforeAll(async () => {
    [sound, rangeless, cutting] = await Promise.all([
      startSite({ files }),
      startSite({ files }),
      startSite({ files }),
    ]);
    rangeless.behave({ ignoresRange: true });
    cutting.behave({ cutsBodies: true });
  });
  afterAll(() => Promise.all([sound.close(), rangeless.close(), cutting.close()]));

  test("keeps its contract", async () => {
    const nowhere = await unusedPort();
    await originBattery(() => ({
      origin: fetchOrigin(fetch),
      pace: realTime,
      asset: { url: `${sound.url}/asset`, bytes },
      versioned: `${sound.url}/asset`,
      missing: `${sound.url}/nothing`,
      unreachable: `http://127.0.0.1:${nowhere}/asset`,
      rangeless: `${rangeless.url}/asset`,
      cut: `${cutting.url}/asset`,
    }));
  });
});
