// Finding peers: keeps one connection to the tracker, joins swarms on it, and carries signals. Losing the tracker
// loses only discovery; coming back is full-jitter back-off, so that a restart is not followed by a stampede.

import { base64url } from "../../../tracker/protocol/bytes.ts";
import {
  type PeerId,
  SECRET_BYTES,
  type SessionId,
  type SwarmId,
} from "../../../tracker/protocol/ids.ts";
import {
  type ByteReport,
  type ClientMessage,
  type Holding,
  MAX_SWARMS_PER_MESSAGE,
  PROTOCOL_VERSION,
  parseTrackerMessage,
  type Servers,
  type Signal,
  type TrackerMessage,
} from "../../../tracker/protocol/messages.ts";
import type { PurgeRecord, PurgesKnown } from "../../../tracker/protocol/purge.ts";
import type { Clock, IceServer, Random, TrackerConnector, TrackerLink } from "../ports.ts";
import type { Cancel, Millis } from "../vocabulary.ts";

/** Full jitter over this, doubled with each failure; the cap keeps a restarted tracker's clients back within 15 s. */
const FIRST_BACKOFF: Millis = 500;
const LONGEST_BACKOFF: Millis = 10_000;
/** A connection that says nothing for this long after we spoke is dead, whatever the socket thinks. */
const ANSWER_PATIENCE: Millis = 10_000;
/** Joined at once; the least recently wanted is left first. The tracker allows 64. */
const MAX_JOINED = 48;

export type TrackerState = "connected" | "connecting" | "unreachable" | "off";

export interface DiscoveryNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly connector: TrackerConnector;
  readonly url: string;
  readonly region: string | null;
  readonly token: string | null;
  /** How many more links this peer would like now. */
  wanted(): number;
  /** What is known of purges, so that only news of them comes. */
  purges(): PurgesKnown | null;
  readonly listener: DiscoveryListener;
}
export interface DiscoveryListener {
  changed(state: TrackerState): void;
  /** The tracker knows us under this id now. */
  welcomed(message: TrackerMessage & { type: "welcome" }, servers: readonly IceServer[]): void;
  purged(records: readonly PurgeRecord[]): void;
  announced(message: TrackerMessage & { type: "announced" }): void;
  introduced(message: TrackerMessage & { type: "introduce" }): void;
  signalled(message: TrackerMessage & { type: "signal" }): void;
  gone(session: SessionId): void;
  /** The tracker does not want us, and asking again would not help. */
  refused(code: string, detail: string): void;
}

type Connection =
  | { readonly at: "off" }
  | { readonly at: "waiting"; readonly cancel: Cancel }
  | { readonly at: "connecting" | "greeting" | "joined"; readonly link: TrackerLink };

export class Discovery {
  readonly #needs: DiscoveryNeeds;
  /** Proves the peer id; new with every visit, so that a peer cannot be followed from one to the next. */
  readonly secret: string;
  #connection: Connection = { at: "off" };
  #failures = 0;
  #startedAt: Millis = 0;
  #everJoined = false;
  /** Joined swarms, least recently wanted first. */
  readonly #swarms = new Map<SwarmId, Holding>();
  readonly #unannounced = new Set<SwarmId>();
  #scheduled = false;
  #again: Cancel | null = null;
  #heartbeat: Cancel | null = null;
  #patience: Cancel | null = null;

  constructor(needs: DiscoveryNeeds) {
    this.#needs = needs;
    this.secret = base64url(needs.random.bytes(SECRET_BYTES));
  }

  get state(): TrackerState {
    switch (this.#connection.at) {
      case "off":
        return "off";
      case "joined":
        return "connected";
      default:
        return this.#failures === 0 ? "connecting" : "unreachable";
    }
  }

  /** When it was last begun to look for the tracker. */
  get startedAt(): Millis {
    return this.#startedAt;
  }

  start(): void {
    if (this.#connection.at !== "off") return;
    this.#startedAt = this.#needs.clock.now();
    this.#connect();
  }

  stop(): void {
    if (this.#connection.at === "off") return;
    this.#leave();
    this.#failures = 0;
    this.#become({ at: "off" });
  }

  /** Joins a swarm, or says that more or less of it is held now. Announced together with others of this turn. */
  join(swarm: SwarmId, holding: Holding): void {
    const before = this.#swarms.get(swarm);
    this.#swarms.delete(swarm);
    this.#swarms.set(swarm, holding);
    for (const oldest of this.#swarms.keys()) {
      if (this.#swarms.size <= MAX_JOINED) break;
      this.#swarms.delete(oldest);
      this.#unannounced.delete(oldest);
      this.#send({ type: "leave", swarms: [oldest] });
    }
    if (before === holding) return;
    this.#unannounced.add(swarm);
    this.#announceSoon();
  }

  joined(swarm: SwarmId): boolean {
    return this.#swarms.has(swarm);
  }

  /** Asks for introductions in every joined swarm, most recently wanted first. */
  widen(): void {
    for (const swarm of [...this.#swarms.keys()].slice(-MAX_SWARMS_PER_MESSAGE)) {
      this.#unannounced.add(swarm);
    }
    this.#announceSoon();
  }

  signal(to: PeerId, session: SessionId, signal: Signal): void {
    this.#send({ type: "signal", to, session, signal });
  }
  ended(session: SessionId, outcome: "linked" | "failed" | "declined"): void {
    this.#send({ type: "ended", session, outcome });
  }
  report(bytes: ByteReport, poisoned: readonly PeerId[]): boolean {
    return this.#send({ type: "report", bytes, poisoned });
  }

  #connect(): void {
    const link = this.#needs.connector.connect(this.#needs.url, {
      open: () => {
        this.#become({ at: "greeting", link });
        const { region, token } = this.#needs;
        const purges = this.#needs.purges();
        this.#tell(link, {
          type: "hello",
          version: PROTOCOL_VERSION,
          secret: this.secret,
          ...(region === null ? {} : { region }),
          ...(token === null ? {} : { token }),
          ...(purges === null ? {} : { purges }),
        });
        // It may be another tracker, or one that has forgotten everything. Said with the greeting, which saves a round trip.
        for (const swarm of this.#swarms.keys()) this.#unannounced.add(swarm);
        this.#announce();
      },
      text: (text) => this.#heard(text),
      closed: () => this.#lost(),
    });
    this.#become({ at: "connecting", link });
    this.#expectAnswer();
  }

