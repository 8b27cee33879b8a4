// What a page sees of one request, asked of Shoal or of the network, in a form that can be compared, and what it
// complains about meanwhile. Runs inside pages; judges nothing.

import type { Frame, Page } from "@playwright/test";
import type { Client } from "../../client/index.ts";

export type Way = "shoal" | "network";

/** Everything of an answer that a page goes by. */
export interface Answered {
  readonly status: number;
  readonly statusText: string;
  readonly ok: boolean;
  readonly url: string;
  readonly type: string;
  readonly redirected: boolean;
  readonly headers: Readonly<Record<string, string | null>>;
  readonly length: number;
  /** Of the body; `null` where the page has no WebCrypto. */
  readonly sha256: string | null;
  /** How the body begins. */
  readonly text: string;
}
export type Outcome =
  /** `cacheStatus`: Shoal's mark, at the end of the body; `null` on every answer it had no part in. */
  | { readonly answered: Answered; readonly cacheStatus: string | null }
  | { readonly failed: string };

/** A request as it can be handed to a page. `as` is what `fetch` gets for its first argument. */
export interface Ask {
  readonly url: string;
  readonly as?: "text" | "url" | "request";
  readonly init?: RequestInit;
}

export function outcome(page: Page | Frame, way: Way, ask: Ask): Promise<Outcome> {
  return page.evaluate(
    async ([by, { url, as = "text", init }]): Promise<Outcome> => {
      const ask = by === "shoal" ? (window.shoal as Client).fetch : fetch;
      const names = ["content-type", "content-length", "content-range", "accept-ranges"];
      try {
        let answer: Promise<Response>;
        if (as === "request") answer = ask(new Request(url, init));
        else answer = ask(as === "url" ? new URL(url, document.baseURI) : url, init);
        const response = await answer;
        const { status, statusText, ok, type, redirected, headers } = response;
        const body = new Uint8Array(await response.arrayBuffer());
        // Typed as always there, but absent on plain HTTP.
        const subtle: SubtleCrypto | undefined = crypto.subtle;
        const digest = new Uint8Array((await subtle?.digest("SHA-256", body)) ?? 0);
        const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        return {
          answered: {
            status,
            statusText,
            ok,
            url: response.url,
            type,
            redirected,
            headers: Object.fromEntries(names.map((name) => [name, headers.get(name)])),
            length: body.length,
            sha256: hex === "" ? null : hex,
            text: String.fromCharCode(...body.subarray(0, 32)),
          },
          cacheStatus: headers.get("Cache-Status"),
        };
      } catch (error) {
        return { failed: String(error) };
      }
    },
    [way, ask] as const,
  );
}

/** The same request in both ways, the network first. */
export async function both(
  page: Page | Frame,
  ask: Ask,
): Promise<{ readonly network: Outcome; readonly shoal: Outcome }> {
  return {
    network: await outcome(page, "network", ask),
    shoal: await outcome(page, "shoal", ask),
  };
}

export interface Complaints {
  /** Uncaught errors, unhandled rejections, and whatever was printed as an error. */
  readonly errors: string[];
  readonly warnings: string[];
  /** URLs of failed requests, of which the browser itself prints a line; no script can keep it from that. */
  readonly network: string[];
}

/** Lines of the browser's own that name the URL. */
const FAILURES: readonly RegExp[] = [
  /^WebSocket connection to '([^']*)' failed/,
  /^Fetch API cannot load (\S+)\. /,
  /^Failed to find a valid digest .* for resource '([^']*)'/,
];

/** From now on, for as long as the page lives. */
export function complaintsOf(page: Page): Complaints {
  const complaints: Complaints = { errors: [], warnings: [], network: [] };
  page.on("pageerror", (error) => complaints.errors.push(`${error.name}: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "warning") complaints.warnings.push(text);
    if (message.type() !== "error") return;
    let url = FAILURES.map((failure) => failure.exec(text)?.[1]).find(
      (found) => found !== undefined,
    );
    if (text.startsWith("Failed to load resource")) url = message.location().url;
    if (url === undefined) complaints.errors.push(text);
    else complaints.network.push(url);
  });
  return complaints;
}

declare global {
  interface Window {
    /** Codes of all `degraded` events so far, where `keepDegraded` ran. */
    degraded?: string[];
  }
}

/** Runs before any script of the page: listens to the client from the moment that it is there. */
export function keepDegraded(): void {
  const codes: string[] = [];
  let client: Client | undefined;
  window.degraded = codes;
  Object.defineProperty(window, "shoal", {
    configurable: true,
    enumerable: true,
    get: () => client,
    set: (made: Client) => {
      client = made;
      made.on("degraded", ({ code }) => codes.push(code));
    },
  });
}
