// `POST /purge` over a real server: whoever has the token tells every page, and nobody else tells anybody anything.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROTOCOL_VERSION } from "../../../../tracker/protocol/messages.ts";
import type { PurgesKnown } from "../../../../tracker/protocol/purge.ts";
import { type RunningTracker, startTracker } from "../../../../tracker/server.ts";
import { newSecret, Page } from "../page.ts";

const TOKEN = "a token of thirty-two characters.";
const FILM = "https://site.example/film.mp4";

let directory: string;
let tracker: RunningTracker;
const start = (options: { purgeToken?: string } = { purgeToken: TOKEN }) =>
  startTracker({ port: 0, key: join(directory, "key.json"), ...options });
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shoal-test-"));
  tracker = await start();
});
afterEach(async () => {
  await tracker.close({ graceful: false });
  await rm(directory, { recursive: true, force: true });
});

interface Asked {
  readonly token?: string;
  readonly method?: string;
}
async function purge(body: unknown, { token = TOKEN, method = "POST" }: Asked = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${tracker.url}/purge`, {
    method,
    headers: token === "" ? {} : { authorization: `Bearer ${token}` },
    ...(method === "POST" ? { body: text } : {}),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Joins as somebody who knows these purges, and is told what it has to learn. */
async function joined(purges?: PurgesKnown): Promise<Page> {
  const page = await Page.open(tracker);
  page.say({
    type: "hello",
    version: PROTOCOL_VERSION,
    secret: newSecret(),
    ...(purges === undefined ? {} : { purges }),
  });
  return page;
}

test("every page hears of it without asking, and the answer says how many", async () => {
  const pages = await Promise.all([1, 2, 3].map(() => Page.join(tracker)));
  const answer = await purge({ url: FILM, tag: ["news", "sport"], soft: true });
  const heard = await Promise.all(pages.map((page) => page.next("purged")));
  expect(answer).toMatchObject({ status: 200, body: { purged: 3, told: 3 } });
  expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  for (const { records } of heard) {
    expect(records).toMatchObject([
      { scope: "url", what: FILM, soft: true },
      { scope: "tag", what: "news" },
      { scope: "tag", what: "sport", epoch: answer.body.epoch },
    ]);
  }
});

test("whoever comes later learns what it does not know, after a restart as well", async () => {
  const first = await purge({ url: FILM });
  await purge({ prefix: "https://site.example/news/" });
  await tracker.close({ graceful: false });
  tracker = await start({});
  const newcomer = await joined();
  const { purges } = await newcomer.next("welcome");
  expect(purges?.epoch).toBeGreaterThan(first.body.epoch);
  const { records } = await newcomer.next("purged");
  expect(records.map(({ scope }) => scope)).toEqual(["url", "prefix"]);
  const returning = await joined({ key: purges?.key ?? "", epoch: first.body.epoch });
  expect((await returning.next("purged")).records).toMatchObject([{ scope: "prefix" }]);
  // Nothing is purged now, by nobody.
  expect(await purge({ all: true })).toMatchObject({ status: 403, body: { code: "off" } });
});

test("who knows everything is told nothing", async () => {
  const { body } = await purge({ all: true });
  const page = await joined();
  const { purges } = await page.next("welcome");
  const knowing = await joined({ key: purges?.key ?? "", epoch: body.epoch });
  knowing.say({ type: "ping" });
  await knowing.next("pong");
  expect(knowing.heard.map(({ type }) => type)).toEqual(["welcome", "pong"]);
});

describe("is refused", () => {
  test.each([
    ["", 401],
    [`${TOKEN}x`, 401],
    ["x", 401],
  ])("with the token %j", async (token, status) => {
    const answer = await purge({ all: true }, { token });
    expect(answer).toMatchObject({ status, body: { code: "token" } });
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(await joined().then((page) => page.next("welcome"))).toMatchObject({
      purges: { epoch: 0 },
    });
  });
  test("by any other method", async () => {
    expect(await purge({}, { method: "GET" })).toMatchObject({ status: 405 });
  });
  test("with more than 64 KiB", async () => {
    const answer = await purge({ url: Array(40).fill(FILM.padEnd(2000, "x")) });
    expect(answer).toMatchObject({ status: 413, body: { code: "too-large" } });
  });
  test.each<[unknown, RegExp]>([
    ["no JSON", /JSON/],
    ["[]", /names a url/],
    ["7", /object/],
    [{}, /names a url/],
    [{ url: "/film.mp4" }, /"url" is an absolute/],
    [{ url: [FILM, 7] }, /"url" is an absolute/],
    [{ prefix: "" }, /"prefix" is the beginning/],
    [{ tag: "two words" }, /"tag" is a tag/],
    [{ url: FILM, soft: "yes" }, /"soft"/],
    [{ all: 1 }, /"all"/],
    [{ urls: [FILM] }, /"urls" is not known/],
    [{ tag: Array(65).fill("t") }, /at most 64/],
  ])("as %j", async (body, sentence) => {
    const answer = await purge(body);
    expect(answer).toMatchObject({ status: 400, body: { code: "malformed", status: 400 } });
    expect(answer.body.title).toMatch(sentence);
  });
});
