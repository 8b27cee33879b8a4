// A play with two parts: the real discovery of a client, and a tracker whose every word the test says.

import type { TrackerListener } from "../../../../../client/core/ports.ts";
import {
  Discovery,
  type DiscoveryNeeds,
  type TrackerState,
} from "../../../../../client/core/swarm/discovery.ts";
import { type SwarmId, sessionIdFrom, swarmIdFrom } from "../../../../../tracker/protocol/ids.ts";
import {
  type ClientMessage,
  parseClientMessage,
  type TrackerMessage,
} from "../../../../../tracker/protocol/messages.ts";
import type { PurgesKnown } from "../../../../../tracker/protocol/purge.ts";
import { SimRandom } from "../../../../sim/random.ts";
import { idOf } from "../../../tracker/stage.ts";
import { Stage, turns } from "../stage.ts";

export const URL = "wss://tracker.example/";
export const SELF = idOf("self");
export const SESSION = sessionIdFrom(new Uint8Array(12));
export const HEARTBEAT = 30_000;
export const WELCOME = {
  type: "welcome",
  version: 1,
  peer: SELF,
  region: "CZ",
  heartbeatMs: HEARTBEAT,
} as const;
export const swarm = (number: number): SwarmId => swarmIdFrom(new Uint8Array(32).fill(number));

/** One socket, as the tracker's end sees it. */
class Socket {
  readonly url: string;
  readonly listener: TrackerListener;
  readonly heard: ClientMessage[] = [];
  closed = false;
  constructor(url: string, listener: TrackerListener) {
    this.url = url;
    this.listener = listener;
  }
  send(text: string): void {
    const parsed = parseClientMessage(text);
    if (!parsed.ok) throw new Error(`a tracker would refuse this: ${parsed.detail}`);
    this.heard.push(parsed.message);
  }
  close(): void {
    this.closed = true;
  }
  say(message: TrackerMessage): void {
    this.listener.text(JSON.stringify(message));
  }
  types(): string[] {
    return this.heard.map(({ type }) => type);
  }
  of<T extends ClientMessage["type"]>(type: T): Extract<ClientMessage, { type: T }>[] {
    return this.heard.filter(
      (one): one is Extract<ClientMessage, { type: T }> => one.type === type,
    );
  }
}

export class Play {
  readonly stage = new Stage();
  readonly sockets: Socket[] = [];
  readonly states: TrackerState[] = [];
  readonly heard: unknown[] = [];
  wanted = 5;
  purges: PurgesKnown | null = null;
  /** What the next roll of the dice shows; `null`: seeded dice. */
  roll: number | null = null;
  readonly discovery: Discovery;

  constructor(settings: Partial<Pick<DiscoveryNeeds, "region" | "token">> = {}, seed = "dice") {
    const random = new SimRandom(seed);
    const hear = (what: string) => (message: unknown) => this.heard.push([what, message]);
    this.discovery = new Discovery({
      clock: this.stage.clock,
      random: { bytes: (count) => random.bytes(count), unit: () => this.roll ?? random.unit() },
      connector: {
        connect: (url, listener) => {
          const socket = new Socket(url, listener);
          this.sockets.push(socket);
          return socket;
        },
      },
      url: URL,
      region: null,
      token: null,
      ...settings,
      wanted: () => this.wanted,
      purges: () => this.purges,
      listener: {
        changed: (state) => this.states.push(state),
        welcomed: ({ peer, region }, servers) =>
          this.heard.push(["welcomed", peer, region, ...servers]),
        announced: hear("announced"),
        introduced: hear("introduced"),
        signalled: hear("signalled"),
        purged: hear("purged"),
        gone: hear("gone"),
        refused: (code, detail) => this.heard.push(["refused", code, detail]),
      },
    });
  }
  get socket(): Socket {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error("nobody has connected");
    return last;
  }
  /** Joined, with the greeting out of the way. */
  static async joined(): Promise<Play> {
    const play = new Play();
    play.discovery.start();
    play.greet();
    await turns();
    return play;
  }
  greet(): void {
    this.socket.listener.open();
    this.socket.say(WELCOME);
  }
  /** How long it takes until there is another socket. */
  async untilNext(most = 60_000): Promise<number> {
    const from = this.stage.now;
    const before = this.sockets.length;
    while (this.sockets.length === before) {
      if (this.stage.now - from > most) throw new Error("it does not come back");
      if (!(await this.stage.timeline.step())) throw new Error("nothing more will happen");
    }
    return this.stage.now - from;
  }
}
