// What one connection, one peer and one address may do, and how often: every bound a stranger meets, with its
// reason, and the token bucket that measures rates. Knows no sockets and no clock: callers say what time it is.

export interface Rate {
  /** How much may come at once. */
  readonly burst: number;
  /** How fast the allowance grows back. */
  readonly perSecond: number;
}

/** What all connections from one address may do together. Times in milliseconds. */
export interface HouseholdLimits {
  readonly messages: Rate;
  readonly messageUnits: Rate;
  readonly announces: Rate;
  readonly introductions: Rate;
  readonly strikes: Rate;
  readonly blockedForMs: number;
}

/** What the tracker core needs to know. Times in milliseconds. */
export interface Limits {
  readonly heartbeatMs: number;
  readonly silentHeartbeats: number;
  readonly helloWithinMs: number;
  readonly messages: Rate;
  readonly messageUnits: Rate;
  readonly announces: Rate;
  readonly violations: Rate;
  readonly swarmsPerPeer: number;
  readonly introductions: Rate;
  readonly openSessions: number;
  readonly overdraft: number;
  readonly newcomerLinks: number;
  readonly sessionMs: number;
  readonly signalsPerSide: number;
  readonly knownPeers: number;
  readonly linkedForMs: number;
  readonly failedForMs: number;
  readonly declinedForMs: number;
  readonly poisonedForMs: number;
  readonly againMs: number;
  readonly againSoonMs: number;
  readonly reportedBytesPerSecond: number;
  readonly reportedSlack: number;
  readonly accusersToDoubt: number;
  readonly accusersToShun: number;
  readonly household: HouseholdLimits;
}

export const DEFAULT_LIMITS: Limits = {
  /** Proxies commonly cut idle sockets at 60 s; 25 s survives one lost heartbeat. */
  heartbeatMs: 25_000,
  /** Two misses and some slack: a hidden tab's timers may fire only once a minute. */
  silentHeartbeats: 2.5,
  /** A page says hello the moment its socket opens; ten seconds is a very slow phone. */
  helloWithinMs: 10_000,
  /** Sixteen introductions with a dozen signals each are 200 messages at once; the rest of the time a peer is quiet. */
  messages: { burst: 256, perSecond: 32 },
  /** The same sixteen with 4 KB offers, several times over. */
  messageUnits: { burst: 512 * 1024, perSecond: 64 * 1024 },
  /** A page announces when its swarms change and once a minute besides; an announce is the dearest message here. */
  announces: { burst: 30, perSecond: 1 },
  /** The fifth within a few minutes ends the connection: an honest client never makes one, a buggy one makes them all day. */
  violations: { burst: 5, perSecond: 1 / 60 },
  /** Large objects, directories and streams of one page; more would be an asset a swarm, which swarms are not. */
  swarmsPerPeer: 64,
  /** Every introduction costs both sides a connection attempt. A full set of links twice at once, then one every two seconds. */
  introductions: { burst: 32, perSecond: 0.5 },
  /** More attempts at once slow each other down; a client wants 8 to 16 links. */
  openSessions: 24,
  /**
   * How far past its own wish a peer may be introduced to newcomers: a client wants 8 links and accepts 16.
   */
  overdraft: 8,
  /**
   * How many links a newcomer gets at once at the expense of settled peers; the rest of its wish is met by those who
   * want more themselves, and by those who come later. Were it the whole wish of eight, everybody would end at the
   * client's most of sixteen, and who is near would be decided by who is not yet full.
   */
  newcomerLinks: 5,
  /** ICE gives up after 15 to 30 s; past a minute nothing will come of it. */
  sessionMs: 60_000,
  /** An offer, an answer and the candidates of a laptop with many interfaces, several times over. */
  signalsPerSide: 64,
  /** Pairs remembered per peer. A long visit meets more; forgetting costs one needless introduction. */
  knownPeers: 128,
  /** Links die unseen by the tracker, so a linked pair may meet again after a while; if it still is linked, one declines. */
  linkedForMs: 600_000,
  /** Two NATs that do not traverse will not in a minute either; networks change in the course of minutes. */
  failedForMs: 300_000,
  /** Full now is not full for long. */
  declinedForMs: 120_000,
  /** A peer that sent wrong bytes is not sent back to its victim for the length of a visit. */
  poisonedForMs: 3_600_000,
  /** Announcing keeps counts and holdings fresh; new arrivals are introduced without it. */
  againMs: 60_000,
  /** For a peer that got fewer than it wanted although there are more. */
  againSoonMs: 15_000,
  /** More than 8 Gbit/s since the last report is a lie, from the cache as well. */
  reportedBytesPerSecond: 1_000_000_000,
  /** Two reports close together are no lie yet. */
  reportedSlack: 256 * 1024 * 1024,
  /** One accuser may be wrong or lying; that pair is kept apart and that is all. Of two, something is true. */
  accusersToDoubt: 2,
  /** From three addresses: nobody is sent to it any more. More would let a liar poison half a swarm first. */
  accusersToShun: 3,
  household: {
    /** A school that opens a page at once: 256 peers, ten introductions each, a dozen messages an introduction. */
    messages: { burst: 32 * 1024, perSecond: 2048 },
    /** Its offers and answers, 4 KB each, with their candidates. */
    messageUnits: { burst: 64 * 1024 * 1024, perSecond: 4 * 1024 * 1024 },
    /** Four each at once, then one every four seconds: an honest page announces once a minute. */
    announces: { burst: 1024, perSecond: 64 },
    /** Sixteen each at once. Then slower than 256 strangers could ask one by one: addresses are what harvesters want. */
    introductions: { burst: 4096, perSecond: 32 },
    /** Connections ended for what they sent: the eighth within minutes. Neighbours share an address, so not the first. */
    strikes: { burst: 8, perSecond: 1 / 60 },
    /** Long enough to make hammering pointless, short enough for a neighbour or a fixed page to forgive. */
    blockedForMs: 600_000,
  },
};

