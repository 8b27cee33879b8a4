// HLS playlists as text (RFC 8216): a choice of renditions, a whole film, the same film as ranges of one file, and the
// sliding window of a live channel. Pure. Decides how the files of a rendition are called.

import type { Rendition } from "./hls.ts";

/** Segments that a live channel lists: as many as let a player sit three back and still have a few to go back to. */
export const LIVE_WINDOW = 8;

export const PLAYLIST_NAME = "index.m3u8";
export const INIT_NAME = "init.mp4";
/** Init segment and all others in a row, for playlists with byte ranges. */
export const WHOLE_NAME = "whole.mp4";
export const segmentName = (n: number): string => `${String(n).padStart(6, "0")}.m4s`;

/** Every rendition in a folder with its name beside this playlist. */
export function masterPlaylist(renditions: readonly Rendition[]): string {
  return playlist(
    renditions.flatMap(({ name, bandwidth, codecs, width, height }) => [
      `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},RESOLUTION=${width}x${height},CODECS="${codecs}"`,
      `${name}/${PLAYLIST_NAME}`,
    ]),
  );
}

/** The first `count` segments as a film with an end. */
export function vodPlaylist(rendition: Rendition, count: number): string {
  const entries = numbers(0, count).map((n) => [duration(rendition, n), segmentName(n)]);
  return playlist([...vodHead(`URI="${INIT_NAME}"`), ...entries.flat(), "#EXT-X-ENDLIST"]);
}

/** The same film in `wholeFile`. */
export function byteRangePlaylist(rendition: Rendition, count: number): string {
  let at = rendition.init.length;
  const map = `URI="${WHOLE_NAME}",BYTERANGE="${at}@0"`;
  const entries = numbers(0, count).map((n) => {
    const { length } = rendition.segment(n);
    const range = `#EXT-X-BYTERANGE:${length}@${at}`;
    at += length;
    return [duration(rendition, n), range, WHOLE_NAME];
  });
  return playlist([...vodHead(map), ...entries.flat(), "#EXT-X-ENDLIST"]);
}

export function wholeFile({ init, segment }: Rendition, count: number): Uint8Array {
  return Buffer.concat([init, ...numbers(0, count).map(segment)]);
}

/** A channel that has come to the segment `newest`: the last `LIVE_WINDOW` of them. */
export function livePlaylist(rendition: Rendition, newest: number): string {
  const first = Math.max(0, newest + 1 - LIVE_WINDOW);
  const entries = numbers(first, newest + 1).map((n) => [duration(rendition, n), segmentName(n)]);
  return playlist([
    ...head(`URI="${INIT_NAME}"`),
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    ...entries.flat(),
  ]);
}

const playlist = (lines: readonly string[]): string =>
  `${["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS", ...lines].join("\n")}\n`;

/** No segment is longer than two seconds. */
const head = (map: string): readonly string[] => ["#EXT-X-TARGETDURATION:2", `#EXT-X-MAP:${map}`];
const vodHead = (map: string): readonly string[] => [...head(map), "#EXT-X-PLAYLIST-TYPE:VOD"];

const duration = ({ seconds }: Rendition, n: number): string => `#EXTINF:${seconds(n).toFixed(5)},`;

const numbers = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);
