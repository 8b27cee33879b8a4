// What stands against a statement that an earlier page believed, by the records in the index store alone.

import { beforeAll, beforeEach, expect, test } from "vitest";
import {
  against,
  epochBytes,
  epochName,
  epochOf,
  storedPurges,
  storePurges,
  withdrawnName,
} from "../../../../../client/core/catalogue/standing.ts";
import { type Bytes, utf8 } from "../../../../../tracker/protocol/bytes.ts";
import type { AssetStatement } from "../../../../../tracker/protocol/manifest.ts";
import { type Purge, PurgeHistory } from "../../../../../tracker/protocol/purge.ts";
import type { SimStore } from "../../../../sim/store.ts";
import { newPublisher, type Publisher } from "../../../../support/manifest.ts";
import { Stage } from "../stage.ts";

const FILM = "https://site.example/film.mp4";
const MANIFEST = "https://site.example/.well-known/shoal.json";
const EPOCH = 5;

let site: Publisher;
let stranger: Publisher;
let asset: AssetStatement;
beforeAll(async () => {
  [site, stranger] = await Promise.all([newPublisher(), newPublisher()]);
  asset = await site.statement(FILM, utf8("film"), { epoch: EPOCH });
});

let stage: Stage;
let index: SimStore;
beforeEach(() => {
  stage = new Stage();
  index = stage.store();
});

const keep = (name: string, record: Bytes) => stage.wait(index.put([[name, record]]));
const judged = () => stage.wait(against(index, MANIFEST, asset));
const purge = (epoch: number, change: Partial<Purge> = {}): Purge => ({
  epoch,
  scope: "url",
  what: FILM,
  soft: false,
  ...change,
});
async function purged(key: string, ...purges: readonly Purge[]): Promise<void> {
  const history = new PurgeHistory<Purge>();
  for (const one of purges) history.add(one);
  await stage.wait(storePurges(index, { key, epoch: history.epoch }, history));
}

test("nothing, as long as nothing was learned", async () => {
  expect(await judged()).toBeUndefined();
});

test.each<[what: string, purge: Purge, verdict: "hard" | "soft" | undefined]>([
  ["its signer took it back", purge(EPOCH), "hard"],
  ["its signer took it back softly", purge(EPOCH, { soft: true }), "soft"],
  ["its signer took back what was stated before", purge(EPOCH - 1), undefined],
  ["its signer took back something else", purge(9, { what: `${FILM}.old` }), undefined],
])("a purge counts as it is meant: %s", async (_what, one, verdict) => {
  await purged(site.key, one);
  expect(await judged()).toBe(verdict);
});

test("what another signer takes back is its own", async () => {
  await purged(stranger.key, purge(EPOCH, { scope: "all", what: "" }));
  expect(await judged()).toBeUndefined();
});

test("a manifest that the site took away takes its statements with it, and no other's", async () => {
  await keep(withdrawnName(`${MANIFEST}.other`), utf8(site.key));
  expect(await judged()).toBeUndefined();
  await keep(withdrawnName(MANIFEST), utf8(stranger.key));
  expect(await judged()).toBeUndefined();
  await keep(withdrawnName(MANIFEST), utf8(site.key));
  expect(await judged()).toBe("hard");
});

test("a newer manifest of the same signer makes it old", async () => {
  await keep(epochName(site.key, MANIFEST), epochBytes(EPOCH));
  expect(await judged()).toBeUndefined();
  await keep(epochName(site.key, MANIFEST), epochBytes(EPOCH + 1));
  expect(await judged()).toBe("hard");
});

test("records that are not ours say nothing", async () => {
  await keep("purges", utf8('{"key":1,"purges":[]}'));
  expect(await stage.wait(storedPurges(index))).toBeUndefined();
  await keep("purges", utf8("no JSON"));
  expect(await judged()).toBeUndefined();
  expect(epochOf(utf8("short"))).toBe(0);
  expect(epochOf(undefined)).toBe(0);
});
