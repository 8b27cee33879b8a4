// Where one run of one variant takes place: a browser of its own, a site whose bytes are counted and whose rate can be
// limited, a tracker of Shoal's and one of the rivals'. Nothing outlives `close`, so that no run can spoil the next.

import type { Server as TorrentTracker } from "node:http";
import { type Browser, chromium, type Page } from "@playwright/test";
import { launchOptions } from "../support/browser.ts";
import { type Stage, setStage, type Visit } from "../support/stage.ts";

export interface Hall {
  readonly stage: Stage;
  readonly browser: Browser;
  /** `ws://…`, where WebTorrent and P2P Media Loader find their peers. */
  readonly rivalTracker: string;
  /** Visitors with Shoal, each in a context of their own, in the swarm before this resolves. */
  visitors(count: number, how?: Visit): Promise<readonly Page[]>;
  /** As many without it, on a page with this in it. */
  strangers(count: number, html?: string): Promise<readonly Page[]>;
  /** The rate of the origin from now on, with nothing saved up; `null`: none. */
  limit(bytesPerSecond: number | null): void;
  /** What to say when the run fails. */
  note(text: string): void;
  seen(): string;
  close(): Promise<void>;
}

/** Complaints of pages that are worth repeating when a run fails. */
const MOST_COMPLAINTS = 3;
const MB = 1e6;

export async function openHall(): Promise<Hall> {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const stage = await setStage({ tracker: { contents: [] } });
    undo.push(() => stage.close());
    const rival = await startRivalTracker();
    undo.push(rival.close);
    // Ctrl-C is main.ts's business: Playwright would end the process before the rest is closed.
    const quiet = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
    const browser = await chromium.launch({ ...launchOptions(), ...quiet });
    undo.push(() => browser.close());
    return new OneHall({ stage, browser, rivalTracker: rival.url, close });
  } catch (error) {
    await close();
    throw error;
  }
}

class OneHall implements Hall {
  readonly stage: Stage;
  readonly browser: Browser;
  readonly rivalTracker: string;
  readonly close: () => Promise<void>;
  readonly #complaints: string[] = [];
  #note = "";
  #pages = 0;

  constructor(parts: Pick<Hall, "stage" | "browser" | "rivalTracker" | "close">) {
    this.stage = parts.stage;
    this.browser = parts.browser;
    this.rivalTracker = parts.rivalTracker;
    this.close = parts.close;
  }

  visitors(count: number, how: Visit = {}): Promise<readonly Page[]> {
    return this.#each(count, () => this.stage.visit(this.browser, how));
  }

  strangers(count: number, html = ""): Promise<readonly Page[]> {
    const { site } = this.stage;
    site.put("/stranger.html", { body: `<!doctype html><title>Stranger</title>${html}` });
    return this.#each(count, async () => {
      const context = await this.browser.newContext();
      const page = await context.newPage();
      await page.goto(`${site.url}/stranger.html`);
      return page;
    });
  }

  async #each(count: number, open: () => Promise<Page>): Promise<readonly Page[]> {
    const pages = await Promise.all(Array.from({ length: count }, open));
    for (const page of pages) {
      this.#pages++;
      page.on("pageerror", (error) => this.#complaints.push(error.message));
      page.on("crash", () => this.#complaints.push("a page crashed"));
    }
    return pages;
  }

  limit(bytesPerSecond: number | null): void {
    // By way of none at all: a limit saves up a tenth of a second of its rate, which would be a small file's all.
    this.stage.site.limit(null);
    this.stage.site.limit(bytesPerSecond);
  }

  note(text: string): void {
    this.#note = text;
  }

  seen(): string {
    const { site } = this.stage;
    const origin = `${this.#pages} pages, ${(site.sent() / MB).toFixed(1)} MB from the origin`;
    const complaints = this.#complaints.slice(0, MOST_COMPLAINTS);
    return [origin, this.#note, ...complaints].filter((part) => part !== "").join("; ");
  }
}

/** bittorrent-tracker as it comes: both rivals' own documentation names it. */
async function startRivalTracker(): Promise<{ url: string; close: () => Promise<void> }> {
  // Late, because it is there only once `installRivals` has run.
  const { default: Server } = await import("bittorrent-tracker/server");
  const server = new Server({ udp: false, http: false, ws: true, stats: false });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  // What clients send that it cannot read ends their connection, not the benchmark.
  server.on("warning", () => {});
  const http: TorrentTracker = server.http;
  const address = http.address();
  if (address === null || typeof address === "string") throw new Error("the tracker has no port");
  return {
    url: `ws://127.0.0.1:${address.port}`,
    async close() {
      http.closeAllConnections();
      await new Promise<void>((resolve) => server.close(resolve));
    },
  };
}
