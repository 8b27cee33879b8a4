// The cluster over Redis: cards in sets that scripts keep and draw from, letters by one pub/sub channel a node, and a
// lease that says who is alive. Losing Redis costs the other nodes' peers and nothing else: whoever asks is answered
// at once from this node's own, and when Redis is back, be it empty, everything is written again.

import { createHash, randomBytes } from "node:crypto";
import { createClient } from "@redis/client";
import type { Household } from "../household.ts";
import type { Log } from "../log.ts";
import type { PeerId } from "../protocol/ids.ts";
import type { Cluster, ClusterListener, Letter, NodeId, Sample, Wish } from "./cluster.ts";
import { cardText, lettersOf, lettersText, sampleOf } from "./paper.ts";
import { within } from "./patience.ts";
import { redisBoard } from "./redis-board.ts";
import { BEAT, channelOf, DRAW, KEYS, NODES, PURGED, REAP, SEAT } from "./scripts.ts";
import { SharedPurges, type SharedPurgesNeeds } from "./shared-purges.ts";

export interface RedisClusterNeeds {
  readonly url: string;
  readonly listener: ClusterListener;
  readonly log: Log;
  /** What tells households apart; never leaves this process unhashed. */
  nameOf(household: Household): string;
  /** Public half of what this node signs with. All nodes should have the same. */
  readonly key: string;
  /** Left out: nothing is ever purged here. */
  readonly purges?: Pick<SharedPurgesNeeds, "book" | "learned"> | undefined;
}

/** How often a node says that it lives, and for how long an answer is waited: a Redis that hangs is lost within two seconds. */
const BEAT_MS = 1000;
/** Five beats may be missed. Dead nodes' peers are drawn no more after this, and their entries go in the seconds after. */
const LEASE_MS = 6000;
/** Whatever is not written again for so long goes; twice the time in which every card is. */
const CARD_TTL_MS = 300_000;
const REWRITE_MS = 120_000;
/** Cards that one draw may bring: 16 wishes, several times over, or a few of each of many swarms. About 30 KB. */
const MOST_CARDS = 128;
/** Peers a turn when everything is written again or a dead node is cleared: some ten milliseconds of Redis. */
const SLICE = 250;
/** Commands on their way to Redis; more is a Redis that does not keep up, and counts as lost. */
const MOST_COMMANDS = 100_000;
/** Leaving takes a moment a thousand peers; what is left undone then, the others do when the lease has ended. */
const GOODBYE_MS = 2000;
/** At the start, Redis has so long to answer before the node goes on alone. */
const START_PATIENCE_MS = 3000;
/** Whoever purges waits so long to hear that the other nodes can know. */
const SHARE_PATIENCE_MS = 1000;
/** 72 bits: nobody meets in a group that is not theirs by accident. */
const HASH_BYTES = 9;
/** Names of groups that many peers share: countries, networks, the world. */
const MOST_NAMES = 10_000;

type Client = ReturnType<typeof createClient>;

export class RedisCluster implements Cluster {
  readonly node: NodeId = randomBytes(9).toString("base64url");
  readonly #needs: RedisClusterNeeds;
  readonly #commands: Client;
  readonly #mail: Client;
  readonly #purges: SharedPurges | undefined;
  readonly #shas = new Map<string, string>();
  #state: "joining" | "joined" | "alone" | "closed" = "joining";
  /** Those that live, this one among them. */
  #nodes: ReadonlySet<NodeId> = new Set();
  #salt = "";
  readonly #names = new Map<string, string>();
  /** Peers whose cards are to be written, with the next draw or at the end of this turn. */
  readonly #changed = new Set<PeerId>();
  readonly #outgoing = new Map<NodeId, Letter[]>();
  #flushing = false;
  readonly #waiting = new Set<(sample: Sample | undefined) => void>();
  #beating: NodeJS.Timeout | undefined;
  #rewrittenAt = 0;
  #settled: (() => void) | undefined;
  /** Whether it was said that another node signs with another key. */
  #keysDiffer = false;

