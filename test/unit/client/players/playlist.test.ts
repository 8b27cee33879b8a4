// What comes next, as playlists write it: those of the test films, and by table what else RFC 8216 allows.

import { expect, test } from "vitest";
import { parsePlaylist, type Segment } from "../../../../client/players/playlist.ts";
import { byteRangePlaylist, livePlaylist, vodPlaylist } from "../../../../demo/origin/playlist.ts";

const URL_OF = "https://site.example/film/index.m3u8?token=1";
const FOLDER = "https://site.example/film/";

const rendition = {
  name: "film",
  bandwidth: 1,
  codecs: "",
  width: 1,
  height: 1,
  init: new Uint8Array(50),
  segment: (n: number) => new Uint8Array(100 + n),
  seconds: () => 2,
};

function segments(...lines: string[]): readonly Segment[] | undefined {
  return parsePlaylist(["#EXTM3U", ...lines].join("\n"), URL_OF)?.segments;
}
const one = (change: Partial<Segment> = {}): Segment => ({
  url: `${FOLDER}1.ts`,
  range: null,
  seconds: 2,
  ...change,
});

test("a film with an end", () => {
  expect(parsePlaylist(vodPlaylist(rendition, 2), URL_OF)).toEqual({
    url: URL_OF,
    first: 0,
    segments: [one({ url: `${FOLDER}000000.m4s` }), one({ url: `${FOLDER}000001.m4s` })],
    ended: true,
  });
});

test("ranges of one file", () => {
  const url = `${FOLDER}whole.mp4`;
  expect(parsePlaylist(byteRangePlaylist(rendition, 2), URL_OF)?.segments).toEqual([
    one({ url, range: "bytes=50-149" }),
    one({ url, range: "bytes=150-250" }),
  ]);
});

test("a channel, numbered as it goes on", () => {
  const list = parsePlaylist(livePlaylist(rendition, 20), URL_OF);
  expect(list).toMatchObject({ first: 13, ended: false });
  expect(list?.segments).toHaveLength(8);
});

test("a range that does not say where it begins begins where the one before ended", () => {
  const ranges = segments(
    "#EXTINF:2,",
    "#EXT-X-BYTERANGE:10@5",
    "1.ts",
    "#EXTINF:2,",
    "#EXT-X-BYTERANGE:10",
    "1.ts",
    "#EXTINF:2,",
    "1.ts",
  )?.map(({ range }) => range);
  expect(ranges).toEqual(["bytes=5-14", "bytes=15-24", null]);
});

test.for<[string, readonly string[], readonly Segment[] | undefined]>([
  [
    "an absolute URL, a title, line ends of Windows",
    ["#EXTINF:2.5,A, b\r", "https://cdn.example/1.ts\r"],
    [one({ url: "https://cdn.example/1.ts", seconds: 2.5 })],
  ],
  ["comments and tags of others", ["# no tag", "#EXT-X-CUE:1", "#EXTINF:2,", "1.ts", ""], [one()]],
  [
    "a hole",
    ["#EXTINF:2,", "#EXT-X-GAP", "1.ts", "#EXTINF:2,", "1.ts"],
    [one({ url: null }), one()],
  ],
  ["variables", ['#EXT-X-DEFINE:NAME="a",VALUE="b"', "#EXTINF:2,", "{$a}.ts"], undefined],
  ["only what changed", ["#EXT-X-SKIP:SKIPPED-SEGMENTS=3", "#EXTINF:2,", "1.ts"], undefined],
  ["no number", ["#EXT-X-MEDIA-SEQUENCE:x", "#EXTINF:2,", "1.ts"], undefined],
  ["no length", ["#EXTINF:,", "1.ts"], undefined],
])("%s", ([, lines, expected]) => {
  expect(segments(...lines)).toEqual(expected);
});

test("what is no playlist, or longer than a day", () => {
  expect(parsePlaylist("<html>", URL_OF)).toBeNull();
  expect(parsePlaylist(`#EXTM3U\n${"#".repeat(4 * 1024 * 1024)}`, URL_OF)).toBeNull();
});
