// What is fetched ahead of a player, and what is not, by what the player asks for and a playlist from a real server.

import { afterEach, beforeEach, expect, test } from "vitest";
import type { Client, ShoalInit } from "../../../../client/index.ts";
import { LookAhead } from "../../../../client/players/look-ahead.ts";
import { type Site, startSite } from "../../../support/servers.ts";

let site: Site;
beforeEach(async () => {
  site = await startSite({ files: {} });
});
afterEach(() => site.close());

const SECONDS = 2;
const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => `#EXTINF:${SECONDS},\n${from + n}.ts`);
const film = (count: number): string =>
  ["#EXTM3U", ...lines(0, count), "#EXT-X-ENDLIST"].join("\n");
const channel = (from: number, to: number): string =>
  ["#EXTM3U", `#EXT-X-MEDIA-SEQUENCE:${from}`, ...lines(from, to)].join("\n");

interface Fetched {
  readonly number: number;
  readonly init: ShoalInit;
}

/** A client that never gets an answer, and a player of the site's playlist. */
function watcher(links = 1) {
  const fetched: Fetched[] = [];
  const client = {
    stats: () => ({ links: Array(links) }) as unknown as ReturnType<Client["stats"]>,
    fetch: (input: RequestInfo | URL, init: ShoalInit = {}) => {
      fetched.push({ number: Number.parseInt(String(input).split("/").at(-1) ?? "", 10), init });
      return new Promise<Response>(() => {});
    },
  };
  const ahead = new LookAhead(client);
  const url = `${site.url}/index.m3u8`;
  const fragment = (sn: number, baseurl = url) => ({
    sn,
    start: sn * SECONDS,
    duration: SECONDS,
    type: "main",
    baseurl,
  });
  return {
    ahead,
    fetched,
    asks: (sn: number, list?: string) => ahead.asked(fragment(sn, list)),
    has: (sn: number, inHand: number, room = 60) =>
      ahead.delivered(fragment(sn), `${site.url}/${sn}.ts`, { inHand, room }),
    numbers: () => fetched.map(({ number }) => number),
    open: () => fetched.filter(({ init }) => !init.signal?.aborted).map(({ number }) => number),
  };
}

test("as far as there are seconds for it, and the next is the player's own", async () => {
  site.put("/index.m3u8", { body: film(20) });
  const { asks, has, numbers, fetched } = watcher();
  asks(3);
  await has(3, 4 + 5);
  expect(numbers()).toEqual([5, 6]);
  expect(fetched[0]?.init.shoal).toEqual({ urgency: "idle", passThrough: false });
});

test("no further than the player has room for", async () => {
  site.put("/index.m3u8", { body: film(20) });
  const { asks, has, numbers } = watcher();
  asks(3);
  await has(3, 60, 3);
  expect(numbers()).toEqual([5]);
});

test("nothing for a player that could hardly begin, or has all that it wants", async () => {
  site.put("/index.m3u8", { body: film(20) });
  const { asks, has, numbers } = watcher();
  asks(3);
  await has(3, 0);
  await has(3, 4);
  await has(3, 60, 0);
  expect(numbers()).toEqual([]);
  expect(site.requests()).toBe(0);
});

test("nothing where there are no peers: not even the playlist is looked at", async () => {
  const { asks, has, numbers } = watcher(0);
  asks(3);
  await has(3, 60);
  expect([numbers(), site.requests()]).toEqual([[], 0]);
});

test("each segment once, so many at once, and the playlist of a film once", async () => {
  site.put("/index.m3u8", { body: film(20) });
  const { asks, has, numbers } = watcher();
  for (const sn of [0, 1, 2]) {
    asks(sn);
    await has(sn, 60);
  }
  expect(numbers()).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  expect(site.requests("/index.m3u8")).toBe(1);
});

test("no further than the film goes", async () => {
  site.put("/index.m3u8", { body: film(5) });
  const { asks, has, numbers } = watcher();
  asks(2);
  await has(2, 60);
  expect(numbers()).toEqual([4]);
});

test("behind a jump, another rendition or an end the rest is given up", async () => {
  site.put("/index.m3u8", { body: film(40) });
  const jumping = watcher();
  jumping.asks(0);
  await jumping.has(0, 60);
  jumping.asks(5);
  expect(jumping.open()).toEqual([5, 6, 7]);
  jumping.asks(30);
  expect(jumping.open()).toEqual([]);
  await jumping.has(30, 7);
  jumping.asks(31, `${site.url}/other`);
  expect(jumping.open()).toEqual([]);
  jumping.asks(31);
  await jumping.has(31, 7);
  expect(jumping.open()).toEqual([33]);
  jumping.ahead.stop();
  expect(jumping.open()).toEqual([]);
});

test("at the live edge the playlist is looked at once in eight segments", async () => {
  const { asks, has, numbers } = watcher();
  for (let newest = 10; newest < 26; newest++) {
    site.put("/index.m3u8", { body: channel(newest - 7, newest + 1) });
    asks(newest);
    await has(newest, 60);
  }
  expect(numbers()).toEqual([]);
  expect(site.requests("/index.m3u8")).toBe(2);
});

test("behind the live edge what is listed is fetched", async () => {
  site.put("/index.m3u8", { body: channel(10, 18) });
  const { asks, has, numbers } = watcher();
  asks(13);
  await has(13, 60);
  expect(numbers()).toEqual([15, 16, 17]);
});

test.for(["no playlist", "#EXTM3U\n#EXTINF:2,\nelsewhere/3.ts\n#EXTINF:2,\nhttp://["])(
  "a playlist that says something else (%j) is not believed",
  async (body) => {
    site.put("/index.m3u8", { body });
    const { asks, has, numbers } = watcher();
    asks(0);
    await has(0, 60);
    expect(numbers()).toEqual([]);
  },
);

test("a site that does not answer costs nothing but the question", async () => {
  site.behave({ status: 500 });
  const { asks, has, numbers } = watcher();
  asks(0);
  await has(0, 60);
  await site.goOffline();
  asks(8);
  await has(8, 60);
  expect(numbers()).toEqual([]);
});
