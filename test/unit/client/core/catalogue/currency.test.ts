// Whether a content is still what its URL has: who is asked, how often, what happens when nobody answers, and what a
// next visit remembers.

import { beforeAll, describe, expect, test } from "vitest";
import { Catalogue, type Found } from "../../../../../client/core/catalogue/catalogue.ts";
import { Purges } from "../../../../../client/core/catalogue/purges.ts";
import type { CachingFields, Content, Millis } from "../../../../../client/core/vocabulary.ts";
import { type Bytes, base64url, utf8 } from "../../../../../tracker/protocol/bytes.ts";
import { purgeText } from "../../../../../tracker/protocol/purge.ts";
import { httpDate } from "../../../../sim/clock.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { SimRandom } from "../../../../sim/random.ts";
import type { SimStore } from "../../../../sim/store.ts";
import { newPublisher, type Publisher } from "../../../../support/manifest.ts";
import { ScriptedOrigin } from "../scripted-origin.ts";
import { Stage, turns } from "../stage.ts";

const SITE = "https://site.example";
const URL = `${SITE}/film.txt`;
const ELSEWHERE = "https://content.example/film.txt";
const MANIFEST = `${SITE}/.well-known/shoal.json`;
/** On a manifest: nobody asks for it again. */
const LASTING = { "cache-control": "max-age=86400" };
const body = (version: number): Bytes => utf8(`film of version ${version}`);

let publisher: Publisher;
beforeAll(async () => {
  publisher = await newPublisher();
});

interface Circumstances {
  readonly before?: Visit;
  readonly seed?: string;
  /** How far this device's clock is behind. */
  readonly slow?: Millis;
}

class Visit {
  readonly stage = new Stage();
  readonly origin = new ScriptedOrigin();
  readonly index: SimStore;
  readonly unshareable: string[] = [];
  readonly catalogue: Catalogue;
  readonly purges: Purges;
  readonly #signed = new Map<number, string>();

  constructor({ before, seed = "currency", slow = 0 }: Circumstances = {}) {
    const { clock } = this.stage;
    this.index = before?.index.reopen(clock) ?? this.stage.store();
    this.purges = new Purges({
      clock,
      hasher: simHasher,
      index: this.index,
      purged: (purges) => this.catalogue.purged(purges),
    });
    this.purges.unreachable();
    this.catalogue = new Catalogue({
      clock: {
        now: () => clock.now(),
        date: () => clock.date() - slow,
        after: (delay, task) => clock.after(delay, task),
      },
      random: new SimRandom(seed),
      hasher: simHasher,
      origin: this.origin,
      index: this.index,
      url: MANIFEST,
      published: true,
      site: SITE,
      attest: null,
      adopt: async () => {},
      mayAsk: () => false,
      grew: () => {},
      pinnedKeys: null,
      purges: this.purges,
      unshareable: ({ asset }) => this.unshareable.push(asset.url),
      problem: () => {},
    });
  }
  /** A visit to a site whose manifest says nothing of its time, unless it is told to. */
  static async open(how: Circumstances = {}, headers: CachingFields = {}): Promise<Visit> {
    const visit = new Visit(how);
    const loaded = visit.catalogue.load();
    await turns();
    await visit.publish(1, headers);
    await visit.stage.wait(loaded);
    return visit;
  }

