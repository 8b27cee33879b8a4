// A manifest that grows while a page looks on: read again for what is new beside what is known, never often, and never
// at the price of a request that could have gone to the network.

import { beforeAll, expect, test } from "vitest";
import { Catalogue } from "../../../../../client/core/catalogue/catalogue.ts";
import type { ShoalError } from "../../../../../client/core/errors.ts";
import type { Content } from "../../../../../client/core/vocabulary.ts";
import { utf8 } from "../../../../../tracker/protocol/bytes.ts";
import { type AssetStatement, writeManifest } from "../../../../../tracker/protocol/manifest.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { SimRandom } from "../../../../sim/random.ts";
import { newPublisher, type Publisher } from "../../../../support/manifest.ts";
import { ScriptedOrigin } from "../scripted-origin.ts";
import { Stage, turns } from "../stage.ts";
import { noPurges } from "./no-purges.ts";

const LIVE = "https://site.example/live/";
const segment = (n: number): string => `${LIVE}${n}.m4s`;

let publisher: Publisher;
beforeAll(async () => {
  publisher = await newPublisher();
});

const contentBehind = async (finding: ReturnType<Catalogue["find"]>) => (await finding)?.content;

class Visit {
  readonly stage = new Stage();
  readonly origin = new ScriptedOrigin();
  readonly problems: ShoalError[] = [];
  readonly catalogue = new Catalogue({
    clock: this.stage.clock,
    random: new SimRandom("rereading"),
    hasher: simHasher,
    origin: this.origin,
    index: this.stage.store(),
    url: `${LIVE}shoal.json`,
    published: true,
    site: "https://site.example",
    unshareable: () => {},
    attest: null,
    adopt: async () => {},
    mayAsk: () => false,
    grew: () => {},
    pinnedKeys: null,
    purges: noPurges(this.stage),
    problem: (error) => this.problems.push(error),
  });
  /** A publisher signs a statement once, and signing the same again would give another signature. */
  readonly #signed = new Map<string, AssetStatement>();
  #epoch = 1;
  #listed: readonly number[] = [];

