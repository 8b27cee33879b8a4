// A live channel of what is a film: a new segment every two seconds, moved into a directory as a packager would, and the old
// ones removed behind it. Lists a segment only once it is published, so that no player asks for what nobody vouches for
// yet. Owns its timer and its files.

import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Rendition } from "./hls.ts";
import { INIT_NAME, LIVE_WINDOW, livePlaylist, segmentName } from "./playlist.ts";

/** Kept beyond what the playlist shows, for players that lag. */
const BEHIND = 8;

export interface ChannelNeeds {
  /** Exists and is watched by the publisher. */
  readonly directory: string;
  readonly rendition: Rendition;
  /** Whether this file of the directory is published. */
  isPublished(name: string): boolean;
}

export class Channel {
  readonly #needs: ChannelNeeds;
  #newest = -1;
  #listed = -1;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(needs: ChannelNeeds) {
    this.#needs = needs;
  }

  /** On the air for as long as its window is; goes on by itself until closed. */
  static async begin(needs: ChannelNeeds): Promise<Channel> {
    const channel = new Channel(needs);
    await mkdir(needs.directory, { recursive: true });
    await channel.#put(INIT_NAME, needs.rendition.init);
    while (channel.#newest < LIVE_WINDOW - 1) await channel.#next();
    channel.#wait(performance.now());
    return channel;
  }

  playlist(): string {
    const { rendition, isPublished } = this.#needs;
    // Whoever asks first may come late: what is gone by then is nobody's to wait for.
    let next = Math.max(this.#listed, this.#newest - LIVE_WINDOW - BEHIND) + 1;
    while (next <= this.#newest && isPublished(segmentName(next))) this.#listed = next++;
    return livePlaylist(rendition, this.#listed);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#turn;
  }

  /** From moment to moment, not from turn to turn: a slow disk must not slow the channel down. */
  #wait(since: number): void {
    const due = since + this.#needs.rendition.seconds(this.#newest) * 1000;
    this.#timer = setTimeout(() => {
      this.#turn = this.#next().then(
        () => {
          if (!this.#closed) this.#wait(due);
        },
        () => {
          // The directory is gone: the demo is being taken down.
        },
      );
    }, due - performance.now());
  }

  async #next(): Promise<void> {
    const { directory, rendition } = this.#needs;
    const n = this.#newest + 1;
    await this.#put(segmentName(n), rendition.segment(n));
    this.#newest = n;
    await rm(join(directory, segmentName(n - LIVE_WINDOW - BEHIND)), { force: true });
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    const { directory } = this.#needs;
    const hidden = join(directory, `.${name}`);
    await writeFile(hidden, bytes);
    await rename(hidden, join(directory, name));
  }
}