  /** Answers the one open read with the manifest of this version. */
  async publish(version: number, headers: CachingFields = {}): Promise<void> {
    const bodies = { [URL]: body(version), [ELSEWHERE]: body(version) };
    const text =
      this.#signed.get(version) ?? (await publisher.manifest(bodies, { epoch: version }));
    this.#signed.set(version, text);
    this.origin.only.answer(utf8(text), 1, { etag: `"m${version}"`, ...this.dated(headers) });
  }
  dated(headers: CachingFields): CachingFields {
    return { date: httpDate(this.stage.now), ...headers };
  }
  async find(url = URL): Promise<Found> {
    const found = await this.stage.wait(this.catalogue.find(url));
    if (found === undefined) throw new Error(`nobody vouches for ${url}`);
    return found;
  }
  current(current: Found["current"]): Promise<Content | undefined> {
    if (current === null) throw new Error("nobody is asked");
    return this.stage.wait(current);
  }
  /** This browser reads it whole from the origin, as a retrieval does. */
  read(url: string, version: number, headers: CachingFields): void {
    this.catalogue.origin.read(
      { url, range: "whole", cache: "default" },
      { start: () => {}, bytes: () => {}, end: () => {} },
    );
    this.origin.only.answer(body(version), 1, this.dated(headers));
  }
  /** The tracker takes back all of the URL up to this version. */
  async purge(version: number): Promise<void> {
    const purge = { epoch: version, scope: "url", what: URL, soft: false } as const;
    const signature = base64url(await publisher.sign(purgeText(purge, publisher.key)));
    this.purges.welcomed({ key: publisher.key, epoch: version });
    this.purges.heard([{ ...purge, signature }]);
    await this.stage.wait(this.purges.learned(publisher.key));
  }
  unchanged(headers: CachingFields = {}): void {
    this.origin.only.end({ kind: "status", status: 304, headers: this.dated(headers) });
  }
}

describe("what came from peers is as good as the manifest", () => {
  test("which is asked for once for all who want to know, with a condition", async () => {
    const visit = await Visit.open();
    await visit.stage.pass(1000);
    const found = [await visit.find(), await visit.find(ELSEWHERE), await visit.find()];
    const { request } = visit.origin.only;
    expect(request).toMatchObject({ url: MANIFEST, unless: { etag: '"m1"' } });
    visit.unchanged();
    for (const { content, current } of found) expect(await current).toBe(content);
  });
  test("and when that is another, it is what the other says", async () => {
    const visit = await Visit.open();
    await visit.stage.pass(1000);
    const { current } = await visit.find();
    await visit.publish(2);
    expect((await visit.current(current))?.asset.epoch).toBe(2);
  });
  test("and at once while the manifest's own time lasts", async () => {
    const visit = await Visit.open({}, { "cache-control": "max-age=60" });
    await visit.stage.pass(59_000);
    expect((await visit.find()).current).toBeNull();
    await visit.stage.pass(1000);
    expect((await visit.find()).current).not.toBeNull();
  });
  test("which a site that says nothing is believed to mean for a minute at most", async () => {
    const visit = await Visit.open({}, { "last-modified": "Mon, 03 Nov 2025 12:00:00 GMT" });
    await visit.stage.pass(59_000);
    expect((await visit.find()).current).toBeNull();
    await visit.stage.pass(1000);
    expect((await visit.find()).current).not.toBeNull();
  });
  test("and while the site is away, which is asked again after a rest", async () => {
    const visit = await Visit.open();
    await visit.stage.pass(1000);
    const { content, current } = await visit.find();
    visit.origin.only.end({ kind: "status", status: 503 });
    expect(await current).toBe(content);
    await visit.stage.pass(4900);
    expect((await visit.find()).current).toBeNull();
    await visit.stage.pass(2600);
    void (await visit.find());
    expect(visit.origin.open).toHaveLength(1);
  });
  test("and when it is back, it is confirmed again by the manifest of before", async () => {
    const visit = await Visit.open();
    await visit.stage.pass(1000);
    await visit.find();
    visit.origin.only.end({ kind: "unreachable" });
    await visit.stage.pass(7600);
    const found = await visit.stage.wait(visit.catalogue.find(URL, "no-cache"));
    visit.unchanged();
    expect(await found?.current).toBe(found?.content);
  });
  test("and not when the site has taken it away, until it is there again", async () => {
    const visit = await Visit.open();
    await visit.stage.pass(1000);
    visit.catalogue.distrust((await visit.find()).content);
    const { current } = await visit.find(ELSEWHERE);
    visit.origin.only.end({ kind: "status", status: 404 });
    expect(await visit.current(current)).toBeUndefined();
    await visit.stage.pass(7600);
    expect(await visit.stage.wait(visit.catalogue.find(URL))).toBeUndefined();
    expect(visit.origin.only.request.unless).toBeUndefined();
    await visit.publish(1);
    await visit.stage.pass(10);
    expect((await visit.find(ELSEWHERE)).content.asset.epoch).toBe(1);
  });
  test("and a site that has too many visitors has taken nothing away", async () => {
    const visit = await Visit.open();
    await visit.stage.pass(1000);
    const { content, current } = await visit.find();
    visit.origin.only.end({ kind: "status", status: 429 });
    expect(await visit.current(current)).toBe(content);
  });
  test("but not for who asks for a validation", async () => {
    const visit = await Visit.open({}, { "cache-control": "max-age=60" });
    const found = await visit.stage.wait(visit.catalogue.find(URL, "no-cache"));
    visit.origin.only.end({ kind: "unreachable" });
    expect(await found?.current).toBeUndefined();
  });
  test("and a site that takes the question and is silent holds nobody for more than two seconds", async () => {
    const visit = await Visit.open();
    await visit.stage.pass(1000);
    const { content, current } = await visit.find();
    const at = visit.stage.now;
    expect(await visit.current(current)).toBe(content);
    expect(visit.stage.now - at).toBe(2000);
    const silent = visit.origin.only;
    await visit.stage.pass(7900);
    expect(silent.cancelled).toBe(false);
    await visit.stage.pass(200);
    expect(silent.cancelled).toBe(true);
  });
});

