// The tracker as a server: HTTP and sockets to the core and back. The only importer of `ws`'s server. Decides who may
// connect and from where; whatever a stranger sends, nothing of it throws past this file.

import { hash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { Admission } from "./admission.ts";
import { type Answers, answersOf } from "./attest/answers.ts";
import { RedisCluster } from "./cluster/redis-cluster.ts";
import { Dashboard } from "./dashboard/dashboard.ts";
import { systemDice } from "./dice.ts";
import { Doorway } from "./doorway.ts";
import { answerHttp, HTTP_BOUNDS } from "./http.ts";
import { DEFAULT_EDGE_LIMITS, DEFAULT_LIMITS, type EdgeLimits, type Limits } from "./limits.ts";
import { type Log, silent } from "./log.ts";
import { type MapFiles, openMaps } from "./map-files.ts";
import { Metrics } from "./metrics.ts";
import { DEFAULT_PORT, OptionError, originsOrError, type TrackerOptions } from "./options.ts";
import { thisPackage } from "./package-root.ts";
import { fromBase64url } from "./protocol/bytes.ts";
import { type PeerId, peerIdFrom } from "./protocol/ids.ts";
import type { PurgeRecord } from "./protocol/purge.ts";
import { openPurges, type PurgeLog } from "./purge/purge-log.ts";
import type { Address } from "./region/address.ts";
import { locate, type Maps } from "./region/locate.ts";
import { Proxies } from "./region/proxies.ts";
import type { Where } from "./region/where.ts";
import { Scripts } from "./scripts.ts";
import { trackerKey } from "./signing-key.ts";
import { type Caller, type Socket, Sockets } from "./sockets.ts";
import { StunServer } from "./stun.ts";
import type { Totals } from "./tally.ts";
import { tokensOf } from "./tokens.ts";
import { type Clock, Tracker, type TrackerNeeds } from "./tracker.ts";
import { type TurnSettings, turnServer } from "./turn.ts";
import { refuse, socketOptions } from "./upgrade.ts";

export interface RunningTracker {
  readonly port: number;
  /** Where the script is: `http://…`; the socket is at the same place with `ws:`. */
  readonly url: string;
  /** Of the STUN server (UDP), if there is one. */
  readonly stunPort: number | undefined;
  /** Public half of the signing key: what pages pin as `data-key`. */
  readonly key: string;
  totals(): Totals;
  /**
   * Reads the operator's map files again; everybody connected is placed anew. Files that cannot be used are logged
   * and change nothing. Never rejects.
   */
  reload(): Promise<void>;
  /** Graceful: everybody is told when to come back. Resolves when nothing is open any more. Callable twice. */
  close(how: { readonly graceful: boolean }): Promise<void>;
}

/** Rejects with an `OptionError`, or with Node's error when the port cannot be had. */
export async function startTracker(options: TrackerOptions = {}): Promise<RunningTracker> {
  const sites = originsOrError("sites", options.sites ?? []);
  const proxies = Proxies.trusting(options.trustProxy ?? 0);
  if (typeof proxies === "string")
    throw new OptionError("trustProxy", `--trust-proxy: ${proxies}.`);
  const key = await trackerKey(options.key);
  const purges = await openPurges(options, key);
  const edge = new Edge({
    sites,
    proxies,
    mapFiles: options,
    maps: await openMaps(options),
    key: key.publicKey,
    answers: answersOf(options, sites, { key, ...(purges === undefined ? {} : { purges }) }),
    scripts: new Scripts(options.scriptsDir ?? join(thisPackage().root, "dist", "client")),
    tokens: tokensOf(options.tokenSecrets ?? []),
    purges,
    purgeToken: options.purgeToken,
    turn: options.turn,
    redis: options.redis,
    dashboard: options.dashboard ?? false,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    edgeLimits: { ...DEFAULT_EDGE_LIMITS, ...options.edgeLimits },
    clock: options.clock ?? { now: () => performance.now() },
    log: options.log ?? silent,
  });
  // With nobody named, only this machine has business here, so only this machine can knock.
  const host = options.host ?? (sites.size === 0 ? "127.0.0.1" : undefined);
  await edge.listen(options.port ?? DEFAULT_PORT, host, options.stunPort ?? "off");
  return edge;
}

interface EdgeNeeds {
  readonly sites: ReadonlySet<string>;
  readonly proxies: Proxies;
  readonly mapFiles: MapFiles;
  readonly maps: Maps;
  /** Public half of the signing key. */
  readonly key: string;
  readonly answers: Answers | undefined;
  readonly scripts: Scripts;
  /** What a join token lacks; `undefined`: none is needed. */
  readonly tokens: TrackerNeeds<Socket>["lacks"];
  readonly purges: PurgeLog | undefined;
  readonly purgeToken: string | undefined;
  readonly turn: TurnSettings | undefined;
  readonly redis: string | undefined;
  readonly dashboard: boolean;
  readonly limits: Limits;
  readonly edgeLimits: EdgeLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** Script requests open at the same time, in a crowd, behind slow phones. */
const HTTP_ROOM = 1000;

class Edge implements RunningTracker {
  readonly #needs: EdgeNeeds;
  readonly #http: Server;
  readonly #doorway: Doorway;
  readonly #upgrades: WebSocketServer;
  readonly #admission: Admission;
  readonly #sockets: Sockets;
  readonly #tracker: Tracker<Socket>;
  readonly #cluster: RedisCluster | undefined;
  #dashboard: Dashboard | undefined;
  #stun: StunServer | undefined;
  #sweeping: NodeJS.Timeout | undefined;
  /** Upgrades refused, by status. */
  readonly #refused = new Map<number, number>();
  readonly #now = (): number => this.#needs.clock.now();
  #maps: Maps;
  #reloading = Promise.resolve();
  #closing: Promise<void> | undefined;
  #host: string | undefined;
  port = 0;

  constructor(needs: EdgeNeeds) {
    this.#needs = needs;
    this.#maps = needs.maps;
    const { limits, edgeLimits, clock, proxies } = needs;
    const { household } = limits;
    this.#admission = new Admission(needs.sites, { edge: edgeLimits, household });
    this.#sockets = new Sockets({
      limits: edgeLimits,
      heartbeatMs: limits.heartbeatMs,
      now: this.#now,
      received: (socket, text) => this.#received(socket, text),
      broke: (socket, code) => this.#tracker.broke(socket, code),
      closed: (socket) => {
        this.#tracker.left(socket);
        this.#admission.released(socket.caller.household);
      },
    });
    if (needs.redis !== undefined) this.#cluster = this.#clusterAt(needs.redis);
    this.#tracker = new Tracker<Socket>({
      cluster: this.#cluster,
      limits,
      clock,
      random: systemDice(),
      outbox: {
        send: (socket, message) => this.#sockets.send(socket, message),
        drop: (socket, reason) => {
          needs.log("debug", "dropped", { reason });
          this.#sockets.drop(socket, reason);
        },
      },
      peerIdOf,
      servers: () => ({
        ...(this.stunPort === undefined ? {} : { stunPort: this.stunPort }),
        ...(needs.turn === undefined ? {} : { turn: turnServer(needs.turn, Date.now()) }),
      }),
      ...(needs.tokens === undefined ? {} : { lacks: needs.tokens }),
      ...(needs.purges === undefined ? {} : { purges: needs.purges }),
    });
    const { answers } = needs;
    const told = {
      totals: () => this.totals(),
      sockets: () => this.#sockets.count,
      sessions: () => this.#tracker.sessions,
      addresses: () => this.#admission.size,
      refused: () => this.#refused,
      isDraining: () => this.#closing !== undefined,
      cluster: this.#cluster,
    };
    const purge = async (targets: Parameters<PurgeLog["purge"]>[0]) => {
      const records = (await needs.purges?.purge(targets)) ?? [];
      const told = this.#tracker.purged(records);
      return { records, told, shared: await this.#cluster?.share() };
    };
    const operation = () => this.#tracker.operation();
    if (needs.dashboard) this.#dashboard = new Dashboard({ ...told, operation, clock });
    const http = {
      ...told,
      scripts: needs.scripts,
      metrics: new Metrics(told),
      purge: { token: needs.purgeToken, purge },
      dashboard: this.#dashboard,
      attest:
        answers &&
        ((asked: IncomingMessage, answer: ServerResponse) =>
          answers.answer(asked, answer, this.#addressOf(asked))),
    };
    this.#http = createServer(HTTP_BOUNDS, (request, response) => {
      void answerHttp(request, response, http);
    });
    // Plain HTTP passes by in moments; what is above the sockets' own fuse is room for it.
    this.#http.maxConnections = edgeLimits.connections + HTTP_ROOM;
    this.#doorway = new Doorway(this.#http, {
      limits: edgeLimits,
      now: this.#now,
      isProxy: (address) => proxies.includes(address),
      turnedAway: () => this.#count(429),
    });
    this.#upgrades = new WebSocketServer(socketOptions(edgeLimits));
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  get url(): string {
    const host = this.#host ?? "localhost";
    return `http://${isIPv6(host) ? `[${host}]` : host}:${this.port}`;
  }

  get stunPort(): number | undefined {
    return this.#stun?.port;
  }

  async listen(port: number, host: string | undefined, stunPort: number | "off"): Promise<void> {
    await this.#cluster?.join();
    if (stunPort !== "off")
      this.#stun = await StunServer.listen({ port: stunPort, host }, this.#now);
    try {
      await this.#listenForHttp(port, host);
    } catch (error) {
      await Promise.all([this.#stun?.close(), this.#cluster?.close()]);
      throw error;
    }
  }

  #clusterAt(url: string): RedisCluster {
    const { log, key, purges: book } = this.#needs;
    const learned = (records: readonly PurgeRecord[]) => void this.#tracker.purged(records);
    return new RedisCluster({
      url,
      log,
      key,
      purges: book && { book, learned },
      nameOf: (household) => this.#admission.keyOf(household) ?? "",
      listener: {
        card: (peer) => this.#tracker.card(peer),
        peers: () => this.#tracker.peers(),
        heard: (from, letter) => this.#guarded(() => this.#tracker.heard(from, letter)),
        lost: (node) => this.#guarded(() => this.#tracker.lost(node)),
      },
    });
  }

  async #listenForHttp(port: number, host: string | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", reject);
      const { backlog } = this.#needs.edgeLimits;
      this.#http.listen({ port, backlog, ...(host === undefined ? {} : { host }) }, resolve);
    });
    this.#http.on("error", () => this.#needs.log("error", "server-error"));
    this.port = (this.#http.address() as AddressInfo).port;
    this.#host = host === "::" || host === "0.0.0.0" ? undefined : host;
    this.#sweeping = setInterval(() => this.#sweep(), this.#needs.edgeLimits.sweepMs);
    this.#sweeping.unref();
  }

  get key(): string {
    return this.#needs.key;
  }

  totals(): Totals {
    return this.#tracker.totals();
  }

  reload(): Promise<void> {
    // One after the other, so that what was read last is what holds.
    this.#reloading = this.#reloading.then(() => this.#redraw());
    return this.#reloading;
  }

  async #redraw(): Promise<void> {
    const { mapFiles, log } = this.#needs;
    try {
      this.#maps = await openMaps(mapFiles);
    } catch (error) {
      log("error", "reload-failed", { message: error instanceof Error ? error.message : "" });
      return;
    }
    for (const socket of this.#sockets) this.#tracker.moved(socket, this.#whereIs(socket.caller));
    log("info", "reloaded", { sockets: this.#sockets.count });
  }

  #whereIs({ address, site }: Caller): Where {
    return { ...locate(address, this.#maps), site };
  }

  close({ graceful }: { readonly graceful: boolean }): Promise<void> {
    this.#closing ??= this.#shut(graceful);
    if (!graceful) this.#sockets.cutAll();
    return this.#closing;
  }

  async #shut(graceful: boolean): Promise<void> {
    const { edgeLimits, log } = this.#needs;
    log("info", "draining", { sockets: this.#sockets.count });
    if (graceful) {
      this.#tracker.drain(edgeLimits.retryAfterMs);
      // HTTP still answers meanwhile: 503, so that a load balancer stops sending people here.
      await this.#sockets.closeAll(edgeLimits.drainMs);
    }
    this.#sockets.cutAll();
    clearInterval(this.#sweeping);
    this.#dashboard?.close();
    this.#needs.answers?.close();
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    this.#doorway.close();
    this.#http.closeAllConnections();
    await Promise.all([closed, this.#stun?.close(), this.#cluster?.close()]);
    log("info", "closed");
  }

  #received(socket: Socket, text: string): void {
    if (!this.#guarded(() => this.#tracker.receive(socket, text))) socket.ws.terminate();
  }

  /** The core has no business throwing; should a stranger find a way, it costs them their socket and not everybody's. */
  #guarded(task: () => void): boolean {
    try {
      task();
      return true;
    } catch (error) {
      const stack = error instanceof Error ? String(error.stack) : "";
      // From the second line on: our own places in code, without the text that may quote the stranger.
      this.#needs.log("error", "bug", { at: stack.split("\n").slice(1, 4).join(" ") });
      return false;
    }
  }

  #sweep(): void {
    const now = this.#now();
    this.#tracker.sweep();
    void this.#sockets.sweep(now);
    this.#doorway.sweep(now);
    this.#admission.sweep(now);
    this.#needs.answers?.sweep();
  }

  #addressOf({ socket, headers }: IncomingMessage): Address | undefined {
    const forwarded = headers["x-forwarded-for"]?.toString();
    return this.#needs.proxies.clientOf(socket.remoteAddress, forwarded);
  }

  #count(refusal: number): void {
    this.#refused.set(refusal, (this.#refused.get(refusal) ?? 0) + 1);
  }

  #refuse(stream: Duplex, status: number, sentence: string): void {
    this.#count(status);
    this.#needs.log("debug", "refused", { status });
    refuse(stream, status, sentence);
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    if (this.#closing !== undefined) {
      this.#refuse(stream, 503, "This tracker is going away.");
      return;
    }
    const address = this.#addressOf(request);
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const { origin } = request.headers;
    const verdict = this.#admission.admit({ path, origin, address }, this.#now());
    if (!verdict.ok) {
      this.#refuse(stream, verdict.status, verdict.sentence);
      return;
    }
    const { site, household } = verdict;
    let isUpgraded = false;
    // Calls back at once or never: a handshake that is not WebSocket's gets its 400 from `ws`.
    this.#upgrades.handleUpgrade(request, stream, head, (ws) => {
      isUpgraded = true;
      const caller = { site, household, address };
      const socket = this.#sockets.add(ws, caller, stream);
      this.#tracker.arrived(socket, this.#whereIs(caller), household);
    });
    if (!isUpgraded) this.#admission.released(household);
  }
}

function peerIdOf(secret: string): PeerId {
  const bytes = fromBase64url(secret) ?? new Uint8Array(0);
  return peerIdFrom(new Uint8Array(hash("sha256", bytes, "buffer")));
}