  /** A page that has read a manifest over these segments. */
  static async over(...numbers: number[]): Promise<Visit> {
    const visit = new Visit();
    const loaded = visit.catalogue.load();
    await visit.publish(numbers);
    await visit.stage.wait(loaded);
    return visit;
  }
  /** Answers the one reading that is under way. */
  async publish(
    numbers: readonly number[],
    { epoch = this.#epoch, padding = 0, version = 1 } = {},
  ): Promise<void> {
    this.#epoch = epoch;
    this.#listed = numbers;
    const statements: AssetStatement[] = [];
    for (const n of numbers) {
      const body = utf8(`segment ${n} of ${version}`);
      const name = `${n} ${epoch} ${version}`;
      const known = this.#signed.get(name);
      const one = known ?? (await publisher.statement(segment(n), body, { epoch }));
      this.#signed.set(name, one);
      statements.push(one);
    }
    const text = writeManifest(epoch, publisher.key, statements);
    this.origin.only.answer(utf8(text + " ".repeat(padding)), 1, {
      "cache-control": "max-age=3600",
    });
  }
  /** What a page is told that waits no longer than it must. */
  find(n: number): Promise<Content | undefined> {
    return this.stage.wait(contentBehind(this.catalogue.find(segment(n))));
  }
  /** Asks, answers the reading that this begins, and says what was found. */
  async findAnew(n: number, ...also: number[]): Promise<Content | undefined> {
    const found = contentBehind(this.catalogue.find(segment(n)));
    await turns();
    await this.publish([...this.#listed, ...also]);
    return this.stage.wait(found);
  }
  get readings(): number {
    return this.origin.reads.length;
  }
}

test("a new segment is found by one reading, whoever asks meanwhile, past stale caches", async () => {
  const visit = await Visit.over(1);
  const asked = [2, 3, 2].map((n) => contentBehind(visit.catalogue.find(segment(n))));
  await turns();
  await visit.publish([1, 2, 3]);
  const found = await visit.stage.wait(Promise.all(asked));
  expect(found.map((content) => content?.asset.url)).toEqual([segment(2), segment(3), segment(2)]);
  expect(visit.readings).toBe(2);
  expect(visit.origin.reads[1]?.request.cache).toBe("no-cache");
  expect(visit.problems).toEqual([]);
});

test("what was known stays as it was, unless it was published anew", async () => {
  const visit = await Visit.over(1);
  const before = await visit.find(1);
  await visit.findAnew(2, 2);
  expect(await visit.find(1)).toBe(before);
  await visit.stage.pass(2000);
  const found = contentBehind(visit.catalogue.find(segment(3)));
  await turns();
  await visit.publish([1, 2, 3], { epoch: 2 });
  expect((await visit.stage.wait(found))?.asset.epoch).toBe(2);
  expect((await visit.find(1))?.asset.epoch).toBe(2);
});

test("what is published no more is not vouched for any more", async () => {
  const visit = await Visit.over(1, 2);
  const found = contentBehind(visit.catalogue.find(segment(3)));
  await turns();
  await visit.publish([2, 3]);
  await visit.stage.wait(found);
  const gone = visit.find(1);
  expect(await gone).toBeUndefined();
});

test("where nothing is published yet, something new may be anywhere: a channel comes on air", async () => {
  const visit = await Visit.over();
  expect((await visit.findAnew(1, 1))?.asset.url).toBe(segment(1));
});

test("elsewhere, and with a query, nothing new is expected", async () => {
  const visit = await Visit.over(1);
  for (const url of ["https://site.example/page.html", `${segment(2)}?t=1`]) {
    expect(await visit.stage.wait(contentBehind(visit.catalogue.find(url)))).toBeUndefined();
  }
  expect(visit.stage.now).toBeLessThan(50);
  expect(visit.readings).toBe(1);
});

test("a request waits for a reading no longer than 300 ms, and the reading is of use to the next", async () => {
  const visit = await Visit.over(1);
  const at = visit.stage.now;
  expect(await visit.find(2)).toBeUndefined();
  expect(visit.stage.now - at).toBe(300);
  await visit.publish([1, 2]);
  await visit.stage.pass(10);
  expect(await visit.find(2)).toBeDefined();
});

test("readings keep half a second apart at least, and a request that comes between does not wait", async () => {
  const visit = await Visit.over(1);
  await visit.findAnew(2, 2);
  const at = visit.stage.now;
  expect(await visit.find(3)).toBeUndefined();
  expect(visit.stage.now).toBe(at);
  await visit.stage.pass(499);
  expect(await visit.find(3)).toBeUndefined();
  expect(visit.readings).toBe(2);
  await visit.stage.pass(251);
  expect(await visit.findAnew(3, 3)).toBeDefined();
});

test("a large manifest is read so seldom that it takes 32 KiB a second", async () => {
  const visit = await Visit.over(1);
  const found = contentBehind(visit.catalogue.find(segment(2)));
  await turns();
  await visit.publish([1, 2], { padding: 320 * 1024 });
  expect(await visit.stage.wait(found)).toBeDefined();
  await visit.stage.pass(9_900);
  await visit.find(3);
  expect(visit.readings).toBe(2);
  await visit.stage.pass(5_200);
  expect(await visit.findAnew(3, 3)).toBeDefined();
});

test("the same URL is not read for twice", async () => {
  const visit = await Visit.over(1);
  expect(await visit.findAnew(9)).toBeUndefined();
  await visit.stage.pass(10_000);
  expect(await visit.find(9)).toBeUndefined();
  expect(visit.readings).toBe(2);
});

test("when three readings in a row were for nothing, nobody waits for one until one was of use", async () => {
  const visit = await Visit.over(1);
  for (const n of [7, 8, 9]) {
    expect(await visit.findAnew(n)).toBeUndefined();
    await visit.stage.pass(1000);
  }
  const at = visit.stage.now;
  expect(await visit.find(2)).toBeUndefined();
  expect(visit.stage.now).toBe(at);
  await visit.publish([1, 2]);
  await visit.stage.pass(1000);
  expect(await visit.findAnew(3, 3)).toBeDefined();
});

test("a reading that fails changes nothing and is not told of; the next one waits five seconds", async () => {
  const visit = await Visit.over(1);
  const found = contentBehind(visit.catalogue.find(segment(2)));
  await turns();
  visit.origin.only.end({ kind: "status", status: 404 });
  expect(await visit.stage.wait(found)).toBeUndefined();
  expect(await visit.find(1)).toBeDefined();
  await visit.stage.pass(4_900);
  await visit.find(3);
  expect(visit.readings).toBe(2);
  expect(visit.problems).toEqual([]);
});

test("an older manifest is refused when it comes later, and told of once", async () => {
  const visit = await Visit.over(1);
  const found = contentBehind(visit.catalogue.find(segment(2)));
  await turns();
  await visit.publish([1, 2], { epoch: 0 });
  expect(await visit.stage.wait(found)).toBeUndefined();
  await visit.stage.pass(1000);
  expect(await visit.findAnew(3)).toBeUndefined();
  expect(visit.problems.map(({ code }) => code)).toEqual(["manifest/rollback"]);
  expect((await visit.find(1))?.asset.epoch).toBe(1);
});

test("a statement that the origin has shown to be wrong stays distrusted until another takes its place", async () => {
  const visit = await Visit.over(1, 2);
  visit.catalogue.distrust((await visit.find(2)) as Content);
  await visit.findAnew(3, 3);
  expect(await visit.find(2)).toBeUndefined();
  await visit.stage.pass(1000);
  const found = contentBehind(visit.catalogue.find(segment(4)));
  await turns();
  await visit.publish([1, 2, 3, 4], { epoch: 2, version: 2 });
  await visit.stage.wait(found);
  expect(await visit.find(2)).toBeDefined();
});