describe("what was taken back", () => {
  test("may have been published anew: the manifest is asked for before the network is", async () => {
    const visit = await Visit.open({}, LASTING);
    await visit.find();
    await visit.purge(1);
    const found = visit.catalogue.find(URL);
    await turns();
    await visit.publish(2, LASTING);
    expect((await visit.stage.wait(found))?.content.asset.epoch).toBe(2);
  });
  test("is the network's otherwise, and the manifest is asked for once", async () => {
    const visit = await Visit.open({}, LASTING);
    await visit.find();
    await visit.purge(1);
    const found = visit.catalogue.find(URL);
    await turns();
    visit.unchanged(LASTING);
    expect(await visit.stage.wait(found)).toBeUndefined();
    expect(await visit.stage.wait(visit.catalogue.find(URL))).toBeUndefined();
    expect(visit.origin.open).toEqual([]);
  });
  test("is the network's soon, if the site is slow to say", async () => {
    const visit = await Visit.open({}, LASTING);
    await visit.purge(1);
    const at = visit.stage.now;
    expect(await visit.stage.wait(visit.catalogue.find(URL))).toBeUndefined();
    expect(visit.stage.now - at).toBe(300);
  });
});

describe("what this browser read whole from the origin", () => {
  test("is fresh for as long as the origin says, and validated then", async () => {
    const visit = await Visit.open({}, LASTING);
    await visit.find();
    visit.read(URL, 1, { etag: '"1"', "cache-control": "max-age=10" });
    await visit.stage.pass(9000);
    expect((await visit.find()).current).toBeNull();
    await visit.stage.pass(1000);
    const { content, current } = await visit.find();
    expect(visit.origin.only.request).toMatchObject({ url: URL, unless: { etag: '"1"' } });
    visit.unchanged({ "cache-control": "max-age=20" });
    expect(await visit.current(current)).toBe(content);
    await visit.stage.pass(19_000);
    expect((await visit.find()).current).toBeNull();
    expect(visit.catalogue.fieldsOf(content)).toMatchObject({ etag: '"1"', age: "19" });
  });
  test("is vouched for to the service worker for no longer, and anything else for as long as it likes", async () => {
    const visit = await Visit.open({}, LASTING);
    const unread = await visit.stage.wait(visit.catalogue.standing(URL));
    expect(unread).toMatchObject({ content: { asset: { url: URL } }, left: Infinity });
    visit.read(URL, 1, { etag: '"1"', "cache-control": "max-age=10" });
    await visit.stage.pass(9000);
    const left = async () => (await visit.stage.wait(visit.catalogue.standing(URL)))?.left;
    expect(Math.round(((await left()) ?? 0) / 100)).toBe(10);
    await visit.stage.pass(2000);
    expect(await left()).toBeLessThan(0);
    expect(visit.origin.open).toEqual([]);
  });
  test("is remembered by the next visit", async () => {
    const before = await Visit.open({}, LASTING);
    await before.find();
    before.read(URL, 1, { etag: '"1"', "cache-control": "max-age=1000" });
    await before.stage.pass(100);
    const visit = await Visit.open({ before });
    expect((await visit.find()).current).toBeNull();
    // Another file of the same bytes has not been read.
    await visit.stage.pass(10);
    expect((await visit.find(ELSEWHERE)).current).not.toBeNull();
  });
  test("is not judged by a part of it, nor without its date", async () => {
    const visit = await Visit.open({}, LASTING);
    await visit.find();
    visit.catalogue.origin.read(
      { url: URL, range: { first: 0, last: 3 }, cache: "default" },
      { start: () => {}, bytes: () => {}, end: () => {} },
    );
    visit.origin.only.answer(body(1), 1, visit.dated({ "cache-control": "max-age=1000" }));
    visit.catalogue.origin.read(
      { url: URL, range: "whole", cache: "default" },
      { start: () => {}, bytes: () => {}, end: () => {} },
    );
    visit.origin.only.answer(body(1), 1, { "cache-control": "max-age=1000" });
    expect(visit.catalogue.fieldsOf((await visit.find()).content)).toEqual({});
  });
  test("is not asked about with a condition across origins", async () => {
    const visit = await Visit.open({}, LASTING);
    await visit.find(ELSEWHERE);
    visit.read(ELSEWHERE, 1, { etag: '"1"', "cache-control": "no-cache" });
    await visit.stage.pass(10);
    await visit.find(ELSEWHERE);
    expect(visit.origin.only.request.url).toBe(MANIFEST);
  });
  test("ages by the site's clock, however wrong this device's is", async () => {
    for (const slow of [-86_400_000, 86_400_000]) {
      const visit = await Visit.open({ slow }, LASTING);
      await visit.find();
      // From the browser's own cache: half of its time is over.
      const date = httpDate(visit.stage.now);
      await visit.stage.pass(5000);
      visit.read(URL, 1, { etag: '"1"', "cache-control": "max-age=10", date });
      await visit.stage.pass(4000);
      expect((await visit.find()).current).toBeNull();
      await visit.stage.pass(1100);
      expect((await visit.find()).current).not.toBeNull();
    }
  });
  test("and is not for everybody is told of at its first byte", async () => {
    const visit = await Visit.open({}, LASTING);
    await visit.find();
    visit.read(URL, 1, { "cache-control": "private" });
    expect(visit.unshareable).toEqual([URL]);
  });
  test("that fails to be validated is asked about again after a rest, and others meanwhile", async () => {
    const visit = await Visit.open({}, LASTING);
    await visit.find();
    visit.read(URL, 1, { etag: '"1"', "cache-control": "max-age=0" });
    const { content, current } = await visit.find();
    visit.origin.only.end({ kind: "status", status: 500 });
    expect(await visit.current(current)).toBe(content);
    expect(await visit.current((await visit.find()).current)).toBe(content);
    expect(visit.origin.open).toEqual([]);
    await visit.stage.pass(7500);
    await visit.find();
    expect(visit.origin.only.request.url).toBe(URL);
  });
});

