// What the tests of the tracker's word play on: a tracker and a stranger that sign, the lines of an answer, and a visit whose
// origin is scripted.

import { beforeAll } from "vitest";
import { Attested } from "../../../../../client/core/catalogue/attested.ts";
import type { Content } from "../../../../../client/core/vocabulary.ts";
import { base64url, sameBytes, utf8 } from "../../../../../tracker/protocol/bytes.ts";
import { type AssetStatement, writeManifest } from "../../../../../tracker/protocol/manifest.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { SimRandom } from "../../../../sim/random.ts";
import {
  newPublisher,
  type Publisher,
  type StatementSettings,
} from "../../../../support/manifest.ts";
import { noise } from "../../../../support/stage.ts";
import { ScriptedOrigin, type ScriptedRead } from "../scripted-origin.ts";
import { Stage, turns } from "../stage.ts";

export const TRACKER = "https://tracker.example/manifest";
export const A = "https://site.example/a.css";
export const FILM = "https://site.example/film.mp4";
export const BODY = noise(5 * 1024 + 1, 3);
export const GROWING = { chunkBytes: 1024, version: base64url(new Uint8Array(32)) };

export let tracker: Publisher;
export let stranger: Publisher;
/** Makes them, before the tests of the file. */
export function knowsPublishers(): void {
  beforeAll(async () => {
    [tracker, stranger] = await Promise.all([newPublisher(), newPublisher()]);
  });
}

export const line = (value: object): string => `${JSON.stringify(value)}\n`;
export const refusal = (url: string, maxAge = 600, code = "private"): string =>
  line({ maxAge, problem: { url, code } });
export async function vouching(
  url: string,
  body: Uint8Array,
  {
    by = tracker,
    maxAge = 60,
    ...settings
  }: StatementSettings & { by?: Publisher; maxAge?: number } = {},
): Promise<string> {
  const asset = await by.statement(url, body, settings);
  const manifest = JSON.parse(writeManifest(asset.epoch, asset.key, [asset]));
  return line({ maxAge, manifest });
}
/** From so many known chunks to so many. */
export async function growing(from: number, to: number, body: Uint8Array = BODY): Promise<string> {
  const asset = await tracker.statement(FILM, body, { ...GROWING, known: to });
  const digests = base64url(asset.digests.subarray(from * 32));
  return line({ more: { url: FILM, digests, signature: base64url(asset.signature) } });
}

export class Visit {
  readonly stage = new Stage();
  readonly origin = new ScriptedOrigin();
  readonly problems: string[] = [];
  grew = 0;
  /** Statements up to this epoch are purged. */
  purgedUpTo = 0;
  readonly adopted: Uint8Array[] = [];
  storing: Promise<void> = Promise.resolve();
  /** The origin has shown this to be wrong. */
  wrong: AssetStatement | null = null;
  readonly attested: Attested;
  constructor(pinnedKeys: readonly string[] | null = null) {
    this.attested = new Attested({
      clock: this.stage.clock,
      random: new SimRandom("attested"),
      hasher: simHasher,
      origin: this.origin,
      url: TRACKER,
      pinnedKeys,
      purges: { judge: ({ epoch }) => (epoch <= this.purgedUpTo ? "hard" : undefined) },
      isDistrusted: ({ digests }) => this.wrong !== null && sameBytes(digests, this.wrong.digests),
      adopt: (_content, body) => {
        this.adopted.push(body);
        return this.storing;
      },
      grew: () => {
        this.grew++;
      },
      problem: (code) => this.problems.push(code),
    });
  }
  /** Asks, and lets the message go out. */
  async ask(url: string): Promise<{ found: Promise<Content | undefined>; read: ScriptedRead }> {
    const found = this.attested.find(url);
    await this.stage.pass(5);
    return { found, read: this.origin.only };
  }
  /** Asks, and hears this as the whole answer. */
  async hear(url: string, ...lines: string[]): Promise<Content | undefined> {
    const { found, read } = await this.ask(url);
    read.start(0, null);
    for (const text of lines) read.bytes(utf8(text));
    read.end();
    return this.stage.wait(found);
  }
  find(url: string): Promise<Content | undefined> {
    return this.stage.wait(this.attested.find(url));
  }
}
export const say = async (read: ScriptedRead, text: string): Promise<void> => {
  read.bytes(utf8(text));
  await turns();
};
