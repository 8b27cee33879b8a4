// A stage for the tracker core: objects as connections, a clock that is told the time, dice with a seed, and every
// message kept. What the tests say to the tracker goes through its real parser.

import type { Household } from "../../../tracker/household.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../tracker/limits.ts";
import { base64url, utf8 } from "../../../tracker/protocol/bytes.ts";
import {
  type PeerId,
  peerIdFrom,
  SECRET_BYTES,
  SWARM_ID_BYTES,
  type SwarmId,
  swarmIdFrom,
} from "../../../tracker/protocol/ids.ts";
import {
  type ClientMessage,
  type Holding,
  PROTOCOL_VERSION,
  type TrackerMessage,
} from "../../../tracker/protocol/messages.ts";
import type { Place } from "../../../tracker/region/where.ts";
import { Tracker } from "../../../tracker/tracker.ts";

/** mulberry32: small, seeded, good enough to be fair. */
export function dice(seed: number): {
  unit(): number;
  bytes(count: number): Uint8Array<ArrayBuffer>;
} {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { unit, bytes: (count) => new Uint8Array(count).map(() => Math.floor(unit() * 256)) };
}

function padded(name: string, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  bytes.set(utf8(name).subarray(0, length));
  return bytes;
}
export const swarm = (name: string): SwarmId => swarmIdFrom(padded(name, SWARM_ID_BYTES));
export const secretOf = (name: string): string => base64url(padded(name, SECRET_BYTES));
/** On the stage a secret is its own hash. */
export const idOf = (name: string): PeerId => peerIdFrom(padded(name, SECRET_BYTES));

export const OFFER = { kind: "offer", sdp: "v=0\r\n" } as const;
export const SITE = "https://site.example";
export const CZ: Place = { networks: [], country: "CZ", continent: "EU", label: "CZ" };

type Of<Type extends TrackerMessage["type"]> = Extract<TrackerMessage, { type: Type }>;

/** A connection, and what it was sent. */
export class Actor {
  readonly heard: TrackerMessage[] = [];
  dropped: string | undefined;
  readonly #stage: Stage;
  readonly name: string;

  constructor(stage: Stage, name: string) {
    this.#stage = stage;
    this.name = name;
  }

  get id(): PeerId {
    return idOf(this.name);
  }

  say(message: ClientMessage): this {
    return this.sayText(JSON.stringify(message));
  }
  sayText(text: string): this {
    this.#stage.tracker.receive(this, text);
    return this;
  }
  hello(region?: string): this {
    const secret = secretOf(this.name);
    const refined = region === undefined ? {} : { region };
    return this.say({ type: "hello", version: PROTOCOL_VERSION, secret, ...refined });
  }
  announce(want: number, holdings: Readonly<Record<string, Holding>>): this {
    const swarms = Object.entries(holdings).map(([name, holding]) => ({
      swarm: swarm(name),
      holding,
    }));
    return this.say({ type: "announce", swarms, want });
  }
  leave(): void {
    this.#stage.tracker.left(this);
  }

  all<Type extends TrackerMessage["type"]>(type: Type): Of<Type>[] {
    return this.heard.filter((message): message is Of<Type> => message.type === type);
  }
  /** The latest of its type; fails the test when there is none. */
  last<Type extends TrackerMessage["type"]>(type: Type): Of<Type> {
    const message = this.all(type).at(-1);
    if (message === undefined) throw new Error(`${this.name} heard no ${type}`);
    return message;
  }
  met(): PeerId[] {
    return this.all("introduce").map(({ peer }) => peer);
  }
  refusals(): string[] {
    return this.all("refused").map(({ code }) => code);
  }
}

export class Stage {
  now = 0;
  readonly tracker: Tracker<Actor>;

  constructor(
    limits: Partial<Limits> = {},
    seed = 1,
    lacks?: (token: string | undefined, site: string) => string | undefined,
  ) {
    this.tracker = new Tracker<Actor>({
      limits: { ...DEFAULT_LIMITS, ...limits },
      clock: { now: () => this.now },
      random: dice(seed),
      outbox: {
        send: (actor, message) => void actor.heard.push(message),
        drop: (actor, reason) => {
          actor.dropped = reason;
        },
      },
      peerIdOf: (secret) => {
        const found = this.#ids.get(secret);
        if (found === undefined) throw new Error("only actors' secrets are used here");
        return found;
      },
      ...(lacks === undefined ? {} : { lacks }),
    });
  }
  readonly #ids = new Map<string, PeerId>();

  arrives(name: string, place: Place = CZ, site: string = SITE, household?: Household): Actor {
    const actor = new Actor(this, name);
    this.#ids.set(secretOf(name), idOf(name));
    this.tracker.arrived(actor, { ...place, site }, household);
    return actor;
  }
  /** Arrived from the address of others, and welcomed. */
  joins(household: Household, name: string): Actor {
    return this.arrives(name, CZ, SITE, household).hello();
  }
  /** Arrived and welcomed. */
  enters(name: string, place: Place = CZ, site: string = SITE): Actor {
    return this.arrives(name, place, site).hello();
  }
  passes(milliseconds: number): void {
    this.now += milliseconds;
    this.tracker.sweep();
  }
}

/** Two peers, the second having been introduced to the first. */
export function pair(stage = new Stage()): { stage: Stage; ann: Actor; bob: Actor } {
  const ann = stage.enters("ann").announce(8, { film: "all" });
  const bob = stage.enters("bob").announce(8, { film: "none" });
  return { stage, ann, bob };
}
