// Everything the core may ask of the outside: eight ports. One listener, handed over at creation; expected outcomes
// are return values; only `Hasher` and `Store` return promises, and the core treats their answers as events.
// Adapters carry no policy: whether to retry, wait or choose is decided in the core.

import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { PeerId } from "../../tracker/protocol/ids.ts";
import type { Signal } from "../../tracker/protocol/messages.ts";
import type {
  ByteCount,
  ByteRange,
  CachingFields,
  Cancel,
  ContentId,
  Millis,
} from "./vocabulary.ts";

/** Time that only ever goes forward. Differences mean something; absolute values do not. */
export interface Clock {
  now(): Millis;
  /** Milliseconds since 1970, as this device believes: may be wrong, and may jump. Only ages of answers depend on it. */
  date(): Millis;
  /** Runs `task` once, not before `delay` has passed, possibly much later (hidden tabs). */
  after(delay: Millis, task: () => void): Cancel;
}

export interface Random {
  /** Uniform in [0, 1). */
  unit(): number;
  /** Unpredictable to others; ids and secrets are made of it. */
  bytes(count: number): Bytes;
}

/** Never rejects: where hashing is impossible the client is never built with peers at all. */
export interface Hasher {
  sha256(data: Bytes): Promise<Bytes>;
  /** ECDSA P-256 over SHA-256. `key` is the uncompressed point, `signature` is r and s (IEEE P1363). */
  verify(key: Bytes, signature: Bytes, data: Bytes): Promise<boolean>;
}

/** Bytes by key. Knows nothing of chunks, budgets or trust. Never rejects, never hands out a buffer it keeps. */
export interface Store {
  get(key: string): Promise<Bytes | undefined>;
  /** All or none. `full`: quota; evict and try again. `failed`: nothing was stored and nothing will help now. */
  put(
    entries: readonly (readonly [key: string, data: Bytes])[],
  ): Promise<"stored" | "full" | "failed">;
  delete(keys: readonly string[]): Promise<void>;
  keys(): Promise<readonly string[]>;
  /** Whether what is put now survives a reload. May change from true to false, never back. */
  readonly persistent: boolean;
  /** Frees the connection. Later calls answer as an empty store whose puts fail. */
  close(): void;
}

/** The publisher's own server. Reads once; never retries. */
export interface Origin {
  read(request: OriginRequest, listener: OriginListener): Cancel;
}
export interface OriginRequest {
  readonly url: string;
  readonly range: ByteRange | "whole";
  /** As in Fetch: `no-cache` revalidates, `reload` goes past every cache of the browser. */
  readonly cache: "default" | "no-cache" | "reload";
  /** A text to send, which makes it a POST; default a GET. */
  readonly body?: string;
  /**
   * Only if it is another than the one these are of: a 304 otherwise. For the page's own origin: another would have to
   * be asked first whether it takes the question (CORS).
   */
  readonly unless?: Validators;
}
/** As the origin sent them. */
export interface Validators {
  readonly etag?: string | undefined;
  readonly "last-modified"?: string | undefined;
}
/** `start` once, `bytes` any number of times, `end` once; or `end` alone. Nothing after `end` or after a cancel. */
export interface OriginListener {
  start(answer: OriginAnswer): void;
  /** The receiver owns the buffer. */
  bytes(data: Bytes): void;
  end(outcome: OriginOutcome): void;
}
/** Headers of a 200 or 206. */
export interface OriginAnswer {
  /** Where the bytes begin in the asset. */
  readonly offset: number;
  /** Its size, if the origin said. */
  readonly total: number | null;
  /** What the browser shows of the caching fields: of another origin, not all that there are. */
  readonly headers?: CachingFields;
  /** From another origin than the URL's. */
  readonly foreign?: boolean;
  /** A part was asked for, and everything comes. */
  readonly unranged?: boolean;
}
/** `retryAt`: when it is worth asking again, where somebody keeps an eye on that. `headers`: with a 304. */
export type OriginOutcome =
  | { readonly kind: "complete" }
  /** Refused, reset, CORS, DNS, or the connection broke in the middle. */
  | { readonly kind: "unreachable"; readonly retryAt?: Millis }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly retryAt?: Millis;
      readonly headers?: CachingFields;
    };

