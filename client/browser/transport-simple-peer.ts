// The `Transport` over WebRTC by simple-peer, which makes connections; the data channel is taken from it raw, so that
// frames bypass its stream. Owns its peers, one a link, and destroys each of them whatever happens. Never renegotiates,
// never speaks to a STUN server that was not given.

import SimplePeer, { type PeerSignal } from "simple-peer/simplepeer.min.js";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { Signal } from "../../tracker/protocol/messages.ts";
import {
  HIGH_WATER,
  type Link,
  type LinkListener,
  LOW_WATER,
  type Transport,
} from "../core/ports.ts";
import type { Millis } from "../core/vocabulary.ts";

export interface WebRtcSettings {
  /** May be empty; never the library's own default, which names other people's servers. */
  readonly iceServers: readonly RTCIceServer[];
  /** Only through TURN: no visitor's address is shown to another. */
  readonly relayOnly?: boolean;
}

/**
 * `disconnected` often heals by itself within a second or two (a lost burst, a roaming phone). After five it hardly
 * ever does, and simple-peer would keep the peer as a zombie until `failed` (ten more seconds in Chromium 156).
 */
const DISCONNECTED_PATIENCE: Millis = 5000;

/** SCTP's "user initiated abort" (RFC 4960, 3.3.10.12): the other end closed without the usual goodbye. */
const REMOTE_ABORT = 12;

/** What the browser offers for a link to anybody, before there is anybody. */
export interface Ways {
  /** Kinds of candidates it found (RFC 8445): its own addresses, what STUN saw of it, relays. */
  readonly candidates: readonly RTCIceCandidateType[];
  readonly servers: readonly ("stun" | "turn")[];
}
export interface WebRtcTransport extends Transport {
  /** Gathers candidates once, with the servers in use. Takes a moment, at most `GATHERING_PATIENCE`; never rejects. */
  ways(): Promise<Ways>;
}

/** STUN answers in one round trip or not at all; browsers themselves go on asking for ten seconds. */
const GATHERING_PATIENCE: Millis = 2500;

/** `null`: no WebRTC here. */
export function webRtcTransport(settings: WebRtcSettings): WebRtcTransport | null {
  if (!SimplePeer.WEBRTC_SUPPORT || typeof RTCPeerConnection === "undefined") return null;
  const policy = settings.relayOnly === true ? { iceTransportPolicy: "relay" as const } : {};
  const own = [...settings.iceServers];
  let config = { iceServers: own, ...policy };
  return {
    use: (servers) => {
      const theirs = servers.map((server) => ({ ...server, urls: [...server.urls] }));
      config = { iceServers: [...own, ...theirs], ...policy };
    },
    open: (role, listener) => new PeerLink(role, listener, config),
    ways: () => waysOf(config),
  };
}

async function waysOf(
  config: RTCConfiguration & { iceServers: readonly RTCIceServer[] },
): Promise<Ways> {
  const urls = config.iceServers.flatMap((server) => server.urls);
  const servers = (["stun", "turn"] as const).filter((kind) =>
    urls.some((url) => url.startsWith(kind)),
  );
  const candidates = new Set<RTCIceCandidateType>();
  try {
    const connection = new RTCPeerConnection(config);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GATHERING_PATIENCE);
      connection.onicecandidate = ({ candidate }) => {
        if (candidate?.type) candidates.add(candidate.type);
        // `null` is the end of gathering.
        if (candidate !== null) return;
        clearTimeout(timer);
        resolve();
      };
      connection.createDataChannel("ways");
      connection.setLocalDescription().catch(() => resolve());
    });
    connection.close();
  } catch {
    // Forbidden by the browser's owner, or too many connections: no way, which is the answer.
  }
  return { candidates: [...candidates], servers };
}

type Role = "offerer" | "answerer";

class PeerLink implements Link {
  readonly #role: Role;
  readonly #listener: LinkListener;
  #peer: SimplePeer | null = null;
  #channel: RTCDataChannel | null = null;
  #state: "connecting" | "open" | "over" = "connecting";
  #isDescribed = false;
  #isCongested = false;
  #disconnected: ReturnType<typeof setTimeout> | undefined;

