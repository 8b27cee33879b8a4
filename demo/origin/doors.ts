// The tracker's other doors: the same tracker, reached as if from an address in another part of the house. Stands where a
// site's reverse proxy would, and says whom it speaks for in `X-Forwarded-For`; the tracker trusts it and draws its own
// conclusions from the operator's rules. Owns the sockets it joins.

import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Names of the rules, and the second byte of the addresses below 10. that each is for. */
export const REGIONS = ["North wing", "South wing", "Garden"] as const;

/** What the tracker gets as `--regions`. Whoever comes by the front door is in the first. */
export const REGION_RULES = {
  "127.0.0.0/8": REGIONS[0],
  "::1/128": REGIONS[0],
  ...Object.fromEntries(REGIONS.map((name, at) => [`10.${at}.0.0/16`, name])),
};

/** Where the door of a region is; `visitor` tells its visitors apart. */
export const doorPath = (region: number, visitor: number): string => `/door/${region}/${visitor}`;

const DOOR = /^\/door\/(\d)\/(\d{1,3})$/;

export class Doors {
  readonly #open = new Set<Duplex>();
  readonly #page: string;
  readonly #visitorSites: readonly string[];

  /** Origins: the demo's own page's, and those of its visitors, who to the tracker are on that page too. */
  constructor(page: string, visitorSites: readonly string[]) {
    this.#page = page;
    this.#visitorSites = visitorSites;
  }

  /** Joins an upgrade to the tracker at this port of the loopback. Whatever is not a door is hung up on. */
  through(
    request: IncomingMessage,
    stream: Duplex,
    { head, port }: { readonly head: Buffer; readonly port: number },
  ): void {
    const [, region = "", visitor = ""] = DOOR.exec(request.url ?? "") ?? [];
    // A reset by either side ends both; there is nobody to tell.
    stream.on("error", () => {});
    const { origin = "" } = request.headers;
    const isKnown = origin === this.#page || this.#visitorSites.includes(origin);
    if (!isKnown || region === "" || Number(region) >= REGIONS.length) return void stream.destroy();
    const tracker = connect(port, "127.0.0.1", () => {
      const headers = request.rawHeaders.flatMap((text, at, all) =>
        at % 2 === 0 && !/^(x-forwarded-for|origin)$/i.test(text)
          ? [`${text}: ${all[at + 1]}`]
          : [],
      );
      const address = `10.${region}.${Number(visitor) >> 8}.${Number(visitor) & 255}`;
      const ours = [`Origin: ${this.#page}`, `X-Forwarded-For: ${address}`];
      tracker.write(`${["GET / HTTP/1.1", ...headers, ...ours].join("\r\n")}\r\n\r\n`);
      tracker.write(head);
      tracker.pipe(stream).pipe(tracker);
    });
    this.#keep(stream, tracker);
  }

  close(): void {
    for (const stream of this.#open) stream.destroy();
  }

  #keep(stream: Duplex, tracker: Socket): void {
    tracker.on("error", () => {});
    for (const [one, other] of [
      [stream, tracker],
      [tracker, stream],
    ] as const) {
      this.#open.add(one);
      one.on("close", () => {
        this.#open.delete(one);
        other.destroy();
      });
    }
  }
}
