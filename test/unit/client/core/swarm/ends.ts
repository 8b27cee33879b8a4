// The two sides of a link for tests of the wire protocol: a real end with its books open, and the pipe between two of
// them that delivers every frame, in whatever order the dice say.

import { Bitfield } from "../../../../../client/core/cache/bitfield.ts";
import type { Clock } from "../../../../../client/core/ports.ts";
import { RemotePeer } from "../../../../../client/core/swarm/remote-peer.ts";
import { UploadSlots } from "../../../../../client/core/swarm/slots.ts";
import { UploadAllowance } from "../../../../../client/core/swarm/upload.ts";
import type { ContentId } from "../../../../../client/core/vocabulary.ts";
import { decode } from "../../../../../client/core/wire/codec.ts";
import type { ControlMessage } from "../../../../../client/core/wire/messages.ts";
import { type Bytes, base64url, fromBase64url } from "../../../../../tracker/protocol/bytes.ts";
import type { PeerId } from "../../../../../tracker/protocol/ids.ts";
import { idOf } from "../../../tracker/stage.ts";
import { type Sample, turns } from "../stage.ts";

export const bytesOf = (peer: PeerId): Bytes => fromBase64url(peer) ?? new Uint8Array(0);
const NO_LIMIT = Number.POSITIVE_INFINITY;

/** One end: what it holds, what it sends, and what its remote peer tells it. */
export class End {
  readonly name: string;
  readonly remote: RemotePeer;
  readonly held = new Map<ContentId, Bitfield>();
  /** What it reads from the origin, of any content. */
  pending: readonly number[] = [];
  /** By the digest of their URL. */
  readonly statements = new Map<string, Bytes>();
  readonly bodies = new Map<ContentId, Sample>();
  readonly received: { readonly content: ContentId; readonly index: number; bytes: Bytes }[] = [];
  readonly refused: number[] = [];
  readonly endings: unknown[] = [];
  wasted = 0;
  readies = 0;
  changes = 0;
  closings = 0;
  readonly allowance: UploadAllowance;
  readonly slots: UploadSlots;
  /** Its link takes one data frame at a time. */
  congests = false;
  /** Where frames go; kept until somebody takes them. */
  out: (frame: Bytes) => void;
  readonly unsent: Bytes[] = [];

  constructor(name: string, far: string, clock: Clock) {
    this.name = name;
    this.out = (frame) => this.unsent.push(frame);
    this.allowance = new UploadAllowance(clock, { session: NO_LIMIT, perSecond: NO_LIMIT });
    this.slots = new UploadSlots(clock);
    const holds = (content: ContentId, index: number): boolean =>
      this.held.get(content)?.has(index) === true;
    this.remote = new RemotePeer({
      clock,
      link: {
        accept: () => {},
        send: (frame) => {
          this.out(frame.slice());
          return this.congests && frame[0] === 0 ? "congested" : "sent";
        },
        close: () => {
          this.closings++;
        },
      },
      self: bytesOf(idOf(name)),
      peer: idOf(far),
      peerBytes: bytesOf(idOf(far)),
      proximity: "world",
      allowance: this.allowance,
      slots: this.slots,
      read: async (content, index) =>
        holds(content, index) ? this.bodies.get(content)?.chunk(index) : undefined,
      holding: (content) => this.held.get(content),
      pending: () => this.pending,
      statement: async (url) => this.statements.get(base64url(url)),
      listener: {
        ready: () => this.readies++,
        changed: () => this.changes++,
        received: (_peer, content, index, bytes) => this.received.push({ content, index, bytes }),
        refused: (_peer, _content, index) => this.refused.push(index),
        wasted: (bytes) => {
          this.wasted += bytes;
        },
        ended: (_peer, how) => this.endings.push(how),
      },
    });
  }

  /** Holds these chunks of a content; none is an asset that is known and not there. */
  hold(one: Sample, ...indices: readonly number[]): void {
    const { id, chunkCount } = one.content;
    const field = this.held.get(id) ?? new Bitfield(chunkCount);
    this.held.set(id, field);
    this.bodies.set(id, one);
    for (const index of indices) field.set(index);
  }

  /** The control messages it said and nobody has taken yet. */
  said(): ControlMessage[] {
    return this.unsent.splice(0).flatMap((frame) => {
      const decoded = decode(frame);
      return decoded.ok && decoded.frame.type === "control" ? [decoded.frame.message] : [];
    });
  }
}

/** Two ends and the frames between them. */
export class Pipe {
  readonly one: End;
  readonly other: End;
  readonly #underWay: { readonly from: End; readonly to: End; readonly frame: Bytes }[] = [];
  readonly #pick: (count: number) => number;

  /** `pick`: which of so many frames is delivered next. */
  constructor(clock: Clock, pick: (count: number) => number) {
    this.#pick = pick;
    this.one = new End("one", "other", clock);
    this.other = new End("other", "one", clock);
    for (const [from, to] of [
      [this.one, this.other],
      [this.other, this.one],
    ] as const) {
      from.out = (frame) => this.#underWay.push({ from, to, frame });
      for (const frame of from.unsent.splice(0)) from.out(frame);
    }
  }
  get ends(): readonly [End, End] {
    return [this.one, this.other];
  }

  async deliver(most = Number.POSITIVE_INFINITY): Promise<void> {
    for (let count = 0; count < most; count++) {
      await Promise.resolve();
      if (this.#underWay.length === 0) await turns();
      const [next] = this.#underWay.splice(this.#pick(this.#underWay.length), 1);
      if (next === undefined) return;
      next.to.remote.frame(next.frame);
      if (next.frame[0] === 0) next.from.remote.drain();
    }
  }
}