describe("what may be used while the origin is asked", () => {
  const headers = { etag: '"1"', "cache-control": "max-age=10, stale-while-revalidate=30" };

  /** How long after its time a visitor asks. */
  async function asksAfter(seed: string): Promise<Millis> {
    const visit = await Visit.open({ seed }, LASTING);
    await visit.find();
    visit.read(URL, 1, headers);
    await visit.stage.pass(10_500);
    expect((await visit.find()).current).toBeNull();
    expect((await visit.find()).current).toBeNull();
    expect(visit.origin.open).toEqual([]);
    const from = visit.stage.now;
    while (visit.origin.open.length === 0) await visit.stage.pass(100);
    visit.unchanged();
    await turns();
    visit.catalogue.close();
    return visit.stage.now - from;
  }

  test("has it asked by every visitor at another moment, once", async () => {
    const delays: Millis[] = [];
    for (let seed = 0; seed < 12; seed++) delays.push(await asksAfter(String(seed)));
    expect(Math.max(...delays)).toBeLessThanOrEqual(10_100);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(4000);
  });
  test("leaves no timer behind", async () => {
    const visit = await Visit.open({}, LASTING);
    await visit.find();
    visit.read(URL, 1, headers);
    await visit.stage.pass(10_500);
    await visit.find();
    visit.catalogue.close();
    await visit.stage.pass(20_000);
    expect(visit.origin.open).toEqual([]);
    expect(visit.stage.clock.pending).toBe(0);
  });
});
