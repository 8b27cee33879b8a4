// The tracker's own book of purges, on a real disk: epochs that rise whatever happens, and a file that is whole or refused.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSigningKey, type SigningKey } from "../../../../tracker/manifest/keys.ts";
import { OptionError } from "../../../../tracker/options.ts";
import { fromBase64url } from "../../../../tracker/protocol/bytes.ts";
import {
  MAX_PURGES,
  MAX_PURGES_PER_MESSAGE,
  PurgeHistory,
  purgeText,
} from "../../../../tracker/protocol/purge.ts";
import { openPurges, PurgeFileError, PurgeLog } from "../../../../tracker/purge/purge-log.ts";
import { simHasher } from "../../../sim/hasher.ts";

const FILM = { scope: "url", what: "https://site.example/film", soft: false } as const;
const url = (n: number) => ({ ...FILM, what: `${FILM.what}/${n}` });

let directory: string;
let key: SigningKey;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shoal-test-"));
  key = (await openSigningKey(join(directory, "key.json"))).key;
  file = join(directory, "key.json.purges");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test("records are signed with the tracker's key and numbered by the clock", async () => {
  const log = await PurgeLog.open(file, key, () => 1000);
  expect(log.known).toEqual({ key: key.publicKey, epoch: 0 });
  const [first, second] = await log.purge([FILM, { scope: "tag", what: "news", soft: true }]);
  expect([first?.epoch, second?.epoch]).toEqual([1000, 1001]);
  for (const record of [first, second]) {
    if (record === undefined) throw new Error("two were purged");
    const bytes = [key.publicKey, record.signature].map((text) => fromBase64url(text));
    const [point, signature] = bytes as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
    expect(await simHasher.verify(point, signature, purgeText(record, key.publicKey))).toBe(true);
    const other = purgeText({ ...record, soft: !record.soft }, key.publicKey);
    expect(await simHasher.verify(point, signature, other)).toBe(false);
  }
});

describe("after a restart", () => {
  test("epochs go on rising, with the clock an hour behind as well", async () => {
    const before = await PurgeLog.open(file, key, () => 5_000_000);
    await before.purge([FILM]);
    const after = await PurgeLog.open(file, key, () => 5_000_000 - 3_600_000);
    expect(after.known.epoch).toBe(5_000_000);
    expect(await after.purge([url(1)])).toMatchObject([{ epoch: 5_000_001 }]);
    expect(after.since(undefined).flat()).toHaveLength(2);
    expect(after.since({ key: key.publicKey, epoch: 5_000_000 }).flat()).toHaveLength(1);
    expect(after.since({ key: "another", epoch: 5_000_000 }).flat()).toHaveLength(2);
  });

  test("a log of another key says nothing", async () => {
    await (await PurgeLog.open(file, key)).purge([FILM]);
    const other = (await openSigningKey(join(directory, "other.json"))).key;
    expect((await PurgeLog.open(file, other)).known.epoch).toBe(0);
  });

  test.each(["", "{}", "no JSON", '{"key":"k","records":[{}]}', "null"])(
    "%j is no log",
    async (text) => {
      await writeFile(file, text);
      await expect(PurgeLog.open(file, key)).rejects.toBeInstanceOf(PurgeFileError);
    },
  );
});

test("purges that come together are one after the other, all written down", async () => {
  const log = await PurgeLog.open(file, key, () => 1000);
  const all = await Promise.all([1, 2, 3, 4, 5].map((n) => log.purge([url(n)])));
  expect(all.flat().map(({ epoch }) => epoch)).toEqual([1000, 1001, 1002, 1003, 1004]);
  const again = await PurgeLog.open(file, key);
  expect(again.since(undefined)).toEqual(log.since(undefined));
});

test("it stays small however much is purged, and forgets nothing", async () => {
  const log = await PurgeLog.open(file, key, () => 1);
  for (let at = 0; at < 12; at++) {
    await log.purge(Array.from({ length: 60 }, (_, n) => url(at * 60 + n)));
  }
  const news = log.since(undefined);
  expect(news.flat().length).toBeLessThanOrEqual(MAX_PURGES);
  expect(Math.max(...news.map((some) => some.length))).toBe(MAX_PURGES_PER_MESSAGE);
  expect((await readFile(file)).length).toBeLessThan(MAX_PURGES * 400);
  const history = new PurgeHistory();
  for (const record of news.flat()) history.add(record);
  for (let n = 0; n < 720; n++) {
    expect(history.judge({ url: url(n).what, epoch: 1 })).toBe("hard");
  }
});

test("what cannot be written was not purged", async () => {
  const log = await PurgeLog.open(join(directory, "nowhere", "log"), key);
  await expect(log.purge([FILM])).rejects.toThrow(/cannot be written \(ENOENT\)/);
  expect(log.known.epoch).toBe(0);
});

describe("options", () => {
  const token = "t".repeat(32);
  test("without a key nothing can be purged, and nothing is", async () => {
    expect(await openPurges({}, key)).toBeUndefined();
    await expect(openPurges({ purgeToken: token }, key)).rejects.toThrow(
      /--purge-token needs --key/,
    );
  });
  test("a short token is no token", async () => {
    const given = { purgeToken: "short", key: join(directory, "key.json") };
    await expect(openPurges(given, key)).rejects.toThrow(/32 characters/);
  });
  test("files that cannot be used name the flag", async () => {
    await writeFile(file, "no log");
    const opening = openPurges({ key: join(directory, "key.json"), purgeToken: token }, key);
    await expect(opening).rejects.toBeInstanceOf(OptionError);
    await expect(opening).rejects.toThrow(/^--key: .*is not a log of purges\.$/);
  });
  test("earlier purges hold although nobody may purge any more", async () => {
    await (await PurgeLog.open(file, key)).purge([FILM]);
    expect(
      (await openPurges({ key: join(directory, "key.json") }, key))?.known.epoch,
    ).toBeGreaterThan(0);
  });
});