  #heard(text: string): void {
    this.#patience?.();
    this.#patience = null;
    const parsed = parseTrackerMessage(text);
    // A newer tracker may say things we do not know; they are no reason to leave it.
    if (!parsed.ok) return;
    const { message } = parsed;
    const { listener } = this.#needs;
    switch (message.type) {
      case "welcome":
        return this.#welcomed(message);
      case "announced":
        this.#again?.();
        this.#again = this.#needs.clock.after(message.againMs, () => this.widen());
        return listener.announced(message);
      case "introduce":
        return listener.introduced(message);
      case "signal":
        return listener.signalled(message);
      case "gone":
        return listener.gone(message.session);
      case "purged":
        return listener.purged(message.records);
      case "refused":
        return this.#refused(message);
      case "bye": {
        const spread = 0.5 + this.#needs.random.unit() / 2;
        return this.#retry(message.retryAfterMs * spread);
      }
      case "pong":
        return;
    }
  }

  #welcomed(message: TrackerMessage & { type: "welcome" }): void {
    const connection = this.#connection;
    if (connection.at !== "greeting") return;
    this.#failures = 0;
    this.#everJoined = true;
    this.#become({ at: "joined", link: connection.link });
    this.#needs.listener.welcomed(message, serversOf(message, this.#needs.url));
    this.#beat(message.heartbeatMs);
  }

  #refused(message: TrackerMessage & { type: "refused" }): void {
    const { code, detail } = message;
    if (code !== "version" && code !== "token" && code !== "replaced") return;
    this.stop();
    this.#needs.listener.refused(code, detail);
  }

  #beat(every: Millis): void {
    this.#heartbeat?.();
    this.#heartbeat = this.#needs.clock.after(every, () => {
      this.#send({ type: "ping" });
      this.#expectAnswer();
      this.#beat(every);
    });
  }

  #expectAnswer(): void {
    this.#patience ??= this.#needs.clock.after(ANSWER_PATIENCE, () => {
      this.#patience = null;
      this.#lost();
    });
  }

  #announceSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    void Promise.resolve().then(() => {
      this.#scheduled = false;
      this.#announce();
    });
  }

  #announce(): void {
    if (this.#heardBy === null) return;
    const swarms = [...this.#unannounced].flatMap((swarm) => {
      const holding = this.#swarms.get(swarm);
      return holding === undefined ? [] : [{ swarm, holding }];
    });
    this.#unannounced.clear();
    for (let at = 0; at < swarms.length; at += MAX_SWARMS_PER_MESSAGE) {
      const some = swarms.slice(at, at + MAX_SWARMS_PER_MESSAGE);
      this.#send({ type: "announce", swarms: some, want: this.#needs.wanted() });
    }
    if (swarms.length > 0) this.#expectAnswer();
  }

  /** The tracker, from our greeting on. */
  get #heardBy(): TrackerLink | null {
    const { at } = this.#connection;
    return at === "greeting" || at === "joined" ? this.#connection.link : null;
  }
  #send(message: ClientMessage): boolean {
    const tracker = this.#heardBy;
    if (tracker === null) return false;
    this.#tell(tracker, message);
    return true;
  }
  #tell(link: TrackerLink, message: ClientMessage): void {
    link.send(JSON.stringify(message));
  }

  #lost(): void {
    this.#failures++;
    const most = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** Math.min(this.#failures - 1, 10));
    // A first failure after a good connection is often a restart: everybody else lost it in the same moment.
    const least = this.#everJoined && this.#failures === 1 ? 100 : 0;
    this.#retry(least + this.#needs.random.unit() * most);
  }

  #retry(delay: Millis): void {
    this.#leave();
    this.#failures = Math.max(1, this.#failures);
    this.#become({ at: "waiting", cancel: this.#needs.clock.after(delay, () => this.#connect()) });
  }

  /** Frees the connection or the wait for one. */
  #leave(): void {
    if (this.#connection.at === "waiting") this.#connection.cancel();
    else if (this.#connection.at !== "off") this.#connection.link.close();
    for (const timer of [this.#again, this.#heartbeat, this.#patience]) timer?.();
    this.#again = null;
    this.#heartbeat = null;
    this.#patience = null;
  }

  #become(connection: Connection): void {
    const before = this.state;
    this.#connection = connection;
    if (this.state !== before) this.#needs.listener.changed(this.state);
  }
}

/** The tracker does not know under which name it is reached; its URL does. */
function serversOf({ stunPort, turn }: Servers, url: string): IceServer[] {
  const host = /^wss?:\/\/(?:[^/?#@]*@)?(\[[^\]]+\]|[^:/?#]+)/.exec(url)?.[1];
  const servers: IceServer[] = [];
  if (stunPort !== undefined && host !== undefined)
    servers.push({ urls: [`stun:${host}:${stunPort}`] });
  if (turn !== undefined) servers.push(turn);
  return servers;
}
