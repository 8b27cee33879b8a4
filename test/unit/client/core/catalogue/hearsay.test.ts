// What neighbours say of a URL: believed by signature and epoch alone, the newest of what comes in time, and never what was
// purged or replaced.

import { beforeAll, describe, expect, test } from "vitest";
import { Catalogue } from "../../../../../client/core/catalogue/catalogue.ts";
import { contentOf } from "../../../../../client/core/catalogue/content.ts";
import { Hearsay } from "../../../../../client/core/catalogue/hearsay.ts";
import { Purges } from "../../../../../client/core/catalogue/purges.ts";
import type { Content } from "../../../../../client/core/vocabulary.ts";
import { type Bytes, base64url, utf8 } from "../../../../../tracker/protocol/bytes.ts";
import { type AssetStatement, writeManifest } from "../../../../../tracker/protocol/manifest.ts";
import { purgeText } from "../../../../../tracker/protocol/purge.ts";
import { sha256, simHasher } from "../../../../sim/hasher.ts";
import { SimRandom } from "../../../../sim/random.ts";
import { newPublisher, type Publisher } from "../../../../support/manifest.ts";
import { ScriptedOrigin } from "../scripted-origin.ts";
import { Stage } from "../stage.ts";

const SITE = "https://site.example/.well-known/shoal.json";
const FILM = "https://site.example/film.mp4";

let publisher: Publisher;
let stranger: Publisher;
beforeAll(async () => {
  [publisher, stranger] = await Promise.all([newPublisher(), newPublisher()]);
});

const stated = (epoch: number, by = publisher, url = FILM): Promise<AssetStatement> =>
  by.statement(url, utf8(`film of epoch ${epoch}`), { epoch });
const textOf = (asset: AssetStatement): Bytes =>
  utf8(writeManifest(asset.epoch, asset.key, [asset]));

/** A neighbour that answers after so long. */
interface Neighbour {
  readonly says: Bytes | undefined;
  readonly after?: number;
}

class Visit {
  readonly stage = new Stage();
  readonly origin = new ScriptedOrigin();
  readonly index = this.stage.store();
  readonly held: Content[] = [];
  readonly asked: Bytes[] = [];
  neighbours: readonly Neighbour[] = [];
  readonly purges = new Purges({
    clock: this.stage.clock,
    hasher: simHasher,
    index: this.index,
    purged: () => {},
  });
  catalogue: Catalogue;
  readonly hearsay: Hearsay;

  constructor(pinnedKey: string | null = null) {
    this.catalogue = this.#opened(pinnedKey);
    this.hearsay = new Hearsay({
      clock: this.stage.clock,
      hasher: simHasher,
      believes: (asset) => this.catalogue.believes(asset),
      held: () => this.held,
      neighbours: () =>
        this.neighbours.map(({ says, after = 10 }) => ({
          ask: (url: Bytes) => {
            this.asked.push(url);
            return new Promise((resolve) => this.stage.clock.after(after, () => resolve(says)));
          },
        })),
    });
  }
  #opened(pinnedKey: string | null): Catalogue {
    return new Catalogue({
      clock: this.stage.clock,
      random: new SimRandom("hearsay"),
      hasher: simHasher,
      origin: this.origin,
      index: this.index,
      url: SITE,
      published: true,
      site: "https://site.example",
      unshareable: () => {},
      attest: null,
      adopt: async () => {},
      mayAsk: () => false,
      grew: () => {},
      pinnedKeys: pinnedKey === null ? null : [pinnedKey],
      purges: this.purges,
      problem: () => {},
    });
  }
  /** The next page of the same browser, whose manifest is answered like this. */
  async comesBack(answer: (origin: ScriptedOrigin) => void): Promise<void> {
    this.catalogue = this.#opened(null);
    const loaded = this.catalogue.load();
    await this.stage.pass(100);
    answer(this.origin);
    await this.stage.wait(loaded);
  }
  /** A page that has read the site's manifest of this epoch, in which there is no film. */
  static async knowing(epoch: number, pinnedKey: string | null = null): Promise<Visit> {
    const visit = new Visit(pinnedKey);
    const loaded = visit.catalogue.load();
    const manifest = await publisher.manifest({ [`${FILM}.txt`]: utf8("text") }, { epoch });
    visit.origin.only.answer(utf8(manifest));
    await visit.stage.wait(loaded);
    return visit;
  }
  /** What a neighbour that asks is told. */
  said(url: string): Promise<Bytes | undefined> {
    return this.stage.wait(this.hearsay.statement(sha256(utf8(url))));
  }
  async find(...neighbours: readonly Neighbour[]): Promise<number | undefined> {
    this.neighbours = neighbours;
    return (await this.stage.wait(this.hearsay.find(FILM)))?.asset.epoch;
  }
}

