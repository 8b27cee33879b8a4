// The ground the build puts under simple-peer: what it asks of seven packages written for Node, as far as making
// connections needs it. Its stream never carries a byte here (see transport-simple-peer), so the stream is an emitter
// that can end. Half the script was streams and buffers otherwise: 28 of 54 KB gzip came with the prebuilt file.
// Never loaded by itself; vite.config.ts puts it in, and without it the prebuilt file works the same.

type Listener = (...values: never[]) => void;

class Duplex {
  readonly _readableState = { ended: false };
  readonly _writableState = { finished: false };
  readonly #listeners = new Map<string, Listener[]>();

  on(type: string, listener: Listener): this {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    return this;
  }
  once(type: string, listener: Listener): this {
    const first: Listener = (...values) => {
      this.removeListener(type, first);
      listener(...values);
    };
    return this.on(type, first);
  }
  removeListener(type: string, listener: Listener): this {
    const left = this.#listeners.get(type)?.filter((one) => one !== listener);
    if (left !== undefined) this.#listeners.set(type, left);
    return this;
  }
  emit(type: string, ...values: never[]): boolean {
    const listeners = this.#listeners.get(type) ?? [];
    for (const listener of listeners) listener(...values);
    return listeners.length > 0;
  }
  /** Called once, to say that nothing more comes; nothing ever came. */
  push(): void {}
  /** Without `finish` afterwards, which would only start another way of being destroyed. */
  end(): void {}
}

export const stream = { Duplex };

export const debug = () => (): void => {};

/** `Buffer.from` sits in the way of frames that does not exist here. */
export const Buffer = { from: (bytes: ArrayBuffer): Uint8Array => new Uint8Array(bytes) };

/** For the names of channels; only ever asked for hexadecimal. */
export function randombytes(count: number): { toString(): string } {
  const bytes = crypto.getRandomValues(new Uint8Array(count));
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { toString: () => text };
}

/** Defined, not assigned: `code` of a DOMException can only be read. */
export function errCode(error: Error, code: string): Error {
  return Object.defineProperty(error, "code", { value: code });
}

/** Absent where there is no WebRTC. */
export function getBrowserRTC(): object | null {
  if (globalThis.RTCPeerConnection === undefined) return null;
  const { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate } = globalThis;
  return { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate };
}
