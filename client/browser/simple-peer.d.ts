// The part of simple-peer 9.11.1 that Shoal uses, as its prebuilt browser file. DefinitelyTyped's declarations bring
// Node's globals into browser code and leave out everything below that starts with an underscore.

declare module "simple-peer/simplepeer.min.js" {
  /** What leaves through `signal`. Others (`renegotiate`, `transceiverRequest`) are media business. */
  export type PeerSignal =
    | { readonly type: "offer" | "answer"; readonly sdp: string }
    | { readonly type: "candidate"; readonly candidate: RTCIceCandidateInit }
    | { readonly type: "renegotiate" | "transceiverRequest" };

  export interface PeerOptions {
    readonly initiator: boolean;
    readonly trickle: true;
    readonly channelConfig: RTCDataChannelInit;
    /** Merged over defaults that name other people's STUN servers: always give `iceServers`. */
    readonly config: RTCConfiguration & { readonly iceServers: RTCIceServer[] };
  }

  export default class SimplePeer {
    static readonly WEBRTC_SUPPORT: boolean;
    constructor(options: PeerOptions);

    /** Throws after destroy and on candidates the browser cannot read. */
    signal(signal: PeerSignal): void;
    /** In a microtask: closes channel and connection, then emits `error` if given one, then `close`. */
    destroy(error?: Error): void;

    on(type: "signal", listener: (signal: PeerSignal) => void): this;
    /** Without a listener it is an uncaught error of the page. */
    on(type: "error", listener: (error: Error & { readonly code?: string }) => void): this;
    on(type: "close", listener: () => void): this;
    on(type: "iceStateChange", listener: (ice: RTCIceConnectionState) => void): this;

    /* Private, and safe to use because the package is frozen; the browser's battery notices if they go. */
    /** Absent when the connection could not be made, null once destroyed. */
    readonly _pc?: RTCPeerConnection | null;
    /** The initiator's at once, the other's when it arrives, null once destroyed. */
    readonly _channel: RTCDataChannel | null;
  }
}
