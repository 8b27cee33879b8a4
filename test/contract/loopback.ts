// The smallest transport and tracker connection that keep their contracts, inside one process. They exist to be
// broken: each proof that a battery can fail starts from one that passes. Not a simulator; nothing else uses them.

import {
  HIGH_WATER,
  type Link,
  type LinkListener,
  LOW_WATER,
  type TrackerConnector,
  type TrackerListener,
  type Transport,
} from "../../client/core/ports.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import type { Signal } from "../../tracker/protocol/messages.ts";

class LoopbackLink implements Link {
  readonly listener: LinkListener;
  state: "waiting" | "open" | "over" = "waiting";
  far: LoopbackLink | null = null;
  #queued = 0;
  #isCongested = false;
  readonly #pairing: Pairing;
  readonly #role: "offerer" | "answerer";

  constructor(pairing: Pairing, role: "offerer" | "answerer", listener: LinkListener) {
    this.#pairing = pairing;
    this.#role = role;
    this.listener = listener;
    if (role === "offerer") setImmediate(() => this.#speak("offer", pairing.put(this)));
  }

  #speak(kind: "offer" | "answer", token: string): void {
    if (this.state === "waiting") this.listener.signal({ kind, sdp: token });
  }

  accept(signal: Signal): void {
    if (this.state !== "waiting" || signal.kind === "candidate") return;
    const far = this.#pairing.take(signal.sdp);
    if (far === undefined || far === this) return;
    if (signal.kind === "offer" && this.#role === "answerer") {
      this.far = far;
      this.#speak("answer", this.#pairing.put(this));
    }
    if (signal.kind === "answer" && this.#role === "offerer") {
      this.far = far;
      for (const end of [this, far]) setImmediate(() => end.opened());
    }
  }

  opened(): void {
    if (this.state !== "waiting") return;
    this.state = "open";
    this.listener.open();
  }

  send(frame: Bytes): "sent" | "congested" | "closed" {
    const { far } = this;
    if (this.state !== "open" || far === null) return "closed";
    const copy = frame.slice();
    this.#queued += copy.length;
    setImmediate(() => {
      this.#queued -= copy.length;
      far.opened();
      if (far.state === "open") far.listener.frame(copy);
      if (this.#isCongested && this.#queued <= LOW_WATER && this.state === "open") {
        this.#isCongested = false;
        this.listener.drain();
      }
    });
    if (this.#queued <= HIGH_WATER) return "sent";
    this.#isCongested = true;
    return "congested";
  }

  close(): void {
    const { far } = this;
    if (this.state === "over") return;
    this.state = "over";
    setImmediate(() => {
      if (far === null || far.state === "over") return;
      far.state = "over";
      far.listener.closed("remote");
    });
  }
}

class Pairing {
  readonly #links = new Map<string, LoopbackLink>();
  put(link: LoopbackLink): string {
    const token = `v=0 ${this.#links.size}`;
    this.#links.set(token, link);
    return token;
  }
  take(token: string): LoopbackLink | undefined {
    return this.#links.get(token);
  }
}

export function loopbackTransport(): Transport {
  const pairing = new Pairing();
  return { use: () => {}, open: (role, listener) => new LoopbackLink(pairing, role, listener) };
}

export interface LoopbackTracker {
  readonly connector: TrackerConnector;
  hangUp(): void;
}

/** Echoes at `url`; refuses everywhere else. */
export function loopbackTracker(url: string): LoopbackTracker {
  const open = new Set<TrackerListener>();
  return {
    connector: {
      connect(to, listener) {
        let isOver = false;
        setImmediate(() => {
          if (isOver) return;
          if (to === url) open.add(listener);
          if (to === url) listener.open();
          else listener.closed();
        });
        return {
          send(text) {
            setImmediate(() => {
              if (open.has(listener)) listener.text(text);
            });
          },
          close() {
            isOver = true;
            open.delete(listener);
          },
        };
      },
    },
    hangUp() {
      for (const listener of open) {
        open.delete(listener);
        setImmediate(() => listener.closed());
      }
    },
  };
}