test("a statement of a signer whose manifest was read once is as good from a neighbour", async () => {
  const visit = await Visit.knowing(1);
  expect(await visit.find({ says: textOf(await stated(2)) })).toBe(2);
  // Nobody is told which URL it is.
  expect(visit.asked).toEqual([sha256(utf8(FILM))]);
});

test("what is held here already needs no neighbour", async () => {
  const visit = await Visit.knowing(1);
  visit.held.push(await contentOf(await stated(3), simHasher));
  expect(await visit.find({ says: textOf(await stated(9)) })).toBe(3);
  expect(visit.asked).toEqual([]);
});

test("of several versions held here the newest counts, and is passed on", async () => {
  const visit = await Visit.knowing(1);
  const statements = [await stated(3), await stated(5), await stated(4)];
  for (const asset of statements) visit.held.push(await contentOf(asset, simHasher));
  expect(await visit.find()).toBe(5);
  const newest = statements[1] as AssetStatement;
  expect(await visit.said(FILM)).toEqual(textOf(newest));
});

test("the newest of what comes in a moment counts, and a silent neighbour is not waited for", async () => {
  const visit = await Visit.knowing(1);
  const [old, newer, newest] = [await stated(2), await stated(3), await stated(4)];
  const begun = visit.stage.now;
  const epoch = await visit.find(
    { says: textOf(old) },
    { says: textOf(newer), after: 200 },
    { says: undefined },
    { says: textOf(newest), after: 3000 },
  );
  expect(epoch).toBe(3);
  expect(visit.stage.now - begun).toBeLessThan(500);
  const silent = visit.stage.now;
  expect(await visit.find({ says: textOf(old), after: 60_000 })).toBeUndefined();
  expect(visit.stage.now - silent).toBe(4000);
});

describe("is not believed", () => {
  test.each<[string, () => Promise<Bytes | undefined>]>([
    ["nothing", async () => undefined],
    ["no manifest", async () => utf8("x")],
    ["of a signer nobody knows", async () => textOf(await stated(2, stranger))],
    ["of another URL", async () => textOf(await stated(2, publisher, `${FILM}.txt`))],
    ["older than the site's manifest", async () => textOf(await stated(1))],
    ["changed on the way", async () => textOf({ ...(await stated(3)), type: "text/html" })],
  ])("%s", async (_what, says) => {
    const visit = await Visit.knowing(2);
    expect(await visit.find({ says: await says() })).toBeUndefined();
  });

  test("another signer than the pinned one", async () => {
    const visit = await Visit.knowing(1, stranger.key);
    expect(await visit.find({ says: textOf(await stated(2)) })).toBeUndefined();
    expect(await visit.find({ says: textOf(await stated(2, stranger)) })).toBe(2);
  });

  test("what its signer has purged, however it comes", async () => {
    const visit = new Visit();
    visit.purges.welcomed({ key: publisher.key, epoch: 5 });
    const purge = { epoch: 5, scope: "url", what: FILM, soft: false } as const;
    const signature = base64url(await publisher.sign(purgeText(purge, publisher.key)));
    visit.purges.heard([{ ...purge, signature }]);
    await visit.stage.wait(visit.purges.learned(publisher.key));
    visit.held.push(await contentOf(await stated(4), simHasher));
    expect(await visit.find({ says: textOf(await stated(5)) })).toBeUndefined();
    expect(await visit.said(FILM)).toBeUndefined();
    expect(await visit.find({ says: textOf(await stated(6)) })).toBe(6);
  });
});

test("neighbours are told what is held here, by the digest of its URL, and nothing else", async () => {
  const visit = await Visit.knowing(1);
  const asset = await stated(2);
  visit.held.push(await contentOf(asset, simHasher));
  expect(await visit.said(FILM)).toEqual(textOf(asset));
  expect(await visit.said(`${FILM}.txt`)).toBeUndefined();
});

test("a signer whose manifest the site has taken away is believed again when it is there again", async () => {
  const visit = await Visit.knowing(1);
  const says = textOf(await stated(2));
  await visit.comesBack((origin) => origin.only.end({ kind: "status", status: 404 }));
  await visit.comesBack((origin) => origin.only.end({ kind: "unreachable" }));
  expect(await visit.find({ says })).toBeUndefined();
  const manifest = await publisher.manifest({ [`${FILM}.txt`]: utf8("text") }, { epoch: 1 });
  await visit.comesBack((origin) => origin.only.answer(utf8(manifest)));
  expect(await visit.find({ says })).toBe(2);
});
