// One page fetching one file, read as a stream and thrown away, in the three ways that are compared.

import type { Page } from "@playwright/test";
import type { Client } from "../../client/index.ts";
import type { Hall } from "./hall.ts";
import { rivalScript } from "./rivals.ts";

export interface Download {
  readonly seconds: number;
  /** From the call to the first bytes of the body. */
  readonly firstByteMs: number;
  readonly bytes: number;
}

/** Times are the page's own. */
export function download(page: Page, way: "plain" | "shoal", url: string): Promise<Download> {
  return page.evaluate(
    async ([address, through]) => {
      const begin = performance.now();
      const response = await (through === "shoal"
        ? (window.shoal as Client).fetch(address)
        : fetch(address));
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      const reader = response.body.getReader();
      let bytes = 0;
      let firstByteMs = Number.NaN;
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        if (bytes === 0) firstByteMs = performance.now() - begin;
        bytes += value.length;
      }
      return { seconds: (performance.now() - begin) / 1000, firstByteMs, bytes };
    },
    [url, way] as const,
  );
}

interface Torrent {
  on(event: "done" | "error", listener: (error?: Error) => void): void;
}
interface TorrentClient {
  add(
    torrent: Uint8Array,
    options: { readonly strategy: "rarest" | "sequential" },
    added: (torrent: Torrent) => void,
  ): void;
  on(event: "error", listener: (error: Error) => void): void;
}
declare global {
  interface Window {
    torrentClient?: TorrentClient;
    torrentFile?: Uint8Array;
  }
}

/** Pages with WebTorrent loaded and the torrent at hand: file, tracker, and the origin as web seed (BEP 19). */
export async function torrentPages(
  hall: Hall,
  count: number,
  { body, url }: { readonly body: Uint8Array; readonly url: string },
): Promise<readonly Page[]> {
  const { site } = hall.stage;
  const { default: createTorrent } = await import("create-torrent");
  const torrent = await new Promise<Uint8Array>((resolve, reject) => {
    const options = { name: "film.bin", announce: [hall.rivalTracker], urlList: [url] };
    createTorrent(body, options, (error, made) => (error ? reject(error) : resolve(made)));
  });
  site.put("/film.torrent", { body: torrent });
  const script = rivalScript(site, "webTorrent");
  // Its defaults, but for STUN servers somewhere in the world, which Shoal does not ask either.
  const pages = await hall.strangers(
    count,
    `<script type="module">
      import WebTorrent from "${script}";
      const torrent = await fetch("/film.torrent");
      window.torrentFile = new Uint8Array(await torrent.arrayBuffer());
      window.torrentClient = new WebTorrent({ tracker: { rtcConfig: { iceServers: [] } } });
    </script>`,
  );
  await Promise.all(
    pages.map((page) => page.waitForFunction(() => window.torrentClient !== undefined)),
  );
  return pages;
}

/** Resolves when the page has the whole file, verified. */
export function torrentDownload(page: Page): Promise<void> {
  return page.evaluate(
    () =>
      new Promise<void>((resolve, reject) => {
        const { torrentClient, torrentFile } = window;
        if (torrentClient === undefined || torrentFile === undefined) return reject();
        torrentClient.on("error", reject);
        // Its default is in order, which makes everybody read the same from the origin: five copies instead of two.
        torrentClient.add(torrentFile, { strategy: "rarest" }, (torrent) => {
          torrent.on("error", reject);
          torrent.on("done", () => resolve());
        });
      }),
  );
}
