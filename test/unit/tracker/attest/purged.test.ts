// What was purged is never vouched for again by what was known before: neither from memory, nor by a read that had begun
// when the purge came.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { passingKey } from "../../../../tracker/manifest/keys.ts";
import { type AssetStatement, MAX_TAGS } from "../../../../tracker/protocol/manifest.ts";
import type { Purge } from "../../../../tracker/protocol/purge.ts";
import { PurgeLog } from "../../../../tracker/purge/purge-log.ts";
import {
  attestorWith,
  digestsOf,
  FILM,
  FRESH,
  found,
  play,
  playsOnASite,
  sends,
  verdictOn,
} from "./attesting.ts";

playsOnASite();

let directory: string;
let purges: PurgeLog;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shoal-test-"));
  purges = await PurgeLog.open(join(directory, "log"), await passingKey(), () => play.now);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const attestor = () => attestorWith({}, undefined, purges);
const purge = (what: Partial<Purge>) =>
  purges.purge([{ scope: "url", what: `${play.site.url}/film.mp4`, soft: false, ...what }]);
const epochOf = (statement: AssetStatement | string): number =>
  typeof statement === "string" ? 0 : statement.epoch;

test("tags are stated, signed, and as the origin has them", async () => {
  const tagged = { "cache-tag": "news, sport,,two words", "surrogate-key": "a b a" };
  expect(await verdictOn(sends("x", tagged))).toMatchObject({
    tags: ["news", "sport", "two", "words", "a", "b"],
  });
  expect(await verdictOn(sends("x"))).not.toHaveProperty("tags");
  const many = Array.from({ length: MAX_TAGS + 1 }, (_, n) => `t${n}`).join(" ");
  expect(await verdictOn(sends("x", { "surrogate-key": many }))).toBe("headers");
});

test("a 304 keeps the tags, unless it has others", async () => {
  const tagged = { ...FRESH, "cache-tag": "film" };
  play.site.put("/film.mp4", { body: FILM, headers: tagged });
  const one = await attestor();
  await found(one);
  play.now += 61_000;
  expect(await found(one)).toMatchObject({ tags: ["film"], epoch: play.now });
  expect(play.site.sent("/film.mp4")).toBe(FILM.length);
});

test.each<[string, Partial<Purge>]>([
  ["its URL", {}],
  ["a prefix", { scope: "prefix", what: "http://127.0.0.1" }],
  ["a tag", { scope: "tag", what: "film" }],
  ["everything", { scope: "all", what: "" }],
])("a purge of %s has it read anew, whole", async (_what, target) => {
  play.site.put("/film.mp4", { body: FILM, headers: { ...FRESH, "cache-tag": "film" } });
  const one = await attestor();
  const before = await found(one);
  const [record] = await purge(target);
  const after = await found(one);
  expect(epochOf(after)).toBeGreaterThan(record?.epoch ?? Number.POSITIVE_INFINITY);
  expect(epochOf(before)).toBeLessThanOrEqual(record?.epoch ?? 0);
  expect(play.site.sent("/film.mp4")).toBe(2 * FILM.length);
  expect(await found(one)).toBe(after);
});

test("a purge of something else changes nothing", async () => {
  const one = await attestor();
  const before = await found(one);
  await purge({ what: `${play.site.url}/other` });
  await purge({ scope: "tag", what: "film" });
  expect(await found(one)).toBe(before);
});

describe("a soft purge", () => {
  test("has the origin asked whether it is still the same", async () => {
    const one = await attestor();
    await found(one);
    await purge({ soft: true });
    expect(purges.judge((await found(one)) as AssetStatement)).toBeUndefined();
    expect(play.site.sent("/film.mp4")).toBe(FILM.length);
  });
  test("lets it stand while the origin is away", async () => {
    const one = await attestor();
    const before = await found(one);
    await purge({ soft: true });
    await play.site.goOffline();
    expect(await found(one)).toEqual(before);
  });
});

test("a hard purge does not, however far away the origin is", async () => {
  const one = await attestor();
  await found(one);
  await purge({});
  await play.site.goOffline();
  expect(await found(one)).toBe("unreachable");
});

test("what a read brings that had begun before the purge is read once more", async () => {
  const [old, fresh] = ["an old film", "a new film"];
  let answer = (): void => {};
  const asked = new Promise<void>((resolve) => {
    play.site.answer("/film.mp4", (request, response) => {
      answer = () => sends(old)(request, response);
      resolve();
    });
  });
  const one = await attestor();
  const finding = found(one);
  await asked;
  const [record] = await purge({});
  play.site.answer("/film.mp4", sends(fresh));
  answer();
  const statement = (await finding) as AssetStatement;
  expect(Buffer.from(statement.digests).toString("base64url")).toBe(digestsOf(Buffer.from(fresh)));
  expect(statement.epoch).toBeGreaterThan(record?.epoch ?? Number.POSITIVE_INFINITY);
});