  constructor(needs: RedisClusterNeeds) {
    this.#needs = needs;
    this.#commands = createClient({
      url: needs.url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: MOST_COMMANDS,
      socket: { connectTimeout: 2000, reconnectStrategy: () => 100 + Math.random() * 400 },
    });
    this.#mail = this.#commands.duplicate();
    for (const client of [this.#commands, this.#mail]) {
      // Its text may name hosts and users; that it happened is what the state says.
      client.on("error", () => this.#lose());
      client.on("reconnecting", () => this.#lose());
      client.on("ready", () => void this.#beat());
    }
    if (needs.purges === undefined) return;
    const board = redisBoard(needs.key, {
      command: (words) => this.#commands.sendCommand(words),
      run: (script, words) => this.#run(script, words),
    });
    this.#purges = new SharedPurges({ ...needs.purges, log: needs.log, board });
  }

  /** Never rejects: without a Redis that answers within some seconds the node begins alone, and joins when it can. */
  async join(): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
    this.#connect();
    const patience = setTimeout(() => this.#settled?.(), START_PATIENCE_MS);
    await settled;
    clearTimeout(patience);
    // Whoever is welcomed by a node that has just started is told what was purged before.
    await this.share();
  }

  /** Gives the other nodes what was purged here, and takes what was there; `false`: not now, but when that is possible. */
  async share(): Promise<boolean> {
    if (this.#state !== "joined" || this.#purges === undefined) return false;
    return within(SHARE_PATIENCE_MS, this.#purges.exchange()).catch(() => false);
  }

  get isJoined(): boolean {
    return this.#state === "joined";
  }
  /** Nodes that live, this one among them; 1 when alone. */
  get nodes(): number {
    return Math.max(1, this.#nodes.size);
  }

  changed(peer: PeerId): void {
    // When alone nothing is noted down: who joins again writes everything.
    if (this.#state !== "joined") return;
    this.#changed.add(peer);
    this.#flushSoon();
  }

  draw(wish: Wish, then: (sample: Sample | undefined) => void): void {
    if (this.#state !== "joined") {
      then(undefined);
      return;
    }
    this.#flush();
    const levels = wish.levels.map(({ key, proximity }) => ({ key: this.#nameOf(key), proximity }));
    const { peer, want, alone, swarms } = wish;
    const words = [this.node, peer, String(want), alone ? "1" : "0", String(MOST_CARDS)];
    words.push(...levels.map(({ key }) => key), "--");
    for (const { key, seed } of swarms) words.push(key, seed ? "1" : "0");
    let isAnswered = false;
    const answer = (sample: Sample | undefined) => {
      if (isAnswered) return;
      isAnswered = true;
      this.#waiting.delete(answer);
      then(sample);
    };
    this.#waiting.add(answer);
    this.#run(DRAW, words).then(
      (reply) => answer(sampleOf(reply, levels)),
      () => answer(undefined),
    );
  }

  send(to: NodeId, letter: Letter): void {
    const letters = this.#outgoing.get(to) ?? [];
    this.#outgoing.set(to, letters);
    letters.push(letter);
    this.#flushSoon();
  }

  alias(household: Household): string {
    return this.#hash(this.#needs.nameOf(household));
  }

  /** Takes leave, so that nobody waits for the lease to end. The listener's peers should have left before. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    const wasJoined = this.#state === "joined";
    this.#flush();
    this.#state = "closed";
    clearInterval(this.#beating);
    this.#answerAlone();
    if (wasJoined) await within(GOODBYE_MS, this.#leave()).catch(() => {});
    for (const client of [this.#commands, this.#mail]) if (client.isOpen) client.destroy();
  }

  async #leave(): Promise<void> {
    await this.#commands.sendCommand(["ZREM", NODES, this.node]);
    // Whoever shares it says so again at once.
    await this.#commands.sendCommand(["ZREM", KEYS, this.#needs.key]);
    await this.#reap(this.node);
  }

  #connect(): void {
    // Both go on trying by themselves; what they meet meanwhile is `error`'s.
    this.#commands.connect().catch(() => {});
    this.#mail
      .connect()
      .then(() => this.#mail.subscribe(channelOf(this.node), (text) => this.#read(text)))
      .then(() => this.#mail.subscribe(PURGED, () => void this.share()))
      .then(() => this.#beat())
      .catch(() => this.#lose());
    this.#beating = setInterval(() => void this.#beat(), BEAT_MS);
    this.#beating.unref();
  }

  /** Says that this node lives; and sees by the answer whether Redis does. */
  async #beat(): Promise<void> {
    if (
      this.#isClosed() ||
      !this.#commands.isReady ||
      !this.#mail.isReady ||
      !this.#mail.isPubSubActive
    )
      return;
    const salt = randomBytes(HASH_BYTES).toString("base64url");
    const words = [this.node, String(LEASE_MS), salt, String(12 * CARD_TTL_MS), this.#needs.key];
    try {
      const reply = await within(BEAT_MS, this.#run(BEAT, words));
      if (this.#isClosed() || !Array.isArray(reply)) return;
      const [unbroken, common, nodes, dead, keys] = reply as unknown[];
      this.#compareKeys(Array.isArray(keys) ? keys : []);
      this.#see(new Set(Array.isArray(nodes) ? nodes.map(String) : []));
      this.#join(String(common), unbroken === 1);
      if (Array.isArray(dead)) for (const node of dead) await this.#reap(String(node));
    } catch {
      this.#lose();
    }
  }

  /** Asked again after every wait. */
  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #compareKeys(keys: readonly unknown[]): void {
    const differ = keys.some((key) => key !== this.#needs.key);
    if (differ && !this.#keysDiffer) {
      const message =
        "Nodes of this Redis sign with different keys, so a purge at one is none at the others: give all the same --key.";
      this.#needs.log("warn", "cluster-keys-differ", { message });
    }
    this.#keysDiffer = differ;
  }

  #join(salt: string, unbroken: boolean): void {
    const isNew = this.#state !== "joined" || !unbroken || salt !== this.#salt;
    if (salt !== this.#salt) this.#names.clear();
    this.#salt = salt;
    if (this.#state !== "joined") {
      this.#state = "joined";
      this.#needs.log("info", "cluster-joined", { nodes: this.nodes });
      this.#settled?.();
    }
    const now = performance.now();
    if (!isNew && now - this.#rewrittenAt < REWRITE_MS) return;
    this.#rewrittenAt = now;
    void this.share();
    void this.#rewrite();
  }

  #see(nodes: ReadonlySet<NodeId>): void {
    const gone = [...this.#nodes].filter((node) => node !== this.node && !nodes.has(node));
    this.#nodes = nodes;
    for (const node of gone) this.#needs.listener.lost(node);
  }

  /** Everything this node knows, in slices: after a loss, and now and then so that nothing expires that is there. */
  async #rewrite(): Promise<void> {
    const peers = [...this.#needs.listener.peers()];
    try {
      for (let at = 0; at < peers.length && this.isJoined; at += SLICE) {
        await Promise.all(peers.slice(at, at + SLICE).map((peer) => this.#seat(peer, true)));
      }
    } catch {
      this.#lose();
    }
  }

  async #reap(node: NodeId): Promise<void> {
    const words = [node, String(SLICE)];
    let forgotten = 0;
    for (;;) {
      const count = Number(await this.#run(REAP, words));
      if (count <= 0) break;
      forgotten += count;
    }
    if (node === this.node) return;
    if (forgotten > 0) this.#needs.log("warn", "node-died", { peers: forgotten });
  }

  #lose(): void {
    if (this.#state === "joined" || this.#state === "joining") {
      const wasJoined = this.#state === "joined";
      this.#state = "alone";
      this.#see(new Set());
      this.#changed.clear();
      const what = wasJoined ? "Redis is lost" : "Redis cannot be reached";
      const message = `${what}; this node goes on with its own peers until it can be.`;
      this.#needs.log("error", "cluster-lost", { message });
    }
    this.#answerAlone();
  }

  #answerAlone(): void {
    for (const answer of [...this.#waiting]) answer(undefined);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    // All that one message changes is one writing.
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    for (const peer of this.#changed) this.#seat(peer, false).catch(() => this.#lose());
    this.#changed.clear();
    for (const [node, letters] of this.#outgoing) this.#post(node, letters);
    this.#outgoing.clear();
  }

  async #seat(peer: PeerId, again: boolean): Promise<void> {
    const card = this.#needs.listener.card(peer);
    const text = card === undefined ? "" : cardText(card, this.node, (key) => this.#nameOf(key));
    const words = [this.node, peer, text, String(CARD_TTL_MS), again ? "1" : "0"];
    const former = await this.#run(SEAT, words);
    if (typeof former === "string") this.send(former, { type: "replaced", peer });
  }

  #post(to: NodeId, letters: readonly Letter[]): void {
    const undelivered = () => {
      for (const letter of letters) {
        if (letter.type !== "introduce") continue;
        const { session } = letter;
        this.#needs.listener.heard(to, { type: "ended", session, outcome: "refused" });
      }
    };
    if (this.#state !== "joined") {
      undelivered();
      return;
    }
    this.#commands.publish(channelOf(to), lettersText(this.node, letters)).then((readers) => {
      if (readers === 0) undelivered();
    }, undelivered);
  }

  #read(text: string): void {
    const { from, letters } = lettersOf(text);
    for (const letter of letters) this.#needs.listener.heard(from, letter);
  }

  async #run(script: string, words: readonly string[]): Promise<unknown> {
    let sha = this.#shas.get(script);
    if (sha === undefined) {
      sha = createHash("sha1").update(script).digest("hex");
      this.#shas.set(script, sha);
    }
    try {
      return await this.#commands.sendCommand(["EVALSHA", sha, "0", ...words]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return this.#commands.sendCommand(["EVAL", script, "0", ...words]);
    }
  }

  /** What a group is called among nodes: an address is nobody's to read in Redis. */
  #nameOf(group: string): string {
    const known = this.#names.get(group);
    if (known !== undefined) return known;
    if (this.#names.size >= MOST_NAMES) this.#names.clear();
    const name = this.#hash(group);
    this.#names.set(group, name);
    return name;
  }

  #hash(text: string): string {
    const hash = createHash("sha256").update(this.#salt).update("\n").update(text).digest();
    return hash.subarray(0, HASH_BYTES).toString("base64url");
  }
}
