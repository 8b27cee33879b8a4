// The tracker's real attestor in the simulated world: reads the simulated origin from a place of its own, and answers what
// visitors post to it, line by line, after their latency.

import * as attested from "../../client/core/catalogue/attested.ts";
import type { Origin, OriginListener, OriginRequest } from "../../client/core/ports.ts";
import type { Cancel, Millis } from "../../client/core/vocabulary.ts";
import { lineOf } from "../../tracker/attest/answers.ts";
import { Attestor } from "../../tracker/attest/attestor.ts";
import { ChunkDigests } from "../../tracker/attest/chunk-digests.ts";
import { ContentOrigins } from "../../tracker/attest/content-origins.ts";
import { DEFAULT_ATTEST_LIMITS } from "../../tracker/attest/limits.ts";
import type { ReadOutcome, Validators } from "../../tracker/attest/reader.ts";
import type { SigningKey } from "../../tracker/manifest/keys.ts";
import { type Bytes, concatenated, utf8 } from "../../tracker/protocol/bytes.ts";
import { SIMULATED_DATE } from "./clock.ts";
import type { Node } from "./network.ts";
import { HOME_PLACE, wayBetween } from "./places.ts";
import type { World } from "./world.ts";

const URL = "https://tracker.example/manifest";
/** In the data centre, as the tracker. */
const LATENCY: Millis = 5;
const RATE = 125_000_000;

export class SimAttestor {
  readonly attest = { url: URL, load: async () => attested };
  readonly #world: World;
  readonly #attestor: Attestor;
  readonly #own: Origin;

  constructor(world: World, key: Pick<SigningKey, "publicKey" | "sign">) {
    this.#world = world;
    const node = world.network.node("tracker", { up: RATE, down: RATE, latency: LATENCY });
    this.#own = world.origin.for(node);
    this.#attestor = new Attestor({
      origins: new ContentOrigins(new Set(["https://site.example"])),
      key: { ...key, hasSigned: async () => true },
      limits: DEFAULT_ATTEST_LIMITS,
      now: () => this.#now,
      reader: { read: (url, unless) => this.#read(url.href, unless), close: () => {} },
    });
  }

  /** The network as one visitor has it: what is asked of the tracker reaches it, the rest the origin. */
  beside(node: Node): Origin {
    const origin = this.#world.origin.for(node);
    return {
      read: (request, listener) =>
        request.url === URL
          ? this.#answer(node, request, listener)
          : origin.read(request, listener),
    };
  }

  get #now(): Millis {
    return SIMULATED_DATE + Math.floor(this.#world.timeline.now);
  }

  #answer(node: Node, { body = "" }: OriginRequest, listener: OriginListener): Cancel {
    const { timeline, tracker } = this.#world;
    const trip = node.wire.latency + wayBetween(node.place, HOME_PLACE) + LATENCY;
    let over = false;
    const later = (task: () => void): void => {
      timeline.at(timeline.now + trip, () => {
        if (!over && !node.gone) task();
      });
    };
    later(() => {
      if (!tracker.up) return later(() => listener.end({ kind: "unreachable" }));
      const said = body.split("\n").map(async (url) => {
        const found = await this.#attestor.find(url, () => true);
        const finding = found.kind === "growing" ? await found.whole : found;
        const line = utf8(lineOf(url, finding, this.#now));
        later(() => listener.bytes(line));
      });
      void Promise.all(said).then(() => later(() => listener.end({ kind: "complete" })));
    });
    return () => {
      over = true;
    };
  }

  #read(url: string, unless: Validators): Promise<ReadOutcome> {
    return new Promise((resolve) => {
      const digests = new ChunkDigests();
      const parts: Bytes[] = [];
      let headers: Record<string, string | undefined> = {};
      const refused = (code: "unreachable" | "status", originStatus?: number): void =>
        resolve({
          kind: "refused",
          refusal: { code, ...(originStatus === undefined ? {} : { originStatus }) },
        });
      this.#own.read(
        { url, range: "whole", cache: "no-cache", unless },
        {
          start: (answer) => {
            headers = { ...answer.headers };
          },
          bytes: (bytes) => {
            parts.push(bytes);
            digests.add(bytes);
          },
          end: (outcome) => {
            if (outcome.kind === "complete") {
              const content = digests.end();
              resolve({
                kind: "content",
                headers,
                content,
                body: concatenated(parts),
                growth: undefined,
              });
            } else if (outcome.kind !== "status") refused("unreachable");
            else if (outcome.status === 304)
              resolve({ kind: "unchanged", headers: { ...outcome.headers } });
            else refused("status", outcome.status);
          },
        },
      );
    });
  }
}