  constructor(
    role: Role,
    listener: LinkListener,
    config: RTCConfiguration & { iceServers: RTCIceServer[] },
  ) {
    this.#role = role;
    this.#listener = listener;
    try {
      const peer = new SimplePeer({
        initiator: role === "offerer",
        trickle: true,
        // Reliable, unordered: frames carry their place, so a lost packet holds nothing else up.
        channelConfig: { ordered: false },
        config,
      });
      this.#peer = peer;
      peer.on("error", (error) => this.#over(isRemoteAbort(error) ? "remote" : "failed"));
      peer.on("close", () => this.#over("remote"));
      peer.on("signal", (signal) => this.#speak(signal));
      peer.on("iceStateChange", (state) => this.#iceChanged(state));
      if (role === "offerer") this.#adopt(peer._channel);
      else peer._pc?.addEventListener("datachannel", ({ channel }) => this.#adopt(channel));
    } catch {
      this.#failSoon();
    }
  }

  accept(signal: Signal): void {
    if (this.#state === "over") return;
    try {
      if (signal.kind === "candidate") this.#acceptCandidate(signal.candidate);
      else this.#acceptDescription(signal);
    } catch {
      // A candidate the browser cannot read, or a peer that was destroyed a moment ago.
    }
  }

  send(frame: Bytes): "sent" | "congested" | "closed" {
    const channel = this.#channel;
    if (this.#state !== "open" || channel === null) return "closed";
    try {
      channel.send(frame);
    } catch {
      // Larger than the other end takes, or the browser's queue is full: reliability is gone either way.
      this.#failSoon();
      return "closed";
    }
    if (channel.bufferedAmount <= HIGH_WATER) return "sent";
    this.#isCongested = true;
    return "congested";
  }

  close(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#free();
  }

  #acceptCandidate(candidate: string): void {
    if (candidate === "") return;
    // There is one m-line, whatever the signal says. A wrong place would end the peer once descriptions are set.
    const init = { candidate, sdpMLineIndex: 0 };
    // Refused now, where it hurts nobody, instead of inside simple-peer's promises. `null`: it could not be parsed.
    if (new RTCIceCandidate(init).address === null) return;
    this.#peer?.signal({ type: "candidate", candidate: init });
  }

  #acceptDescription({
    kind,
    sdp,
  }: {
    readonly kind: "offer" | "answer";
    readonly sdp: string;
  }): void {
    // Anything but the one answer to our offer, or the one offer, would make simple-peer negotiate again.
    if (this.#isDescribed || kind !== (this.#role === "offerer" ? "answer" : "offer")) return;
    this.#isDescribed = true;
    this.#peer?.signal({ type: kind, sdp });
  }

  #speak(signal: PeerSignal): void {
    if (this.#state === "over") return;
    switch (signal.type) {
      case "offer":
      case "answer":
        this.#listener.signal({ kind: signal.type, sdp: signal.sdp });
        break;
      case "candidate": {
        const { candidate = "", sdpMid = null, sdpMLineIndex = null } = signal.candidate;
        // The empty one marks the end of a generation; nobody waits for it.
        if (candidate === "") return;
        this.#listener.signal({ kind: "candidate", candidate, mid: sdpMid, line: sdpMLineIndex });
      }
    }
  }

  #adopt(channel: RTCDataChannel | null): void {
    if (channel === null) return;
    if (this.#channel !== null || this.#state !== "connecting") {
      channel.close();
      return;
    }
    this.#channel = channel;
    // A second channel would take the first one's place inside simple-peer.
    const connection = this.#peer?._pc;
    if (connection) connection.ondatachannel = null;
    channel.bufferedAmountLowThreshold = LOW_WATER;
    // In the place of simple-peer's own: without its `onopen` it never starts to poll `getStats` for a candidate pair. The
    // answerer's opens with the first frame: Chromium 156 calls it open with the `datachannel` event, now and then a moment
    // too early, and loses without a word what is sent then.
    channel.onopen = this.#role === "offerer" ? () => this.#opened() : null;
    channel.onmessage = ({ data }: MessageEvent<unknown>) => this.#received(data);
    channel.onbufferedamountlow = () => this.#drained();
    channel.onclose = () => this.#over("remote");
    channel.onerror = (event) => this.#over(isRemoteAbort(event.error) ? "remote" : "failed");
  }

  #opened(): void {
    if (this.#state !== "connecting") return;
    this.#state = "open";
    this.#listener.open();
  }

  #received(data: unknown): void {
    this.#opened();
    if (this.#state !== "open") return;
    // Every frame is binary; a text comes from something that is not Shoal.
    if (data instanceof ArrayBuffer) this.#listener.frame(new Uint8Array(data));
    else this.#over("failed");
  }

  #drained(): void {
    if (!this.#isCongested || this.#state !== "open") return;
    this.#isCongested = false;
    this.#listener.drain();
  }

  #iceChanged(state: RTCIceConnectionState): void {
    clearTimeout(this.#disconnected);
    if (state !== "disconnected" || this.#state === "over") return;
    this.#disconnected = setTimeout(() => this.#over("failed"), DISCONNECTED_PATIENCE);
  }

  /** For failures found inside a call of the core, which must not be called back in the middle of it. */
  #failSoon(): void {
    queueMicrotask(() => this.#over("failed"));
  }

  #over(reason: "remote" | "failed"): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#free();
    this.#listener.closed(reason);
  }

  #free(): void {
    clearTimeout(this.#disconnected);
    const channel = this.#channel;
    if (channel !== null) {
      channel.onopen = null;
      channel.onmessage = null;
      channel.onbufferedamountlow = null;
      channel.onclose = null;
      channel.onerror = null;
    }
    this.#peer?.destroy();
    this.#peer = null;
    this.#channel = null;
  }
}

function isRemoteAbort(error: unknown): boolean {
  return typeof RTCError !== "undefined" && error instanceof RTCError
    ? error.sctpCauseCode === REMOTE_ABORT
    : false;
}
