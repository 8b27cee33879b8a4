// A player for a film or a channel, by hls.js with its fragments through Shoal, and below it the segments as a row: each is
// coloured by where its bytes came from. Owns the player. Playlists are hls.js' and the origin's own business.

import type { Client, ClientEvents } from "../../client/index.ts";
import { element, existing } from "../element.ts";
import { fragmentLoader } from "../shoal.ts";
import { percent } from "../words.ts";

export interface StreamSettings {
  /** Ids of the elements begin with it. */
  readonly name: "live" | "film";
  readonly playlist: string;
  /** Segments to show: of a film all, of a channel the last. */
  readonly cells: number;
}

/** Without sound, because browsers let nothing else play by itself. */
const CHANNEL = { liveSyncDurationCount: 3, maxBufferLength: 12, autoStartLoad: true };
/** A film is not fetched further ahead than somebody may want to watch. */
const FILM = { maxBufferLength: 16, autoStartLoad: true };

export function stream(
  { name, playlist, cells }: StreamSettings,
  client: Client | undefined,
): void {
  const video = existing(name, HTMLVideoElement);
  const button = existing(`${name}-play`, HTMLButtonElement);
  const note = existing(`${name}-note`, HTMLElement);
  const strip = segmentStrip(existing(`${name}-segments`, HTMLElement), { name, cells });
  client?.on("retrieved", (event) => {
    if (event.url.startsWith(new URL(".", playlist).href)) note.textContent = strip.came(event);
  });

  async function begin() {
    button.hidden = true;
    const { default: Hls } = await import("hls.js");
    if (!Hls.isSupported()) {
      note.textContent = "This browser has no Media Source Extensions, so hls.js cannot play here.";
      return;
    }
    const fLoader = fragmentLoader();
    const hls = new Hls({
      ...(name === "live" ? CHANNEL : FILM),
      ...(fLoader === undefined ? {} : { fLoader }),
    });
    hls.on(Hls.Events.ERROR, (_type, { fatal, details, type }) => {
      if (details === Hls.ErrorDetails.BUFFER_ADD_CODEC_ERROR) {
        note.textContent = "This browser cannot play H.264.";
        hls.destroy();
      } else if (fatal && type === Hls.ErrorTypes.NETWORK_ERROR) {
        // The origin is off; it may come back.
        note.textContent = "No playlist: the origin does not answer. The player tries again.";
        setTimeout(() => hls.loadSource(playlist), 2000);
      } else if (fatal) hls.recoverMediaError();
    });
    hls.loadSource(playlist);
    hls.attachMedia(video);
    // Refused without a click, where the visitor wants it so: then the controls are there.
    await video.play().catch(() => {});
  }
  button.addEventListener("click", () => void begin());
  if (name === "live" && !matchMedia("(prefers-reduced-motion: reduce)").matches) void begin();
}

type Retrieved = ClientEvents["retrieved"];

/** The row. `came` draws a segment and says it in words. */
function segmentStrip(room: HTMLElement, { name, cells }: Pick<StreamSettings, "name" | "cells">) {
  const bars = Array.from({ length: cells }, () => {
    const parts = (["peers", "cache", "origin"] as const).map((from) =>
      element("i", { "data-from": from }),
    );
    const bar = element("span", {}, ...parts);
    room.append(bar);
    return bar;
  });
  return {
    came({ url, peers, origin, cache }: Retrieved): string {
      const n = Number(/(\d+)\.m4s$/.exec(url)?.[1] ?? Number.NaN);
      const total = peers + origin + cache;
      if (Number.isNaN(n) || total === 0) return "";
      if (name === "live") room.append(room.firstElementChild ?? "");
      const bar = name === "live" ? room.lastElementChild : bars[n];
      for (const part of bar?.children ?? []) {
        if (!(part instanceof HTMLElement)) continue;
        const bytes = { peers, origin, cache }[part.dataset.from ?? ""] ?? 0;
        part.style.flexGrow = String(bytes / total);
      }
      if (cache === total) return `Segment ${n + 1}: from your own cache.`;
      return `Segment ${n + 1}: ${percent(peers / total)} from neighbours, ${percent(origin / total)} from the origin.`;
    },
  };
}
