// `POST /purge`: who may purge, what a request says, and the answer. For the site's own systems, never for pages: no
// answer of it can be read by a script of another origin.

import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isTarget, type Purge, type PurgeRecord } from "../protocol/purge.ts";
import { PurgeFileError } from "./purge-log.ts";

export const PURGE_PATH = "/purge";
/** Of a request: the names of a large deployment's changed pages, and no more than can be pushed at once. */
const MAX_BODY = 64 * 1024;
const MAX_TARGETS = 64;

export interface PurgeRequestNeeds {
  /** Whoever has it may purge; `undefined`: nobody may. */
  readonly token: string | undefined;
  /**
   * Signs, writes down and tells every page; how many were told, and, with other nodes, whether these can know by now.
   * Rejects with a `PurgeFileError`.
   */
  purge(targets: readonly Omit<Purge, "epoch">[]): Promise<{
    readonly records: readonly PurgeRecord[];
    readonly told: number;
    readonly shared: boolean | undefined;
  }>;
}

/** Never rejects. */
export async function answerPurge(
  request: IncomingMessage,
  response: ServerResponse,
  needs: PurgeRequestNeeds,
): Promise<void> {
  const { status, body, headers = {} } = await answerTo(request, needs);
  const text = `${JSON.stringify(body)}\n`;
  const type = status === 200 ? "application/json" : "application/problem+json";
  // What is left unread of a body would be taken for the next request.
  const goodbye = request.complete ? {} : { connection: "close" };
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    ...headers,
    ...goodbye,
  });
  response.end(text);
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** RFC 9457. `code` is for programs, and stable. */
const problem = (
  status: number,
  code: string,
  title: string,
  headers: Readonly<Record<string, string>> = {},
): Answer => ({ status, body: { title, status, code }, headers });

async function answerTo(request: IncomingMessage, needs: PurgeRequestNeeds): Promise<Answer> {
  if (request.method !== "POST") {
    return problem(405, "method", "Only POST.", { allow: "POST" });
  }
  if (needs.token === undefined) {
    return problem(
      403,
      "off",
      "This tracker purges nothing: it was started without --purge-token.",
    );
  }
  if (!isSame(bearerOf(request), needs.token)) {
    return problem(401, "token", "A purge needs the token of --purge-token as its bearer.", {
      "www-authenticate": "Bearer",
    });
  }
  const text = await bodyOf(request);
  if (text === undefined) {
    return problem(413, "too-large", `A purge has at most ${MAX_BODY} bytes.`);
  }
  const targets = targetsOf(text);
  if (typeof targets === "string") return problem(400, "malformed", targets);
  try {
    const { records, told, shared } = await needs.purge(targets);
    // `shared` is left out (JSON knows no `undefined`) where there is nobody to share it with.
    const body = { epoch: records.at(-1)?.epoch, purged: records.length, told, shared };
    return { status: 200, body };
  } catch (error) {
    const why = error instanceof PurgeFileError ? error.message : "It could not be written down.";
    return problem(500, "unwritten", `Nothing was purged: ${why}`);
  }
}

const bearerOf = ({ headers }: IncomingMessage): string =>
  /^bearer +(.+?) *$/i.exec(headers.authorization ?? "")?.[1] ?? "";

/** In a time that says nothing about where they differ. */
function isSame(given: string, right: string): boolean {
  const [one, other] = [given, right].map((text) => createHash("sha256").update(text).digest());
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > MAX_BODY) return undefined;
      parts.push(part);
    }
  } catch {
    // Cut off in the middle: there is nobody left to answer.
    return "";
  }
  return Buffer.concat(parts).toString("utf8");
}

/** What to purge, or a sentence about what is wrong. */
function targetsOf(text: string): readonly Omit<Purge, "epoch">[] | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "A purge is JSON.";
  }
  if (typeof value !== "object" || value === null) return "A purge is a JSON object.";
  const { url = [], prefix = [], tag = [], all = false, soft = false, ...others } = value as Fields;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    return `"${unknown.slice(0, 40)}" is not known; there are url, prefix, tag, all and soft.`;
  }
  if (typeof soft !== "boolean") return '"soft" is true or false.';
  if (typeof all !== "boolean") return '"all" is true or false.';
  const targets: Omit<Purge, "epoch">[] = all ? [{ scope: "all", what: "", soft }] : [];
  for (const [scope, given] of Object.entries({ url, prefix, tag })) {
    for (const what of [given].flat()) {
      if (!isTarget(scope, what))
        return `"${scope}" is ${EXPECTED[scope as keyof typeof EXPECTED]}.`;
      targets.push({ scope: scope as keyof typeof EXPECTED, what: String(what), soft });
    }
  }
  if (targets.length === 0) return "A purge names a url, a prefix or a tag, or says all.";
  return targets.length > MAX_TARGETS ? `A purge names at most ${MAX_TARGETS} of them.` : targets;
}

type Fields = Readonly<Record<string, unknown>>;

const EXPECTED = {
  url: "an absolute http(s) URL without fragment, or a list of them",
  prefix: "the beginning of such URLs with scheme and host, or a list of them",
  tag: "a tag without spaces and commas, or a list of them",
} as const;
