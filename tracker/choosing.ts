// Among whom is chosen: this node's own peers, or, with other nodes beside it, a sample of everybody. Owns the roster
// of the node and tells the cluster what changes in it. Chooses by `introduce`, whoever is to choose from.

import type { Cluster, Sample, Stranger } from "./cluster/cluster.ts";
import { introduce } from "./introduce.ts";
import type { Limits } from "./limits.ts";
import type { Peer } from "./peer.ts";
import type { PeerId, Proximity } from "./protocol/ids.ts";
import { mayMeet, type Place } from "./region/where.ts";
import { MemoryRoster } from "./roster/memory.ts";
import type { Placed, Roster } from "./roster/roster.ts";

export interface ChoosingNeeds<Connection> {
  readonly limits: Limits;
  readonly random: { unit(): number };
  /** Left out: this node is alone. */
  readonly cluster?: Cluster | undefined;
  now(): number;
  /** A peer of this node. */
  peer(id: PeerId): Peer<Connection> | undefined;
}

/** One side of a session: a peer of this node, or of another. */
export type Side<Connection> = Peer<Connection> | Stranger;

export interface Pick<Connection> {
  readonly side: Side<Connection>;
  readonly proximity: Proximity;
}
export interface Choice<Connection> {
  readonly picks: readonly Pick<Connection>[];
  /** Nobody is linked with the peer or about to be. */
  readonly alone: boolean;
  /** Of each swarm that was asked about: the others in it. */
  readonly counts: ReadonlyMap<string, { readonly peers: number; readonly holders: number }>;
}

interface Candidate<Connection> extends Placed {
  readonly side: Side<Connection>;
  readonly region: Place["region"];
}

export class Choosing<Connection extends object> {
  readonly #needs: ChoosingNeeds<Connection>;
  readonly #roster = new MemoryRoster<Peer<Connection>>();

  constructor(needs: ChoosingNeeds<Connection>) {
    this.#needs = needs;
  }

  get swarms(): number {
    return this.#roster.swarms;
  }

  /** Brings the roster in line with what the peer holds and takes. */
  seat(peer: Peer<Connection>, now: number): void {
    const room = peer.room(now);
    let changed = false;
    for (const [key, holding] of peer.swarms) {
      const standing = { seed: holding === "all", holds: holding !== "none", room };
      if (this.#roster.seat(key, peer, standing)) changed = true;
    }
    if (changed) this.#needs.cluster?.changed(peer.id);
  }

  /** `keys`: by default all of its swarms. The peer's levels must be those it was seated with. */
  leave(peer: Peer<Connection>, keys: Iterable<string> = peer.swarms.keys()): void {
    for (const key of keys) this.#roster.leave(key, peer);
    this.#needs.cluster?.changed(peer.id);
  }

  /** Answers at once when this node is alone, else when the others have; not at all if the peer has left by then. */
  choose(
    peer: Peer<Connection>,
    keys: readonly string[],
    then: (choice: Choice<Connection>) => void,
  ): void {
    const { cluster, now } = this.#needs;
    if (cluster === undefined) {
      then(this.#amongOwn(peer, keys));
      return;
    }
    const wish = {
      peer: peer.id,
      levels: peer.levels,
      swarms: seedings(peer, keys),
      want: wantOf(peer, now()),
      alone: linksOf(peer, now()) === 0,
    };
    cluster.draw(wish, (sample) => {
      if (!peer.present) return;
      then(sample === undefined ? this.#amongOwn(peer, keys) : this.#amongAll(peer, keys, sample));
    });
  }

  #amongOwn(peer: Peer<Connection>, keys: readonly string[]): Choice<Connection> {
    const counts = new Map(
      keys.map((key) => {
        const count = { peers: this.#roster.count(key), holders: this.#roster.holders(key) };
        return [key, others(peer, key, count)];
      }),
    );
    const picks = this.#introduce(peer, keys, peer, this.#roster, (other) =>
      this.#suits(peer, other, other.guest.where.region),
    );
    const named = picks.map(({ member, proximity }) => ({ side: member, proximity }));
    return { picks: named, counts, alone: linksOf(peer, this.#needs.now()) === 0 };
  }

  #amongAll(
    peer: Peer<Connection>,
    keys: readonly string[],
    { counts, levels, members }: Sample,
  ): Choice<Connection> {
    const roster = new MemoryRoster<Candidate<Connection>>();
    const now = this.#needs.now();
    for (const { id, node, card } of members) {
      const isOwn = node === this.#needs.cluster?.node;
      const own = isOwn ? this.#needs.peer(id) : undefined;
      if (own === peer || (isOwn && own === undefined)) continue;
      const side = own ?? { id, node };
      const candidate = { side, levels: card.levels, region: card.region };
      // Of its own peers a node knows better than any card.
      const room = own?.room(now) ?? card.room;
      for (const key of keys) {
        const holding = card.swarms.get(key);
        if (holding === undefined) continue;
        roster.seat(key, candidate, { seed: holding === "all", holds: holding !== "none", room });
      }
    }
    const self: Candidate<Connection> = { side: peer, levels, region: undefined };
    const picks = this.#introduce(peer, keys, self, roster, ({ side, region }) =>
      this.#suits(peer, side, region),
    );
    const none = { peers: 0, holders: 0 };
    return {
      picks: picks.map(({ member, proximity }) => ({ side: member.side, proximity })),
      counts: new Map(keys.map((key, at) => [key, others(peer, key, counts[at] ?? none)])),
      alone: linksOf(peer, now) === 0,
    };
  }

  #introduce<Member extends Placed>(
    peer: Peer<Connection>,
    keys: readonly string[],
    self: Member,
    roster: Roster<Member>,
    suits: (other: Member) => boolean,
  ) {
    const { limits, random, now } = this.#needs;
    const want = wantOf(peer, now());
    // It may have left some of them while the others were asked.
    const swarms = seedings(peer, keys);
    if (want === 0 || swarms.length === 0) return [];
    const links = linksOf(peer, now());
    // Never none, or the last to arrive in a settled swarm would stay a little poorer than the rest for good.
    const spare = Math.max(1, limits.newcomerLinks - links);
    return introduce({ self, swarms, want, spare, alone: links === 0, roster, suits }, random);
  }

  #suits(peer: Peer<Connection>, other: Side<Connection>, region: Place["region"]): boolean {
    const now = this.#needs.now();
    return (
      mayMeet(peer.guest.where, { region }) &&
      !peer.sessions.has(other.id) &&
      !peer.known.has(other.id, now) &&
      // A stranger's node looks after that.
      !("known" in other && other.known.has(peer.id, now))
    );
  }
}

const wantOf = <Connection>(peer: Peer<Connection>, now: number): number =>
  Math.min(peer.wanting, peer.capacity(now));
const linksOf = <Connection>(peer: Peer<Connection>, now: number): number =>
  peer.sessions.size + peer.known.linked(now).length;

function seedings<Connection>(peer: Peer<Connection>, keys: readonly string[]) {
  return keys
    .filter((key) => peer.swarms.has(key))
    .map((key) => ({ key, seed: peer.swarms.get(key) === "all" }));
}

/** Without the peer itself. Counts from elsewhere may be a moment old. */
function others<Connection>(
  peer: Peer<Connection>,
  key: string,
  count: { readonly peers: number; readonly holders: number },
) {
  const peers = Math.max(0, count.peers - 1);
  const itself = (peer.swarms.get(key) ?? "none") === "none" ? 0 : 1;
  return { peers, holders: Math.min(peers, Math.max(0, count.holders - itself)) };
}
