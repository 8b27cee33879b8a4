// What a site publishes, as the client comes to believe it: every refusal with its own code, and what an earlier visit
// stored for the day the origin is away.

import { beforeAll, describe, expect, test } from "vitest";
import { Catalogue } from "../../../../../client/core/catalogue/catalogue.ts";
import type { ShoalError } from "../../../../../client/core/errors.ts";
import type { Content } from "../../../../../client/core/vocabulary.ts";
import { type Bytes, base64url, utf8 } from "../../../../../tracker/protocol/bytes.ts";
import { MAX_MANIFEST_BYTES, writeManifest } from "../../../../../tracker/protocol/manifest.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { SimRandom } from "../../../../sim/random.ts";
import type { SimStore } from "../../../../sim/store.ts";
import { newPublisher, type Publisher } from "../../../../support/manifest.ts";
import { ScriptedOrigin } from "../scripted-origin.ts";
import { Stage, turns } from "../stage.ts";
import { noPurges } from "./no-purges.ts";

const URL = "https://site.example/.well-known/shoal.json";
const FILM = "https://site.example/film.mp4";
const PAGE = "https://site.example/page.html";
const AWAY = { kind: "unreachable" } as const;
/** Good for as long as any test here takes; how it ages has tests of its own. */
const LASTING = { "cache-control": "max-age=3600" };
const ABSENT = { kind: "status", status: 404 } as const;

let publisher: Publisher;
let stranger: Publisher;
beforeAll(async () => {
  [publisher, stranger] = await Promise.all([newPublisher(), newPublisher()]);
});

/** A manifest over one file whose bytes differ from epoch to epoch. */
async function manifest(epoch: number, by = publisher, url = FILM): Promise<Bytes> {
  return utf8(await by.manifest({ [url]: utf8(`film of epoch ${epoch}`) }, { epoch }));
}

const contentBehind = async (finding: ReturnType<Catalogue["find"]>) => (await finding)?.content;

class Visit {
  readonly stage = new Stage();
  readonly origin = new ScriptedOrigin();
  readonly index: SimStore;
  readonly problems: ShoalError[] = [];
  readonly catalogue: Catalogue;
  constructor(before: Visit | null = null, pinnedKey: string | null = null, published = true) {
    this.index = before?.index.reopen(this.stage.clock) ?? this.stage.store();
    this.catalogue = new Catalogue({
      clock: this.stage.clock,
      random: new SimRandom("catalogue"),
      hasher: simHasher,
      origin: this.origin,
      index: this.index,
      url: URL,
      published,
      site: "https://site.example",
      unshareable: () => {},
      attest: null,
      adopt: async () => {},
      mayAsk: () => false,
      grew: () => {},
      pinnedKeys: pinnedKey === null ? null : [pinnedKey],
      purges: noPurges(this.stage),
      problem: (error) => this.problems.push(error),
    });
  }
  /** A visit to a site that gave this manifest. */
  static async to(bytes: Bytes, before: Visit | null = null, key: string | null = null) {
    const visit = new Visit(before, key);
    const loaded = visit.catalogue.load();
    visit.origin.only.answer(bytes, 1, LASTING);
    await visit.stage.wait(loaded);
    return visit;
  }
  get codes(): string[] {
    return this.problems.map(({ code }) => code);
  }
  async find(url = FILM): Promise<Content | undefined> {
    return this.stage.wait(contentBehind(this.catalogue.find(url)));
  }
  /** The epoch of the film it believes in. */
  async epoch(): Promise<number | undefined> {
    return (await this.find())?.asset.epoch;
  }
}

