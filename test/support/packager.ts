// A live channel as a packager writes it: segments moved into a directory, the playlist replaced behind each, what leaves the
// window taken away. Owns the directory's files and the clock of the channel; who serves and publishes it is not its
// business.

import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Rendition } from "../../demo/origin/hls.ts";
import {
  INIT_NAME,
  LIVE_WINDOW,
  livePlaylist,
  PLAYLIST_NAME,
  segmentName,
} from "../../demo/origin/playlist.ts";

export interface Packager {
  /** The newest that the playlist lists. */
  readonly newest: number;
  /** Rejects with what went wrong while it was on air. */
  stop(): Promise<void>;
}

/** Players that are behind ask for a segment a while after the playlist has stopped listing it. */
const KEPT = 2 * LIVE_WINDOW;

export interface PackagerNeeds {
  readonly directory: string;
  /** A file is in its place. */
  written(name: string, body: Uint8Array | string): void;
}

/** Resolves when the first window is there; from then on a segment appears when the one before has been shown. */
export async function startPackager(
  rendition: Rendition,
  { directory, written }: PackagerNeeds,
): Promise<Packager> {
  let newest = LIVE_WINDOW - 1;
  let isOver = false;
  let wake = (): void => {};

  async function put(name: string, body: Uint8Array | string): Promise<void> {
    const unfinished = join(directory, `.${name}`);
    await writeFile(unfinished, body);
    await rename(unfinished, join(directory, name));
    written(name, body);
  }
  const list = (): Promise<void> => put(PLAYLIST_NAME, livePlaylist(rendition, newest));

  await mkdir(directory, { recursive: true });
  await put(INIT_NAME, rendition.init);
  for (let n = 0; n <= newest; n++) await put(segmentName(n), rendition.segment(n));
  await list();

  async function goOn(): Promise<void> {
    let due = performance.now();
    for (;;) {
      due += rendition.seconds(newest) * 1000;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, due - performance.now());
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (isOver) return;
      newest++;
      await put(segmentName(newest), rendition.segment(newest));
      await list();
      if (newest >= KEPT) await rm(join(directory, segmentName(newest - KEPT)), { force: true });
    }
  }
  const onAir = goOn();
  // Whoever stops it hears of it.
  onAir.catch(() => {});
  return {
    get newest() {
      return newest;
    },
    async stop() {
      isOver = true;
      wake();
      await onAir;
    },
  };
}
