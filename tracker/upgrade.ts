// An upgrade's two endings: what bounds the socket that comes of it, and how one is refused.

import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { EdgeLimits } from "./limits.ts";

/** For `ws`; `closeTimeout` and `maxPendingAutoPongs` are newer than its published types. */
export function socketOptions(limits: EdgeLimits) {
  return {
    noServer: true,
    clientTracking: false,
    // Small JSON does not earn a zlib context per socket.
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    maxFragments: limits.messageFrames,
    maxBufferedChunks: limits.bufferedChunks,
    closeTimeout: limits.closeMs,
    maxPendingAutoPongs: limits.messageFrames,
  };
}

/** A status line, one sentence, and the end. */
export function refuse(stream: Duplex, status: number, sentence: string): void {
  const body = `${sentence}\n`;
  // A reset meanwhile, which nobody else hears; of a handshake that goes on `ws` hears it.
  stream.on("error", unheard);
  stream.once("finish", () => stream.destroy());
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

const unheard = (): void => {};
