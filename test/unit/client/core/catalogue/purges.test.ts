// What a browser knows of purges: forward only, signed by the tracker it has met, kept over visits, and asked about before
// what was kept is used, but not for ever.

import { beforeAll, expect, test } from "vitest";
import { Purges } from "../../../../../client/core/catalogue/purges.ts";
import { base64url } from "../../../../../tracker/protocol/bytes.ts";
import type { AssetStatement } from "../../../../../tracker/protocol/manifest.ts";
import {
  MAX_PURGES,
  type Purge,
  type PurgeRecord,
  purgeText,
} from "../../../../../tracker/protocol/purge.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import type { SimStore } from "../../../../sim/store.ts";
import { newPublisher, type Publisher } from "../../../../support/manifest.ts";
import { Stage, turns } from "../stage.ts";

const FILM = "https://site.example/film.mp4";
const PAGE = "https://site.example/page.html";

let tracker: Publisher;
let stranger: Publisher;
beforeAll(async () => {
  [tracker, stranger] = await Promise.all([newPublisher(), newPublisher()]);
});

const record = async (
  epoch: number,
  what = FILM,
  { by = tracker, soft = false, scope = "url" as Purge["scope"] } = {},
): Promise<PurgeRecord> => {
  const purge = { epoch, scope, what, soft };
  return { ...purge, signature: base64url(await by.sign(purgeText(purge, by.key))) };
};

class Visit {
  readonly stage = new Stage();
  readonly index: SimStore;
  readonly told: Purge[] = [];
  readonly purges: Purges;
  constructor(before: Visit | null = null) {
    this.index = before?.index.reopen(this.stage.clock) ?? this.stage.store();
    this.purges = new Purges({
      clock: this.stage.clock,
      hasher: simHasher,
      index: this.index,
      purged: (purges) => this.told.push(...purges),
    });
  }
  /** Knows the tracker, and what it has purged so far. */
  static async with(...records: readonly PurgeRecord[]): Promise<Visit> {
    const visit = new Visit();
    visit.purges.welcomed({ key: tracker.key, epoch: records.at(-1)?.epoch ?? 0 });
    visit.purges.heard(records);
    await visit.stage.wait(visit.purges.learned(tracker.key));
    return visit;
  }
  async hear(...records: readonly PurgeRecord[]): Promise<void> {
    this.purges.heard(records);
    await turns();
    await this.stage.pass(10);
  }
  judge(epoch: number, url = FILM, key = tracker.key) {
    return this.purges.judge({ url, epoch, key } as AssetStatement);
  }
  /** For how long somebody who would use what is kept has to wait. */
  async waiting(key = tracker.key): Promise<number> {
    const begun = this.stage.now;
    await this.stage.wait(this.purges.learned(key));
    return this.stage.now - begun;
  }
}

test("statements up to the epoch are worth nothing, later ones and others everything", async () => {
  const visit = await Visit.with(await record(10));
  expect(visit.told).toMatchObject([{ epoch: 10, what: FILM }]);
  expect([visit.judge(9), visit.judge(10), visit.judge(11)]).toEqual(["hard", "hard", undefined]);
  expect(visit.judge(9, PAGE)).toBeUndefined();
  expect(visit.judge(9, FILM, stranger.key)).toBeUndefined();
  await visit.hear(await record(20, "https://site.example/", { scope: "prefix", soft: true }));
  expect([visit.judge(10), visit.judge(15), visit.judge(15, PAGE)]).toEqual([
    "hard",
    "soft",
    "soft",
  ]);
});

test("a record that is not newer, or not the tracker's, changes nothing", async () => {
  const visit = await Visit.with(await record(10));
  await visit.hear(
    await record(10, PAGE),
    await record(5, PAGE),
    await record(20, PAGE, { by: stranger }),
    { ...(await record(21, PAGE)), epoch: 22 },
  );
  expect(visit.judge(1, PAGE)).toBeUndefined();
  expect(visit.purges.known).toEqual({ key: tracker.key, epoch: 10 });
  expect(visit.told).toHaveLength(1);
});

test("a tracker that has forgotten its purges cannot make a browser forget them", async () => {
  const visit = await Visit.with(await record(10));
  visit.purges.welcomed({ key: tracker.key, epoch: 0 });
  await visit.stage.pass(10);
  expect(visit.judge(10)).toBe("hard");
  expect(visit.purges.known).toEqual({ key: tracker.key, epoch: 10 });
});

test("they are kept over visits, without their signer's word", async () => {
  const before = await Visit.with(await record(10));
  await before.stage.pass(10);
  const visit = new Visit(before);
  await visit.waiting(stranger.key);
  expect(visit.judge(10)).toBe("hard");
  expect(visit.purges.known).toEqual({ key: tracker.key, epoch: 10 });
});

test("another signer's purges take the place of the old ones", async () => {
  const before = await Visit.with(await record(10));
  await before.stage.pass(10);
  const visit = new Visit(before);
  visit.purges.welcomed({ key: stranger.key, epoch: 5 });
  visit.purges.heard([await record(5, PAGE, { by: stranger })]);
  await visit.waiting(stranger.key);
  expect(visit.judge(5, PAGE, stranger.key)).toBe("hard");
  expect(visit.judge(10)).toBeUndefined();
});

test("what an earlier visit kept waits for the tracker's word, and for every record of it", async () => {
  const before = await Visit.with(await record(10));
  await before.stage.pass(10);
  const visit = new Visit(before);
  let learned = false;
  void visit.purges.learned(tracker.key).then(() => {
    learned = true;
  });
  visit.purges.welcomed({ key: tracker.key, epoch: 30 });
  await visit.hear(await record(20, PAGE));
  expect(learned).toBe(false);
  await visit.hear(await record(30));
  expect(learned).toBe(true);
  expect(visit.judge(20)).toBe("hard");
});

test("it waits a second at most, and not at all where there is nobody to hear it from", async () => {
  const before = await Visit.with(await record(10));
  await before.stage.pass(10);
  expect(await new Visit(before).waiting()).toBe(1000);
  expect(await new Visit(before).waiting(stranger.key)).toBeLessThan(10);
  const away = new Visit(before);
  away.purges.unreachable();
  expect(await away.waiting()).toBeLessThan(10);
  expect(away.judge(10)).toBe("hard");
});

test("what is stored in another form is no purge", async () => {
  const before = new Visit();
  await before.stage.wait(before.index.put([["purges", new Uint8Array([1, 2, 3])]]));
  const visit = new Visit(before);
  await visit.waiting();
  expect(visit.purges.known).toBeNull();
});

test("three hundred of them take no more room than the tracker's own", async () => {
  const visit = await Visit.with();
  for (let epoch = 1; epoch <= 300; epoch++) {
    visit.purges.heard([await record(epoch, `${FILM}?${epoch}`)]);
  }
  await visit.stage.pass(3000);
  expect(visit.judge(1, `${FILM}?1`)).toBe("hard");
  const stored = await visit.stage.wait(visit.index.get("purges"));
  expect(stored?.length).toBeLessThan(MAX_PURGES * 150);
});
