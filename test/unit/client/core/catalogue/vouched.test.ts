// What the tracker vouches for, in the catalogue's hands: judged by what the origin told the tracker, validated like
// anything else, and asked for anew where that shows another version.

import { beforeAll, expect, test } from "vitest";
import * as attested from "../../../../../client/core/catalogue/attested.ts";
import { Catalogue, type CatalogueNeeds } from "../../../../../client/core/catalogue/catalogue.ts";
import type { Content } from "../../../../../client/core/vocabulary.ts";
import { type Bytes, utf8 } from "../../../../../tracker/protocol/bytes.ts";
import { signedText, writeManifest } from "../../../../../tracker/protocol/manifest.ts";
import { httpDate } from "../../../../sim/clock.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { SimRandom } from "../../../../sim/random.ts";
import { newPublisher, type Publisher } from "../../../../support/manifest.ts";
import { ScriptedOrigin } from "../scripted-origin.ts";
import { Stage, turns } from "../stage.ts";
import { noPurges } from "./no-purges.ts";

const SITE = "https://site.example";
const URL = `${SITE}/news.json`;
const TRACKER = "https://tracker.example/manifest";
const body = (version: number): Bytes => utf8(`news, version ${version}`);

let tracker: Publisher;
beforeAll(async () => {
  tracker = await newPublisher();
});

class Visit {
  readonly stage = new Stage();
  readonly origin = new ScriptedOrigin();
  readonly catalogue: Catalogue;
  mayAsk = true;
  /** The tracker's clock minus this device's. */
  skew = 0;

  constructor(load: NonNullable<CatalogueNeeds["attest"]>["load"]) {
    const { clock } = this.stage;
    this.catalogue = new Catalogue({
      clock,
      random: new SimRandom("vouched"),
      hasher: simHasher,
      origin: this.origin,
      index: this.stage.store(),
      url: `${SITE}/.well-known/shoal.json`,
      published: true,
      site: SITE,
      attest: { url: TRACKER, load },
      adopt: async () => {},
      mayAsk: () => this.mayAsk,
      grew: () => {},
      pinnedKeys: null,
      purges: noPurges(this.stage),
      unshareable: () => {},
      problem: () => {},
    });
  }
  /** A site that publishes nothing. */
  static async open(load = async () => attested): Promise<Visit> {
    const visit = new Visit(load);
    const loaded = visit.catalogue.load();
    await turns();
    visit.origin.only.end({ kind: "status", status: 404 });
    await visit.stage.wait(loaded);
    return visit;
  }
  /** Answers the open question: this version, which the origin had just now, with `max-age=10`. */
  async say(version: number): Promise<void> {
    const date = httpDate(this.stage.now + this.skew);
    const epoch = Date.parse(date);
    const stated = await tracker.statement(URL, body(version), { epoch });
    const facts = {
      ...stated,
      headers: { etag: `"${version}"`, "cache-control": "max-age=10", date },
    };
    const asset = { ...facts, signature: await tracker.sign(signedText(facts)) };
    const manifest = JSON.parse(writeManifest(asset.epoch, asset.key, [asset]));
    const { only } = this.origin;
    expect(only.request).toMatchObject({ url: TRACKER, body: URL });
    only.start(0, null);
    only.bytes(utf8(`${JSON.stringify({ maxAge: 10, manifest })}\n`));
    only.end();
  }
  async find(version: number) {
    const found = this.catalogue.find(URL);
    await this.stage.pass(10);
    await this.say(version);
    return this.stage.wait(found);
  }
  /** What is handed out in the end of what is asked about. */
  async current(found: { readonly current: Promise<Content | undefined> | null } | undefined) {
    if (!found?.current) throw new Error("nobody is asked");
    return (await this.stage.wait(found.current))?.asset;
  }
}

test("is as good as what it is made of for as long as the origin said to the tracker", async () => {
  const visit = await Visit.open();
  const found = await visit.find(1);
  expect(found?.current).toBeNull();
  await visit.stage.pass(9000);
  expect(await visit.stage.wait(visit.catalogue.find(URL))).toEqual(found);
  expect(visit.origin.open).toEqual([]);
});

test("is the tracker's to say again when its time is over, and validated at the origin while it says nothing", async () => {
  const visit = await Visit.open();
  await visit.find(1);
  await visit.stage.pass(12_000);
  expect((await visit.find(2))?.content.asset.size).toBe(body(2).length);
  await visit.stage.pass(12_000);
  const finding = visit.catalogue.find(URL);
  await visit.stage.pass(10);
  visit.origin.only.end({ kind: "unreachable" });
  const found = await visit.stage.wait(finding);
  expect(visit.origin.only.request).toMatchObject({ url: URL, unless: { etag: '"2"' } });
  visit.origin.only.end({ kind: "status", status: 304, headers: {} });
  expect(await visit.current(found)).toBe(found?.content.asset);
});

test("is the origin's to say for who asks for a validation", async () => {
  const visit = await Visit.open();
  await visit.find(1);
  const found = await visit.stage.wait(visit.catalogue.find(URL, "no-cache"));
  await turns();
  expect(visit.origin.only.request).toMatchObject({ url: URL, unless: { etag: '"1"' } });
  visit.origin.only.end({ kind: "status", status: 304, headers: {} });
  expect(await visit.current(found)).toBe(found?.content.asset);
});

test.each([2500, -2500])(
  "holds by the tracker's own clock, from which this one is %d ms away",
  async (skew) => {
    const visit = await Visit.open();
    visit.skew = skew;
    await visit.find(1);
    await visit.stage.pass(9000);
    expect((await visit.stage.wait(visit.catalogue.find(URL)))?.current).toBeNull();
    const { left = 0 } = (await visit.stage.wait(visit.catalogue.standing(URL))) ?? {};
    expect(left).toBeLessThanOrEqual(1000);
    await visit.stage.pass(1000);
    expect((await visit.find(2))?.content.asset.size).toBe(body(2).length);
    expect(visit.origin.open).toEqual([]);
  },
);

test("that the origin has replaced is asked for anew, and left to the network if the tracker has not heard of it", async () => {
  const visit = await Visit.open();
  await visit.find(1);
  for (const { heard, expected } of [
    { heard: 2, expected: 2 },
    { heard: 2, expected: undefined },
  ]) {
    visit.catalogue.doubt(URL);
    const found = await visit.stage.wait(visit.catalogue.find(URL));
    await turns();
    visit.origin.only.end({ kind: "status", status: 404 });
    await visit.stage.pass(10);
    await visit.say(heard);
    if (expected === undefined) {
      await visit.stage.pass(10);
      await visit.say(heard);
    }
    const length = expected && body(expected).length;
    expect((await visit.current(found))?.size).toBe(length);
  }
  // Nor is it believed the next time, for as long as it would have been good.
  expect(await visit.stage.wait(visit.catalogue.find(URL))).toBeUndefined();
  expect(visit.origin.open).toEqual([]);
});

test("is nobody's business without what asks for it, or where nothing is shared", async () => {
  for (const load of [
    () => Promise.reject(new Error("gone")),
    () => new Promise<never>(() => {}),
  ]) {
    const visit = await Visit.open(load);
    expect(await visit.stage.wait(visit.catalogue.find(URL))).toBeUndefined();
    expect(visit.stage.now).toBeLessThan(1000);
    expect(visit.origin.open).toEqual([]);
  }
  const visit = await Visit.open();
  visit.mayAsk = false;
  expect(await visit.stage.wait(visit.catalogue.find(URL))).toBeUndefined();
  expect(visit.origin.open).toEqual([]);
});
