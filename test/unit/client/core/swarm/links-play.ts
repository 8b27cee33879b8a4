// The links of one peer, made over a transport whose far ends the test plays: it says when a channel opens, who
// answers, and with what.

import { Bitfield } from "../../../../../client/core/cache/bitfield.ts";
import type { Link, LinkListener } from "../../../../../client/core/ports.ts";
import { Links } from "../../../../../client/core/swarm/links.ts";
import type { RemotePeer } from "../../../../../client/core/swarm/remote-peer.ts";
import { UploadSlots } from "../../../../../client/core/swarm/slots.ts";
import { UploadAllowance } from "../../../../../client/core/swarm/upload.ts";
import { decode, encodeControl } from "../../../../../client/core/wire/codec.ts";
import { type ControlMessage, WIRE_VERSION } from "../../../../../client/core/wire/messages.ts";
import type { Bytes } from "../../../../../tracker/protocol/bytes.ts";
import {
  type Proximity,
  type SessionId,
  sessionIdFrom,
} from "../../../../../tracker/protocol/ids.ts";
import type { Signal } from "../../../../../tracker/protocol/messages.ts";
import { idOf } from "../../../tracker/stage.ts";
import { type Sample, Stage } from "../stage.ts";
import { bytesOf } from "./ends.ts";

const NO_LIMIT = Number.POSITIVE_INFINITY;
export const session = (number: number): SessionId =>
  sessionIdFrom(new Uint8Array(12).fill(number));

/** The far end of one link. */
export class Far implements Link {
  readonly role: string;
  readonly listener: LinkListener;
  readonly accepted: Signal[] = [];
  readonly heard: ControlMessage[] = [];
  closed = false;
  /** Answers to what it is sent. */
  answer: "sent" | "congested" = "sent";
  #sequence = 0;
  #answered: number | null = null;

  constructor(role: string, listener: LinkListener) {
    this.role = role;
    this.listener = listener;
  }
  accept(signal: Signal): void {
    this.accepted.push(signal);
  }
  send(frame: Bytes): "sent" | "congested" | "closed" {
    if (this.closed) return "closed";
    const decoded = decode(frame);
    if (decoded.ok && decoded.frame.type === "control") this.heard.push(decoded.frame.message);
    return this.answer;
  }
  close(): void {
    this.closed = true;
  }
  say(message: ControlMessage): void {
    this.listener.frame(encodeControl(this.#sequence++, message));
  }
  hello(name: string, version = WIRE_VERSION): void {
    this.say({ type: "hello", version, peer: bytesOf(idOf(name)), requests: 32 });
  }
  /** Answers the last ping, once. */
  pong(): void {
    const ping = this.heard.findLast((message) => message.type === "ping");
    if (ping === undefined || ping.nonce === this.#answered) return;
    this.#answered = ping.nonce;
    this.say({ type: "pong", nonce: ping.nonce });
  }
  count(type: ControlMessage["type"]): number {
    return this.heard.filter((message) => message.type === type).length;
  }
}

export class LinksPlay {
  readonly stage: Stage;
  readonly fars: Far[] = [];
  /** What the tracker and the local peer were told. */
  readonly told: string[] = [];
  readonly signals: unknown[] = [];
  readonly links: Links;
  attempts = 0;
  /** The one content that is held here, whole. */
  held: Sample | null = null;
  /** Something is wanted here that more peers may have. */
  searching = false;

  constructor(stage = new Stage()) {
    this.stage = stage;
    const { clock } = stage;
    this.links = new Links({
      clock,
      transport: {
        use: () => {},
        open: (role, listener) => {
          const far = new Far(role, listener);
          this.fars.push(far);
          return far;
        },
      },
      self: () => bytesOf(idOf("self")),
      peer: {
        allowance: new UploadAllowance(clock, { session: NO_LIMIT, perSecond: NO_LIMIT }),
        slots: new UploadSlots(clock),
        read: async (_content, index) => this.held?.chunk(index),
        holding: () => this.#field,
        pending: () => [],
        statement: async () => undefined,
      },
      searching: () => this.searching,
      signal: (...signal) => this.signals.push(signal),
      ended: (id, outcome) => this.told.push(`${outcome} ${this.#nameOf(id)}`),
      listener: {
        ready: () => this.told.push("ready"),
        changed: () => {},
        received: () => {},
        refused: () => {},
        wasted: () => {},
        left: (_peer, reason) => this.told.push(`left ${reason}`),
        violated: (_peer, kind) => this.told.push(`violated ${kind}`),
        rotated: () => this.told.push("rotated"),
        attempted: () => this.attempts++,
      },
    });
  }
  get #field(): Bitfield | undefined {
    if (this.held === null) return undefined;
    const field = new Bitfield(this.held.content.chunkCount);
    for (let index = 0; index < field.count; index++) field.set(index);
    return field;
  }
  readonly #sessions = new Map<SessionId, number>();
  #nameOf(id: SessionId): string {
    return `${this.#sessions.get(id) ?? "unknown"}`;
  }

  /** The tracker introduces somebody; the far end of the link, if one is made. */
  introduce(name: string, number = this.#sessions.size, proximity: Proximity = "country"): Far {
    const id = session(number);
    this.#sessions.set(id, number);
    this.links.introduced({
      type: "introduce",
      peer: idOf(name),
      session: id,
      role: "offerer",
      proximity,
    });
    const far = this.fars.at(-1);
    if (far === undefined) throw new Error("no link was made");
    return far;
  }
  /** A link to somebody, up and greeted. */
  link(name: string, proximity?: Proximity): Far {
    const far = this.introduce(name, undefined, proximity);
    far.listener.open();
    far.hello(name);
    far.pong();
    return far;
  }
  /** Lets time pass while the far ends answer their pings. */
  async pass(millis: number): Promise<void> {
    for (let passed = 0; passed < millis; passed += 1000) {
      await this.stage.pass(1000);
      for (const far of this.fars) if (!far.closed) far.pong();
    }
  }
  peer(name: string): RemotePeer {
    const peer = this.links.get(idOf(name));
    if (peer === undefined) throw new Error(`${name} is not linked`);
    return peer;
  }
}
