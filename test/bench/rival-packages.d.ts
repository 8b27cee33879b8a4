// What the benchmarks use of packages that bring no types, and that are there only once the benchmarks have run.

declare module "bittorrent-tracker/server" {
  import type { EventEmitter } from "node:events";
  import type { Server as HttpServer } from "node:http";

  export default class Server extends EventEmitter {
    readonly http: HttpServer;
    constructor(options: { udp: boolean; http: boolean; ws: boolean; stats: boolean });
    listen(port: number, host: string, listening: () => void): void;
    close(closed: () => void): void;
  }
}

declare module "create-torrent" {
  interface Options {
    readonly name: string;
    readonly announce: string[];
    readonly urlList: string[];
  }
  export default function createTorrent(
    body: Uint8Array,
    options: Options,
    done: (error: Error | null, torrent: Uint8Array) => void,
  ): void;
}