/** What the sockets' side needs to know. */
export interface EdgeLimits {
  readonly backlog: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly upgradesPerAddress: Rate;
  readonly entriesPerAddress: Rate;
  readonly waitingPerAddress: number;
  readonly messageBytes: number;
  readonly messageFrames: number;
  readonly bufferedChunks: number;
  readonly closeMs: number;
  readonly sweepMs: number;
  readonly congestedBytes: number;
  readonly stalledBytes: number;
  readonly drainMs: number;
  readonly retryAfterMs: number;
}

export const DEFAULT_EDGE_LIMITS: EdgeLimits = {
  /**
   * TCP handshakes that may wait for us; the kernel's `somaxconn` is the real bound. Of ten thousand that come back at
   * once, Node's own 511 drops most, and those try again after 1, 3, 7, 15 seconds.
   */
  backlog: 4096,
  /** A fuse: below the 20,000 files a process often may open, with room for HTTP. */
  connections: 18_000,
  /** An office or a school behind one address, and a load test from loopback. IPv6 counts by /64. */
  connectionsPerAddress: 256,
  /** Twice the connections at once (everybody reconnects after a restart), then a few a second. */
  upgradesPerAddress: { burst: 512, perSecond: 5 },
  /**
   * An office that comes back after a restart is inside within half a second; a thousand connections of one stranger are a
   * few milliseconds' work at a time.
   */
  entriesPerAddress: { burst: 64, perSecond: 500 },
  waitingPerAddress: 512,
  /** The protocol's 32 Ki units are 32 KiB in practice; room for text that is not ASCII. */
  messageBytes: 64 * 1024,
  /** Browsers send a small message in one frame; fragments of a few bytes only cost memory. */
  messageFrames: 16,
  bufferedChunks: 256,
  /** A closing handshake not answered by then will not be. */
  closeMs: 5_000,
  /** Fine enough for the shortest wait above (hello), coarse enough to cost nothing. */
  sweepMs: 5_000,
  /** A reader this far behind does without counts and pongs. */
  congestedBytes: 64 * 1024,
  /** And this far behind it is cut: its signals are stale, and memory is for those who read. */
  stalledBytes: 256 * 1024,
  /** Closing handshakes on the way out; with it the whole exit stays under ten seconds. */
  drainMs: 5_000,
  /** Around this, spread by dice, everybody comes back: a restart takes a second or two. */
  retryAfterMs: 5_000,
};

/** A rate, measured. Starts full. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Takes `count` if there are as many, else nothing. */
  take(count: number, now: number): boolean {
    if (!this.has(count, now)) return false;
    this.#tokens -= count;
    return true;
  }

  has(count: number, now: number): boolean {
    this.#refill(now);
    return this.#tokens >= count;
  }

  /** Nothing was taken for so long that forgetting the bucket would change nothing. */
  isFull(now: number): boolean {
    return this.has(this.#rate.burst, now);
  }

  #refill(now: number): void {
    const { burst, perSecond } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
  }
}
