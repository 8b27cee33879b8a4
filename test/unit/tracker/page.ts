// A page as the tracker sees it: a real WebSocket with an Origin, its messages kept and awaited. No timers: what a
// test waits for either comes or the test's own limit ends it.

import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { type RequestOptions, request as requestByTls } from "node:https";
import { type ClientOptions, WebSocket } from "ws";
import { base64url } from "../../../tracker/protocol/bytes.ts";
import type { PeerId } from "../../../tracker/protocol/ids.ts";
import {
  type ClientMessage,
  type Holding,
  PROTOCOL_VERSION,
  parseTrackerMessage,
  type TrackerMessage,
} from "../../../tracker/protocol/messages.ts";
import type { RunningTracker } from "../../../tracker/server.ts";
import { swarm } from "./stage.ts";

type Of<Type extends TrackerMessage["type"]> = Extract<TrackerMessage, { type: Type }>;
type Headers = Readonly<Record<string, string>>;

export class Page {
  readonly ws: WebSocket;
  readonly heard: TrackerMessage[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #awaited: (() => void)[] = [];
  /** By type, how many of them a test has taken. */
  readonly #taken = new Map<string, number>();

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("message", (text) => {
      // The client's own parser: a message it would refuse fails the test.
      const parsed = parseTrackerMessage(String(text));
      if (!parsed.ok) throw new Error(`the tracker said ${parsed.detail}: ${String(text)}`);
      this.heard.push(parsed.message);
      for (const wake of this.#awaited.splice(0)) wake();
    });
    ws.on("error", () => {});
    this.closed = new Promise((resolve) => {
      ws.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
    });
  }

  static async open(
    tracker: Pick<RunningTracker, "url">,
    origin: string | undefined = "http://localhost",
    headers: Headers = {},
    options: ClientOptions = {},
  ): Promise<Page> {
    const ws = new WebSocket(tracker.url.replace("http", "ws"), {
      ...(origin === undefined ? {} : { origin }),
      ...options,
      headers,
      perMessageDeflate: false,
    });
    const page = new Page(ws);
    await new Promise((resolve, reject) => ws.once("open", resolve).once("error", reject));
    return page;
  }

  /** Open, and welcomed. */
  static async join(tracker: Pick<RunningTracker, "url">, secret = newSecret()): Promise<Page> {
    const page = await Page.open(tracker);
    page.say({ type: "hello", version: PROTOCOL_VERSION, secret });
    await page.next("welcome");
    return page;
  }

  say(message: ClientMessage): void {
    this.ws.send(JSON.stringify(message));
  }
  announce(want: number, holding: Holding, name = "film"): Promise<Of<"announced">> {
    this.say({ type: "announce", swarms: [{ swarm: swarm(name), holding }], want });
    return this.next("announced");
  }

  /** The next message of its type, be it already here or still to come. Rejects when the socket closes first. */
  async next<Type extends TrackerMessage["type"]>(type: Type): Promise<Of<Type>> {
    const taken = this.#taken.get(type) ?? 0;
    this.#taken.set(type, taken + 1);
    for (;;) {
      const found = this.heard.filter((message): message is Of<Type> => message.type === type)[
        taken
      ];
      if (found !== undefined) return found;
      const more = new Promise<"more">((resolve) => this.#awaited.push(() => resolve("more")));
      const ended = this.closed.then((how) => how);
      const what = await Promise.race([more, ended]);
      if (what !== "more") throw new Error(`closed (${what.code}) before any ${type}`);
    }
  }

  peerId(): PeerId {
    const welcome = this.heard.find((message) => message.type === "welcome");
    if (welcome?.type !== "welcome") throw new Error("not welcomed yet");
    return welcome.peer;
  }

  async leave(): Promise<void> {
    this.ws.close();
    await this.closed;
  }
}

export const newSecret = (): string => base64url(new Uint8Array(randomBytes(20)));

/** An HTTP exchange without anybody's manners in between. */
export function exchange(
  tracker: Pick<RunningTracker, "url">,
  path: string,
  { body, ...how }: RequestOptions & { readonly body?: string } = {},
) {
  const send = tracker.url.startsWith("https:") ? requestByTls : request;
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }>(
    (resolve, reject) => {
      const asked = send(`${tracker.url}${path}`, { ...how, agent: false }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => {
          const { statusCode = 0, headers } = response;
          resolve({ status: statusCode, headers, body: Buffer.concat(parts) });
        });
      });
      asked.on("upgrade", ({ statusCode = 0, headers }, socket) => {
        socket.destroy();
        resolve({ status: statusCode, headers, body: Buffer.alloc(0) });
      });
      asked.on("error", reject).end(body);
    },
  );
}
