// The built pages of the demo, held in memory: a handful of small files. Fills in what is only known once everything
// listens. Never looks at the disk again, so a request can name no file that was not there at the start.

import { readdir, readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { extname, join, relative, sep } from "node:path";

interface PageFile {
  readonly type: string;
  readonly text: string;
  readonly caching: string;
}

const TYPES: ReadonlyMap<string, string> = new Map([
  [".html", "text/html; charset=utf-8"],
  [".css", "text/css; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
  [".map", "application/json"],
  [".svg", "image/svg+xml"],
  [".vtt", "text/vtt; charset=utf-8"],
]);

export class Pages {
  readonly #files: ReadonlyMap<string, PageFile>;
  private constructor(files: ReadonlyMap<string, PageFile>) {
    this.#files = files;
  }

  /** `blanks`: what stands in a page as the comment `<!--name-->` and is only known now. Other files are left alone. */
  static async in(directory: string, blanks: Readonly<Record<string, string>>): Promise<Pages> {
    const files = new Map<string, PageFile>();
    for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
      const file = join(entry.parentPath, entry.name);
      const type = TYPES.get(extname(entry.name));
      if (!entry.isFile() || type === undefined) continue;
      const path = `/${relative(directory, file).split(sep).join("/")}`;
      const isPage = path.endsWith(".html");
      const text = await readFile(file, "utf8");
      files.set(path, {
        type,
        text: isPage ? filled(text, blanks) : text,
        // A page waits for nothing when the origin, on the same connections, is slow; a minute outlives no rebuild.
        caching: isPage ? "max-age=60" : "max-age=31536000, immutable",
      });
    }
    const index = files.get("/index.html");
    if (index !== undefined) files.set("/", { ...index, caching: "no-cache" });
    return new Pages(files);
  }

  get isComplete(): boolean {
    return this.#files.has("/") && this.#files.has("/visitor.html");
  }

  answer(response: ServerResponse, path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return void response.writeHead(404).end("Not found\n");
    response.writeHead(200, {
      "content-type": file.type,
      "cache-control": file.caching,
      "x-content-type-options": "nosniff",
    });
    response.end(file.text);
  }
}

function filled(text: string, blanks: Readonly<Record<string, string>>): string {
  return Object.entries(blanks).reduce(
    (sofar, [name, value]) => sofar.replace(`<!--${name}-->`, () => value),
    text,
  );
}
