// Two files that are alike in everything, one of them published: the page asks for the one with Shoal and for the other
// without, and what it sees is compared.

import type { Browser, Page } from "@playwright/test";
import { keepDegraded, outcome } from "./outcome.ts";
import { type Stage, setStage } from "./stage.ts";
import { bodyOf, type Versioned, versioned } from "./versions.ts";

/** `failed`: as `fetch` fails; otherwise `v1` and so on, or a status without a body of ours. */
export type Seen = string;

export interface Pair {
  /** Of the one with Shoal. */
  readonly url: string;
  readonly shoal: Versioned;
  readonly alone: Versioned;
  /** What a page sees with Shoal and without, and Shoal's part in it at the end of the body. */
  ask(init?: RequestInit): Promise<{ shoal: Seen; alone: Seen; cacheStatus: string | null }>;
  /** A version on the origin; and in the manifest, unless the publisher forgot. */
  deploy(version: number, how?: "published" | "forgotten"): Promise<void>;
  both(change: (file: Versioned) => void): void;
}

export interface Pairs {
  readonly stage: Stage;
  readonly page: Page;
  /** Files that no test has used yet. */
  pair(headers: Readonly<Record<string, string>>): Pair;
  /** The manifest of a new epoch, with these bodies in it beside what it had. `headers`: on the manifest. */
  publish(
    bodies: Readonly<Record<string, Uint8Array>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<void>;
}

/** More than there are tests; listed from the beginning, as a URL that is new is the network's for a moment. */
const NAMES = Array.from({ length: 80 }, (_, at) => `${at}.txt`);

/** A visitor on a site with such files, and with these besides. */
export async function openPairs(
  browser: Browser,
  others: Readonly<Record<string, Uint8Array>>,
): Promise<Pairs> {
  const stage = await setStage();
  const { site, publisher } = stage;
  const free = [...NAMES];
  const listed = new Map<string, Uint8Array>();
  let epoch = 0;

  const publish: Pairs["publish"] = async (bodies, headers = {}) => {
    for (const [path, body] of Object.entries(bodies)) listed.set(site.url + path, body);
    const settings = { epoch: ++epoch, type: "text/plain" };
    const body = await publisher.manifest(Object.fromEntries(listed), settings);
    site.put("/.well-known/shoal.json", { body, headers });
  };
  const published = (path: string, version: number): Record<string, Uint8Array> => ({
    [path]: Buffer.from(bodyOf(path, version)),
  });

  for (const [path, body] of Object.entries(others)) site.put(path, { body });
  const first = NAMES.map((name) => published(`/published/${name}`, 1));
  await publish(Object.assign({}, others, ...first));
  const page = await stage.visit(browser, { before: keepDegraded });

  async function seen(way: "shoal" | "network", url: string, init: RequestInit) {
    const got = await outcome(page, way, { url, init });
    if ("failed" in got) return { what: "failed", cacheStatus: null };
    const { status, text } = got.answered;
    const what = status === 200 || status === 206 ? /v\d+/.exec(text)?.[0] : undefined;
    return { what: what ?? String(status), cacheStatus: got.cacheStatus };
  }

  return {
    stage,
    page,
    publish,
    pair(headers) {
      const name = free.shift();
      if (name === undefined) throw new Error("there are more tests than files");
      const [path, elsewhere] = [`/published/${name}`, `/elsewhere/${name}`];
      const [shoal, alone] = [versioned(site, path, headers), versioned(site, elsewhere, headers)];
      return {
        url: site.url + path,
        shoal,
        alone,
        async ask(init = {}) {
          const without = await seen("network", elsewhere, init);
          const { what, cacheStatus } = await seen("shoal", path, init);
          return { shoal: what, alone: without.what, cacheStatus };
        },
        async deploy(version, how = "published") {
          for (const file of [shoal, alone]) file.deploy(version);
          if (how === "published") await publish(published(path, version));
        },
        both(change) {
          for (const file of [shoal, alone]) change(file);
        },
      };
    },
  };
}