describe("a published manifest", () => {
  test("vouches for what it lists and for nothing else, reading it once and past stale caches", async () => {
    const visit = await Visit.to(await manifest(1));
    const content = await visit.find();
    expect(content?.asset).toMatchObject({ url: FILM, size: 15, epoch: 1 });
    expect(await visit.find("https://site.example/elsewhere/page.html")).toBeUndefined();
    expect(await visit.find()).toBe(content);
    expect(visit.origin.reads.map(({ request }) => request)).toEqual([
      { url: URL, range: "whole", cache: "no-cache" },
    ]);
    expect(visit.codes).toEqual([]);
  });
  test("is not looked for where there is said to be none, and what there was counts for nothing", async () => {
    const before = await Visit.to(await manifest(1));
    const visit = new Visit(before, null, false);
    await visit.stage.wait(visit.catalogue.load());
    expect(await visit.find()).toBeUndefined();
    // Whoever comes back to a file that was not published may look again.
    await visit.stage.pass(60_000);
    expect(await visit.find()).toBeUndefined();
    expect([visit.origin.reads, visit.codes]).toEqual([[], []]);
    const after = new Visit(visit);
    void after.catalogue.load();
    expect(after.origin.reads).toHaveLength(1);
    await after.stage.pass(2000);
    expect(await after.find()).toBeUndefined();
  });
  test("may come in any number of pieces", async () => {
    const visit = new Visit();
    const found = contentBehind(visit.catalogue.find(FILM));
    visit.origin.only.answer(await manifest(1), 50, LASTING);
    expect(await visit.stage.wait(found)).toBeDefined();
  });
  test("that disagrees with the origin about one URL is not believed about it any more", async () => {
    const visit = await Visit.to(
      utf8(await publisher.manifest({ [FILM]: utf8("film"), [PAGE]: utf8("page") })),
    );
    visit.catalogue.distrust((await visit.find()) as Content);
    expect(await visit.find()).toBeUndefined();
    expect(await visit.find(PAGE)).toBeDefined();
  });
});

describe("a refusal has its own code, and nothing is vouched for:", () => {
  test("manifest/unreachable", async () => {
    for (const outcome of [AWAY, { kind: "status", status: 503 }] as const) {
      const visit = new Visit();
      const found = contentBehind(visit.catalogue.find(FILM));
      visit.origin.only.end(outcome);
      expect(await visit.stage.wait(found)).toBeUndefined();
      expect(visit.codes).toEqual(["manifest/unreachable"]);
    }
  });
  test("manifest/unreachable when it breaks off, though what came is a manifest", async () => {
    const visit = new Visit();
    const found = contentBehind(visit.catalogue.find(FILM));
    visit.origin.only.start(0, null);
    visit.origin.only.bytes(await manifest(1));
    visit.origin.only.end(AWAY);
    expect(await visit.stage.wait(found)).toBeUndefined();
    expect(visit.codes).toEqual(["manifest/unreachable"]);
  });
  test.each([
    ["no JSON", utf8("<!doctype html>")],
    ["no UTF-8", new Uint8Array([0xff, 0xfe])],
    ["no manifest", utf8("{}")],
    ["empty", new Uint8Array(0)],
  ])("manifest/malformed (%s)", async (_what, bytes) => {
    const visit = await Visit.to(bytes);
    expect(visit.codes).toEqual(["manifest/malformed"]);
    expect(await visit.find()).toBeUndefined();
  });
  test("manifest/too-large, at the first byte too many, and the read is over", async () => {
    const visit = new Visit();
    const found = contentBehind(visit.catalogue.find(FILM));
    const read = visit.origin.only;
    read.start(0, null);
    read.bytes(new Uint8Array(MAX_MANIFEST_BYTES));
    expect(read.cancelled).toBe(false);
    read.bytes(new Uint8Array(1));
    expect(read.cancelled).toBe(true);
    expect(await visit.stage.wait(found)).toBeUndefined();
    expect(visit.codes).toEqual(["manifest/too-large"]);
  });
  test("manifest/signature, for the one asset it is wrong of, said once", async () => {
    const film = await publisher.statement(FILM, utf8("film"));
    const page = await publisher.statement(PAGE, utf8("page"));
    const forged = { ...film, type: "text/html" };
    const visit = await Visit.to(utf8(writeManifest(1, publisher.key, [forged, page])));
    expect(visit.codes).toEqual([]);
    expect(await visit.find()).toBeUndefined();
    expect(await visit.find()).toBeUndefined();
    expect(await visit.find(PAGE)).toBeDefined();
    expect(visit.problems).toMatchObject([
      { code: "manifest/signature", details: { url: URL, asset: FILM } },
    ]);
  });
  test("manifest/signature, when another key signed it than it names", async () => {
    const film = await stranger.statement(FILM, utf8("film"));
    const visit = await Visit.to(utf8(writeManifest(1, publisher.key, [film])));
    expect(await visit.find()).toBeUndefined();
    expect(visit.codes).toEqual(["manifest/signature"]);
  });
  test("manifest/signature, when the key is no point on the curve", async () => {
    const film = await publisher.statement(FILM, utf8("film"));
    const visit = await Visit.to(utf8(writeManifest(1, base64url(new Uint8Array(65)), [film])));
    expect(await visit.find()).toBeUndefined();
    expect(visit.codes).toEqual(["manifest/signature"]);
  });
  test("manifest/signer, when a key is pinned and this is another", async () => {
    const visit = await Visit.to(await manifest(1, stranger), null, publisher.key);
    expect(await visit.find()).toBeUndefined();
    expect(visit.codes).toEqual(["manifest/signer"]);
    expect(await (await Visit.to(await manifest(1), null, publisher.key)).epoch()).toBe(1);
  });
  test("manifest/rollback, when an earlier visit saw a later one", async () => {
    const before = await Visit.to(await manifest(5));
    const visit = await Visit.to(await manifest(4), before);
    expect(await visit.find()).toBeUndefined();
    expect(visit.problems).toMatchObject([
      { code: "manifest/rollback", details: { epoch: 4, known: 5 } },
    ]);
    expect(await (await Visit.to(await manifest(5), visit)).epoch()).toBe(5);
    expect(await (await Visit.to(await manifest(6), visit)).epoch()).toBe(6);
  });
  test("and another signer counts its own epochs", async () => {
    const before = await Visit.to(await manifest(5));
    const visit = await Visit.to(await manifest(1, stranger), before);
    expect(await visit.epoch()).toBe(1);
    expect(visit.codes).toEqual([]);
  });
});

