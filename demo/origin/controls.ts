// The demo's own little interface: what the origin has sent, its two switches, and the tracker's. Answers the demo's page and nobody
// else, so that no other page a developer has open can play with it.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { ContentOrigin, OriginState } from "./content.ts";

export const CONTROLS_PATH = "/demo-api/origin";

/** What the page is told, and may change: `isOn`, `isSlow`, `isTrackerOn`. */
export interface ControlState extends OriginState {
  readonly isTrackerOn: boolean;
}

export interface Controls {
  readonly content: ContentOrigin;
  /** The origin of the demo's page. */
  readonly page: string;
  isTrackerOn(): boolean;
  /** Resolves when it is. */
  switchTracker(on: boolean): Promise<void>;
}

/** `{"isOn":true,"isSlow":false,"isTrackerOn":true}` and white space. */
const MAX_BODY_LENGTH = 1024;

export async function answerControls(
  request: IncomingMessage,
  response: ServerResponse,
  { content, page, isTrackerOn, switchTracker }: Controls,
): Promise<void> {
  const asker = request.headers.origin;
  if (asker !== undefined && asker !== page) return void response.writeHead(403).end();
  const headers = {
    "access-control-allow-origin": page,
    "cache-control": "no-store",
    vary: "origin",
  };
  switch (request.method) {
    case "OPTIONS":
      return void response
        .writeHead(204, {
          ...headers,
          "access-control-allow-methods": "GET, POST",
          "access-control-allow-headers": "content-type",
          "access-control-max-age": "600",
        })
        .end();
    case "GET":
      break;
    case "POST": {
      // JSON is nothing a form can send, so a foreign page would have to ask first, and is refused above.
      const isJson = request.headers["content-type"]?.startsWith("application/json") ?? false;
      const switches = isJson ? switchesIn(await bodyOf(request)) : undefined;
      if (switches === undefined) return void response.writeHead(400, headers).end();
      content.change(switches);
      if (switches.isTrackerOn !== undefined) await switchTracker(switches.isTrackerOn);
      break;
    }
    default:
      return void response.writeHead(405, { ...headers, allow: "GET, POST" }).end();
  }
  response.writeHead(200, { ...headers, "content-type": "application/json" });
  const state: ControlState = { ...content.state(), isTrackerOn: isTrackerOn() };
  response.end(JSON.stringify(state));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  request.setEncoding("utf8");
  for await (const part of request) {
    text += String(part);
    if (text.length > MAX_BODY_LENGTH) return "";
  }
  return text;
}

type Switches = Partial<Pick<ControlState, "isOn" | "isSlow" | "isTrackerOn">>;

function switchesIn(text: string): Switches | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { isOn, isSlow, isTrackerOn } = value as Readonly<Record<string, unknown>>;
  return {
    ...(typeof isOn === "boolean" ? { isOn } : {}),
    ...(typeof isSlow === "boolean" ? { isSlow } : {}),
    ...(typeof isTrackerOn === "boolean" ? { isTrackerOn } : {}),
  };
}
