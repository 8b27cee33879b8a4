// The `TrackerConnector` over WebSocket. Owns its sockets. Never reconnects: when is the core's decision.

import type { TrackerConnector, TrackerLink, TrackerListener } from "../core/ports.ts";

export function webSocketConnector(): TrackerConnector {
  return {
    connect(url, listener) {
      try {
        return new SocketLink(new WebSocket(url), listener);
      } catch {
        // A bad address, or a page that may not open sockets at all. Said later, so that the caller has its link.
        const refused = { over: false };
        queueMicrotask(() => {
          if (!refused.over) listener.closed();
        });
        return {
          send() {},
          close() {
            refused.over = true;
          },
        };
      }
    },
  };
}

class SocketLink implements TrackerLink {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, listener: TrackerListener) {
    this.#socket = socket;
    socket.onopen = () => listener.open();
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      // The tracker speaks text alone; anything else has no meaning to pass on.
      if (typeof data === "string") listener.text(data);
    };
    // A socket that the page's policy forbids ends with `error` alone in Chromium (seen in 156); any other
    // with `error` and `close`, of which the first counts.
    socket.onerror = socket.onclose = () => {
      this.#mute();
      listener.closed();
    };
  }

  send(text: string): void {
    // Before it is open `send` throws, and after it closed it only counts.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  close(): void {
    this.#mute();
    this.#socket.close();
  }

  #mute(): void {
    this.#socket.onopen = null;
    this.#socket.onmessage = null;
    this.#socket.onerror = null;
    this.#socket.onclose = null;
  }
}
