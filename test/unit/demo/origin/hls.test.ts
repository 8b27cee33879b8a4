// The programme cut from the film: what its segments hold, read back by a parser, and what its playlists say of them.

import { createFile, type ISOFile, MP4BoxBuffer } from "mp4box";
import { expect, test } from "vitest";
import { cutFilm, type Rendition } from "../../../../demo/origin/hls.ts";
import {
  byteRangePlaylist,
  livePlaylist,
  masterPlaylist,
  vodPlaylist,
  wholeFile,
} from "../../../../demo/origin/playlist.ts";
import { bigBuckBunny } from "../../../support/hls.ts";

const { slides, film } = bigBuckBunny();
/** More than two rounds of the film's five shots. */
const COUNT = 12;

/** Everything from one end to the other, as a player that reads `wholeFile` finds it. */
function parsed(rendition: Rendition): ISOFile {
  const file = createFile();
  const bytes = new Uint8Array(wholeFile(rendition, COUNT));
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes.buffer, 0), true);
  return file;
}

test.each([slides, film])("$name: pictures and sound run on without a gap", (rendition) => {
  const { traks } = parsed(rendition).moov;
  expect(traks).toHaveLength(2);
  for (const { samples } of traks) {
    expect(samples[0]?.dts).toBe(0);
    for (const [index, sample] of samples.entries()) {
      const before = samples[index - 1];
      if (before !== undefined) expect(sample.dts).toBe(before.dts + before.duration);
    }
    const last = samples.at(-1);
    const end = ((last?.dts ?? 0) + (last?.duration ?? 0)) / (last?.timescale ?? 1);
    let seconds = 0;
    for (let n = 0; n < COUNT; n++) seconds += rendition.seconds(n);
    // Sound comes in frames of 21 ms.
    expect(Math.abs(end - seconds)).toBeLessThan(0.022);
  }
});

test.each([slides, film])(
  "$name: a segment begins with a key picture and ends whole",
  (rendition) => {
    const file = parsed(rendition);
    const pictures =
      file.moov.traks.find(({ mdia }) => mdia.hdlr.handler === "vide")?.samples ?? [];
    let at = 0;
    for (let n = 0; n < COUNT; n++) {
      const end = at + rendition.seconds(n);
      const shown = pictures.filter(
        ({ dts, timescale }) => dts / timescale >= at - 1e-6 && dts / timescale < end - 1e-6,
      );
      expect(shown[0]?.is_sync).toBe(true);
      for (const { cts, timescale } of shown) {
        expect(cts / timescale).toBeGreaterThanOrEqual(at - 1e-6);
        expect(cts / timescale).toBeLessThan(end);
      }
      expect(rendition.seconds(n)).toBeGreaterThan(1.9);
      expect(rendition.seconds(n)).toBeLessThanOrEqual(2);
      at = end;
    }
  },
);

test("the media are the film's own", () => {
  const file = parsed(film);
  const kinds = file.getInfo().tracks.map(({ codec }) => codec);
  expect(kinds.join()).toBe(film.codecs);
  expect(film.codecs).toBe("avc1.640028,mp4a.40.2");
  expect([film.width, film.height]).toEqual([1920, 1080]);
});

test("the same number gives the same bytes, in whatever order one asks", () => {
  const again = film.segment(3);
  film.segment(7);
  expect(Buffer.compare(film.segment(3), again)).toBe(0);
  expect(Buffer.compare(film.segment(3 + 5), again)).not.toBe(0);
});

test("slides are the same film with a fraction of its bytes", () => {
  expect(slides.bandwidth * 2).toBeLessThan(film.bandwidth);
  for (let n = 0; n < 5; n++) expect(slides.seconds(n)).toBe(film.seconds(n));
});

test("a film without pictures is refused", () => {
  expect(() => cutFilm(slides.init)).toThrow(/nothing that a segment could begin with/);
});

test("a playlist of ranges covers the whole file, end to end", () => {
  const text = byteRangePlaylist(film, 3);
  let at = film.init.length;
  expect(text).toContain(`BYTERANGE="${at}@0"`);
  const ranges = [...text.matchAll(/#EXT-X-BYTERANGE:(\d+)@(\d+)/g)];
  expect(ranges).toHaveLength(3);
  for (const [, length, offset] of ranges) {
    expect(Number(offset)).toBe(at);
    at += Number(length);
  }
  expect(at).toBe(wholeFile(film, 3).length);
});

test("a live playlist slides over segments whose names never come back", () => {
  const early = livePlaylist(film, 2);
  expect(early).toContain("#EXT-X-MEDIA-SEQUENCE:0\n");
  expect(early.match(/\.m4s/g)).toHaveLength(3);
  const late = livePlaylist(film, 1_000_000);
  expect(late).toContain("#EXT-X-MEDIA-SEQUENCE:999993\n");
  expect(late.match(/\.m4s/g)).toHaveLength(8);
  expect(late).not.toContain("ENDLIST");
});

test("a film's playlist ends, and the master names every rendition", () => {
  expect(vodPlaylist(film, 2)).toMatch(
    /EXTINF:2\.00000,\n000000\.m4s\n.*\n000001\.m4s\n#EXT-X-ENDLIST\n$/,
  );
  expect(masterPlaylist([slides, film])).toMatch(/slides\/index\.m3u8\n.*\nfilm\/index\.m3u8\n$/);
});
