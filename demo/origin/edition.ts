// What is published of the shelf at this moment: runs the publisher over the directory, and keeps its manifest and the
// files it vouches for. Owns the publisher; closing ends it.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { SigningKey } from "../../tracker/manifest/keys.ts";
import { publishAndWatch, type WatchEvent } from "../../tracker/manifest/publish-watch.ts";
import { type AssetStatement, parseManifest } from "../../tracker/protocol/manifest.ts";
import type { ContentFile } from "./content.ts";

export interface EditionSettings {
  readonly directory: string;
  /** Where the publisher writes the manifest; outside the directory. */
  readonly out: string;
  readonly url: string;
  readonly key: SigningKey;
}

export class Edition {
  /** By path, with the leading slash and percent-encoded, as requests have it. */
  readonly files = new Map<string, ContentFile>();
  readonly #settings: EditionSettings;
  readonly #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #text = "";
  #etag = "";
  readonly #waiting: (() => void)[] = [];

  private constructor(settings: EditionSettings) {
    this.#settings = settings;
  }

  /** Resolves with the first publication. */
  static async begin(settings: EditionSettings): Promise<Edition> {
    const edition = new Edition(settings);
    await new Promise<void>((resolve, reject) => {
      const { directory, out, url, key } = settings;
      edition.#ended = publishAndWatch(
        { directory, baseUrl: new URL(`${url}/`), out, leftOut: [] },
        {
          key,
          signal: edition.#stop.signal,
          log: (event: WatchEvent) => {
            if (event.event === "published") edition.#read().then(resolve, reject);
          },
        },
      );
      edition.#ended.catch(reject);
    });
    return edition;
  }

  /** With the manifest. It grows with the channel, and whoever has it already is told so. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    const headers = { etag: this.#etag, "cache-control": "no-cache" };
    if (request.headers["if-none-match"] === this.#etag) {
      return void response.writeHead(304, headers).end();
    }
    response.writeHead(200, { ...headers, "content-type": "application/json" }).end(this.#text);
  }

  /** Resolves when this path is published. */
  async until(path: string): Promise<void> {
    while (!this.files.has(path)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#ended.catch(() => {});
  }

  async #read(): Promise<void> {
    const text = await readFile(this.#settings.out, "utf8");
    const parsed = parseManifest(text);
    if (!parsed.ok) throw new Error(`The manifest just made is malformed at ${parsed.path}.`);
    const gone = new Set(this.files.keys());
    for (const asset of parsed.manifest.assets) {
      const { pathname } = new URL(asset.url);
      gone.delete(pathname);
      if (!this.files.has(pathname)) this.files.set(pathname, this.#fileOf(asset, pathname));
    }
    for (const path of gone) this.files.delete(path);
    this.#text = text;
    for (const resolve of this.#waiting.splice(0)) resolve();
    this.#etag = `"${digestOf(text)}"`;
  }

  /** No file of the shelf ever changes; they come and go. */
  #fileOf({ size, type, digests }: AssetStatement, pathname: string): ContentFile {
    const file = join(this.#settings.directory, decodeURIComponent(pathname));
    return { file, size, type, etag: `"${digestOf(digests)}"` };
  }
}

const digestOf = (content: string | Uint8Array): string =>
  createHash("sha256").update(content).digest("base64url").slice(0, 22);