/** STUN or TURN, as WebRTC names it. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/** Makes links to other browsers. Signals leave through the listener and enter through `accept`; who carries them
 *  is not the transport's business. */
export interface Transport {
  /** Servers for the links opened from now on, beside those it was made with; they replace the ones before. */
  use(servers: readonly IceServer[]): void;
  open(role: "offerer" | "answerer", listener: LinkListener): Link;
}
/**
 * Of what is queued on a link: less than a full data frame, so that the next one follows when most of it has left. Whoever
 * always keeps a queue lets SCTP's congestion window grow until packets get lost, in Chromium between its own processes
 * (`packetsDiscardedOnSend`), and with the window full nothing follows that would tell of it before the least timeout,
 * 400 ms, doubled each time. Of downloads of a second from two pages at once seven of nineteen stood still like that with
 * 256 KiB here, three of twenty with 64 KiB, none of twenty-four with this; one link alone is as fast with all of them.
 */
export const HIGH_WATER: ByteCount = 48 * 1024;
export const LOW_WATER: ByteCount = HIGH_WATER / 4;

export interface Link {
  /** Never throws: a signal that is wrong or late is ignored. */
  accept(signal: Signal): void;
  /**
   * `congested`: sent, but more than `HIGH_WATER` has yet to leave. Before the next data frame wait for `drain`, which comes
   * with `LOW_WATER`. Keeps no frame: the caller may use it again.
   */
  send(frame: Bytes): "sent" | "congested" | "closed";
  /**
   * What came in several frames, as one piece, never to be changed, where it lies in one piece already; `undefined` or
   * no such method: it has to be copied. For links inside one process.
   */
  whole?(parts: readonly Bytes[]): Bytes | undefined;
  /** At once; unsent data is discarded. No `closed` follows. */
  close(): void;
}
/** After `closed`, nothing. Frames may arrive in any order (the channel is reliable but unordered). */
export interface LinkListener {
  signal(signal: Signal): void;
  /** The offerer speaks first: the answerer's end may open only with the first frame that comes. */
  open(): void;
  frame(data: Bytes): void;
  drain(): void;
  closed(reason: "remote" | "failed"): void;
}

/** One socket to one tracker. When to reconnect is the core's decision. */
export interface TrackerConnector {
  connect(url: string, listener: TrackerListener): TrackerLink;
}
export interface TrackerLink {
  send(text: string): void;
  /** No `closed` follows. */
  close(): void;
}
/** `open` at most once, then texts, then `closed` once; or `closed` alone. */
export interface TrackerListener {
  open(): void;
  text(data: string): void;
  closed(): void;
}

/** This visitor's other tabs of the site, which use the same stores. A message may be lost, and a tab gone at any moment. */
export interface Tabs {
  /** Listens until `close`; may be opened again. What is heard may come from another release. */
  open(heard: (message: unknown) => void): void;
  tell(message: TabMessage): void;
  /**
   * `granted` once no other tab has the name, `taken` before that if one has it now; neither before this has returned.
   * The undoing gives it back, or stops waiting for it.
   */
  claim(
    name: string,
    listener: { readonly granted: () => void; readonly taken: () => void },
  ): Cancel;
  close(): void;
}
export type TabMessage =
  | { readonly tab: "here"; readonly peer: PeerId | null; readonly isAnswer: boolean }
  | {
      readonly tab: "stored" | "gone";
      readonly content: ContentId;
      readonly indices: readonly number[];
    };

/** What a composition root hands the core. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Hasher;
  /** Chunk bytes. */
  readonly chunks: Store;
  /** Manifests and what must be remembered of them; small. */
  readonly index: Store;
  readonly origin: Origin;
  /** `null`: no WebRTC here; the client lives from cache and origin. */
  readonly transport: Transport | null;
  readonly tracker: TrackerConnector;
}
