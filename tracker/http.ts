// The tracker's plain HTTP side: scripts, attested manifests, liveness, readiness, totals and metrics, and where purges come
// in. No cookies, nothing of any one visitor; the one other body that is taken is a list of URLs.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Dashboard } from "./dashboard/dashboard.ts";
import type { Metrics } from "./metrics.ts";
import { ATTEST_PATH } from "./protocol/attestation.ts";
import { answerPurge, PURGE_PATH, type PurgeRequestNeeds } from "./purge/purge-request.ts";
import { SCRIPT_NAMES, type ScriptName, type Scripts } from "./scripts.ts";
import type { Totals } from "./tally.ts";

export interface HttpNeeds {
  readonly purge: PurgeRequestNeeds;
  readonly scripts: Scripts;
  readonly metrics: Metrics;
  totals(): Totals;
  isDraining(): boolean;
  /** The operator's view, where it was asked for. */
  readonly dashboard: Dashboard | undefined;
  /** Says what is vouched for, in its own way; absent where nothing is. Never rejects. */
  readonly attest:
    | ((request: IncomingMessage, response: ServerResponse) => Promise<void>)
    | undefined;
}

/**
 * Long enough to spare a visitor a request per page, short enough that a release is out in five minutes; after that
 * the ETag makes it a 304.
 */
const SCRIPT_MAX_AGE_S = 300;

/** Headers of a browser's upgrade are 1 to 2 KB; a request that takes longer than this is an attack or hopeless. */
export const HTTP_BOUNDS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 5_000,
} as const;

/** Scripts and totals are for pages of any site: that is what a CDN is. */
const FOR_ALL = {
  "access-control-allow-origin": "*",
  "cross-origin-resource-policy": "cross-origin",
  "x-content-type-options": "nosniff",
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | Buffer;
}

/** Never rejects. */
export async function answerHttp(
  request: IncomingMessage,
  response: ServerResponse,
  needs: HttpNeeds,
): Promise<void> {
  // A reader that hangs up in the middle is its own business.
  response.on("error", () => {});
  const path = pathOf(request);
  if (path === PURGE_PATH) return answerPurge(request, response, needs.purge);
  if (path === ATTEST_PATH && needs.attest !== undefined) {
    for (const [name, value] of Object.entries(FOR_ALL)) response.setHeader(name, value);
    return needs.attest(request, response);
  }
  if (needs.dashboard?.answer(request, response, pathOf(request))) return;
  const { status, headers, body } = await answerTo(request, needs);
  const isBare = status === 304 || status === 204;
  const length = isBare ? {} : { "content-length": Buffer.byteLength(body) };
  response.writeHead(status, { ...FOR_ALL, ...headers, ...length });
  response.end(request.method === "HEAD" || isBare ? undefined : body);
}

const pathOf = ({ url = "/" }: IncomingMessage): string => url.split("?", 1)[0] ?? "/";

async function answerTo(request: IncomingMessage, needs: HttpNeeds): Promise<Answer> {
  const path = pathOf(request);
  // Pages ask everywhere, and a 404 would be a red line in their consoles.
  if (path === ATTEST_PATH && request.method === "POST")
    return { status: 204, headers: {}, body: "" };
  const script = SCRIPT_NAMES.find((name) => path === `/${name}`);
  const known = script !== undefined || path === "/healthz" || path === "/readyz";
  if (!known && path !== "/stats" && path !== "/metrics" && path !== "/")
    return text(404, "There is nothing here.");
  if (request.method !== "GET" && request.method !== "HEAD") {
    return text(405, "Only GET and HEAD.", { allow: "GET, HEAD" });
  }
  if (script !== undefined) return scriptAnswer(script, request, needs.scripts);
  switch (path) {
    case "/healthz":
      return text(200, "alive");
    case "/readyz":
      return needs.isDraining() ? text(503, "draining") : text(200, "ready");
    case "/stats":
      return {
        status: 200,
        headers: { "content-type": "application/json", "cache-control": "no-store" },
        body: `${JSON.stringify(needs.totals())}\n`,
      };
    case "/metrics":
      return {
        status: 200,
        headers: { "content-type": needs.metrics.contentType, "cache-control": "no-store" },
        body: await needs.metrics.text(),
      };
    default:
      return text(426, "This is a Shoal tracker; pages speak WebSocket to it.", {
        upgrade: "websocket",
        connection: "upgrade",
      });
  }
}

async function scriptAnswer(
  name: ScriptName,
  request: IncomingMessage,
  scripts: Scripts,
): Promise<Answer> {
  const script = await scripts.read(name);
  if (script === undefined) {
    return text(503, `${name} is not built; run "npm run build" in Shoal's folder.`);
  }
  const gzips = /\bgzip\b(?!\s*;\s*q=0(?:\.0+)?\s*(?:,|$))/.test(
    String(request.headers["accept-encoding"] ?? ""),
  );
  const etag = `"${script.hash}${gzips ? "-gzip" : ""}"`;
  const headers = {
    "content-type": "text/javascript; charset=utf-8",
    "cache-control": `public, max-age=${SCRIPT_MAX_AGE_S}`,
    vary: "Accept-Encoding",
    etag,
    ...(gzips ? { "content-encoding": "gzip" } : {}),
  };
  if (isNamed(etag, request.headers["if-none-match"])) return { status: 304, headers, body: "" };
  return { status: 200, headers, body: gzips ? script.gzipped : script.body };
}

/** Weak comparison (RFC 9110, section 13.1.2): proxies that compress weaken the tag. */
function isNamed(etag: string, header: string | undefined): boolean {
  if (header === undefined) return false;
  return header.split(",").some((tag) => [etag, `W/${etag}`, "*"].includes(tag.trim()));
}

const text = (status: number, sentence: string, headers: Answer["headers"] = {}): Answer => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", ...headers },
  body: `${sentence}\n`,
});