describe("what an earlier visit stored", () => {
  test("is used when the origin is away", async () => {
    const before = await Visit.to(await manifest(3));
    const visit = new Visit(before);
    const found = contentBehind(visit.catalogue.find(FILM));
    visit.origin.only.end(AWAY);
    expect((await visit.stage.wait(found))?.asset.epoch).toBe(3);
    expect(visit.codes).toEqual(["manifest/unreachable"]);
  });
  test("is used when the origin is late, and the late manifest takes its place", async () => {
    const before = await Visit.to(await manifest(3));
    const visit = new Visit(before);
    const found = contentBehind(visit.catalogue.find(FILM));
    await visit.stage.pass(1490);
    let isFound = false;
    void found.then(() => {
      isFound = true;
    });
    await turns();
    expect(isFound).toBe(false);
    expect((await visit.stage.wait(found))?.asset.epoch).toBe(3);
    expect(visit.stage.now).toBeLessThan(1600);
    visit.origin.only.answer(await manifest(4), 1, LASTING);
    await visit.stage.pass(100);
    expect(await visit.epoch()).toBe(4);
    expect(visit.codes).toEqual([]);
    expect(await (await Visit.to(await manifest(3), visit)).epoch()).toBeUndefined();
  });
  test.each([1497, 1499, 1500, 1501, 1502, 1504, 1506, 1508])(
    "never takes the place of one that came at %i ms",
    async (moment) => {
      const before = await Visit.to(await manifest(3));
      const late = await manifest(4);
      const visit = new Visit(before);
      const found = contentBehind(visit.catalogue.find(FILM));
      const read = visit.origin.only;
      visit.stage.timeline.at(moment, () => read.answer(late, 1, LASTING));
      await visit.stage.wait(found);
      await visit.stage.pass(100);
      expect(await visit.epoch()).toBe(4);
      expect(visit.codes).toEqual([]);
    },
  );
  test("is not used when what the site has now is wrong", async () => {
    const before = await Visit.to(await manifest(3));
    const visit = await Visit.to(utf8("{}"), before);
    expect(await visit.find()).toBeUndefined();
  });
  test("is not used when it is not the pinned signer's", async () => {
    const before = await Visit.to(await manifest(3, stranger));
    const visit = new Visit(before, publisher.key);
    const found = contentBehind(visit.catalogue.find(FILM));
    visit.origin.only.end(AWAY);
    expect(await visit.stage.wait(found)).toBeUndefined();
    expect(visit.codes).toEqual(["manifest/unreachable", "manifest/signer"]);
  });
});

describe("a site without a manifest", () => {
  test("is nothing to speak of, and what was stored is forgotten", async () => {
    const before = await Visit.to(await manifest(3));
    const visit = new Visit(before);
    const found = contentBehind(visit.catalogue.find(FILM));
    visit.origin.only.end(ABSENT);
    expect(await visit.stage.wait(found)).toBeUndefined();
    expect(visit.codes).toEqual([]);
    const next = new Visit(visit);
    const again = contentBehind(next.catalogue.find(FILM));
    next.origin.only.end(AWAY);
    expect(await next.stage.wait(again)).toBeUndefined();
  });
  test("counts as one, however late it says so", async () => {
    const before = await Visit.to(await manifest(3));
    const visit = new Visit(before);
    expect(await visit.epoch()).toBe(3);
    visit.origin.only.end(ABSENT);
    await visit.stage.pass(100);
    expect(await visit.find()).toBeUndefined();
    expect(visit.codes).toEqual([]);
  });
});
