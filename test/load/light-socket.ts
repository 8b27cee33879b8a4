// A WebSocket client as light as one can be, so that a load is bounded by the server and not by its generator: one TCP
// socket, whole text frames, a mask of zeros (RFC 6455 asks for a mask, not for a good one).

import { connect, type Socket } from "node:net";

export interface LightSocketNeeds {
  readonly port: number;
  /** One of 127.0.0.0/8. */
  readonly localAddress: string;
  open(socket: LightSocket): void;
  text(text: string, socket: LightSocket): void;
  closed(socket: LightSocket): void;
}

const HANDSHAKE = [
  "GET / HTTP/1.1",
  "Host: 127.0.0.1",
  "Origin: http://localhost",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  "\r\n",
].join("\r\n");
const TEXT = 1;
const PING = 9;
const PONG = 10;
const NOTHING = Buffer.alloc(0);

export class LightSocket {
  /** Whatever its owner wants to remember. */
  sentAt = 0;
  isOpen = false;
  readonly #needs: LightSocketNeeds;
  readonly #tcp: Socket;
  #rest: Buffer = NOTHING;

  constructor(needs: LightSocketNeeds) {
    this.#needs = needs;
    const { port, localAddress } = needs;
    this.#tcp = connect({ port, host: "127.0.0.1", localAddress, noDelay: true });
    this.#tcp.on("connect", () => this.#tcp.write(HANDSHAKE));
    this.#tcp.on("data", (bytes) => this.#read(bytes));
    this.#tcp.on("error", () => {});
    this.#tcp.on("close", () => {
      this.isOpen = false;
      needs.closed(this);
    });
  }

  /** All in one write. */
  send(...texts: readonly string[]): void {
    const [first = "", ...more] = texts;
    const frame = frameOf(TEXT, Buffer.from(first));
    const others = more.map((text) => frameOf(TEXT, Buffer.from(text)));
    this.#tcp.write(others.length === 0 ? frame : Buffer.concat([frame, ...others]));
  }
  /** Bytes as they are, frames or not. */
  sendRaw(bytes: Buffer): boolean {
    return this.#tcp.write(bytes);
  }
  end(): void {
    this.#tcp.destroy();
  }

  #read(bytes: Buffer): void {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (!this.isOpen) {
      const end = data.indexOf("\r\n\r\n");
      if (end < 0) {
        this.#rest = data;
        return;
      }
      if (!data.subarray(0, 12).equals(Buffer.from("HTTP/1.1 101"))) {
        this.end();
        return;
      }
      this.isOpen = true;
      data = data.subarray(end + 4);
      this.#needs.open(this);
    }
    let at = 0;
    while (data.length - at >= 2) {
      let length = (data[at + 1] ?? 0) & 127;
      let start = at + 2;
      if (length === 126) {
        if (data.length - at < 4) break;
        length = data.readUInt16BE(at + 2);
        start = at + 4;
      }
      if (data.length - start < length) break;
      const payload = data.subarray(start, start + length);
      const opcode = (data[at] ?? 0) & 15;
      if (opcode === TEXT) this.#needs.text(payload.toString(), this);
      else if (opcode === PING) this.#tcp.write(frameOf(PONG, payload));
      at = start + length;
    }
    // A copy, so that a whole read buffer is not kept for a few bytes.
    this.#rest = at === data.length ? NOTHING : Buffer.from(data.subarray(at));
  }
}

function frameOf(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const start = length < 126 ? 6 : 8;
  // The mask stays zero.
  const frame = Buffer.alloc(start + length);
  frame[0] = 0x80 | opcode;
  if (length < 126) frame[1] = 0x80 | length;
  else {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  }
  payload.copy(frame, start);
  return frame;
}
