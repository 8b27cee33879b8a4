// The operator's view at `/dashboard`: its built page, and the last hour as JSON. Read-only; says nothing of any one visitor.
// Whoever does not want the whole world to see it puts it behind the proxy's password. Owns the timer that samples.

import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { thisPackage } from "../package-root.ts";
import type { Operation, Totals } from "../tally.ts";
import type { Clock } from "../tracker.ts";
import { History, SAMPLE_MS } from "./history.ts";

export const DASHBOARD_PATH = "/dashboard";

export interface DashboardNeeds {
  readonly clock: Clock;
  totals(): Totals;
  operation(): Operation;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

export class Dashboard {
  readonly #needs: DashboardNeeds;
  readonly #files: ReadonlyMap<string, { readonly type: string; readonly body: Buffer }>;
  readonly #history = new History();
  readonly #sampling: NodeJS.Timeout;

  constructor(needs: DashboardNeeds) {
    this.#needs = needs;
    this.#files = filesIn(join(thisPackage().root, "dist", "tracker", "dashboard"));
    this.#sample();
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_MS);
    this.#sampling.unref();
  }

  close(): void {
    clearInterval(this.#sampling);
  }

  /** `false`: not its path. */
  answer(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    if (path !== DASHBOARD_PATH && !path.startsWith(`${DASHBOARD_PATH}/`)) return false;
    const found = this.#find(path.slice(DASHBOARD_PATH.length));
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { ...HEADERS, allow: "GET, HEAD" }).end();
    } else if (found === "elsewhere") {
      // Relative addresses in the page need the slash, whatever a proxy calls the place.
      response.writeHead(308, { ...HEADERS, location: `.${DASHBOARD_PATH}/` }).end();
    } else if (found === undefined) {
      const sentence = 'There is nothing here, or it is not built: "npm run build".\n';
      response.writeHead(404, { ...HEADERS, "content-type": "text/plain" }).end(sentence);
    } else {
      const length = { "content-length": found.body.length };
      response.writeHead(200, { ...HEADERS, ...length, "content-type": found.type });
      response.end(request.method === "HEAD" ? undefined : found.body);
    }
    return true;
  }

  #find(rest: string): { readonly type: string; readonly body: Buffer } | "elsewhere" | undefined {
    if (rest === "") return "elsewhere";
    if (rest !== "/data") return this.#files.get(rest === "/" ? "/index.html" : rest);
    const { totals, operation, clock } = this.#needs;
    const data = this.#history.data(totals(), operation(), clock.now());
    return { type: "application/json", body: Buffer.from(`${JSON.stringify(data)}\n`) };
  }

  #sample(): void {
    const { totals, operation, clock } = this.#needs;
    this.#history.note(totals(), operation(), clock.now());
  }
}

/** A handful of small files, held in memory, so that a request can name no other. */
function filesIn(folder: string): Map<string, { readonly type: string; readonly body: Buffer }> {
  const files = new Map<string, { readonly type: string; readonly body: Buffer }>();
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
      const type = TYPES[extname(entry.name)];
      const file = join(entry.parentPath, entry.name);
      if (!entry.isFile() || type === undefined) continue;
      const path = file.slice(folder.length).replaceAll("\\", "/");
      files.set(path, { type, body: readFileSync(file) });
    }
  } catch {
    // Not built; the page says so.
  }
  return files;
}
