// What the attestor's tests play on: a site of the loopback whose films are fresh for a minute, and attestors with a
// time of the test's own.

import { createHash } from "node:crypto";
import { afterEach, beforeEach } from "vitest";
import { Attestor, type Finding } from "../../../../tracker/attest/attestor.ts";
import { ContentOrigins } from "../../../../tracker/attest/content-origins.ts";
import { type AttestLimits, DEFAULT_ATTEST_LIMITS } from "../../../../tracker/attest/limits.ts";
import { passingKey } from "../../../../tracker/manifest/keys.ts";
import { type AssetStatement, CHUNK_BYTES } from "../../../../tracker/protocol/manifest.ts";
import type { PurgeLog } from "../../../../tracker/purge/purge-log.ts";
import { type OwnAnswer, type Site, startSite } from "../../../support/servers.ts";
import { noise } from "../../../support/stage.ts";

export const FILM = noise(3 * CHUNK_BYTES + 100, 1);
export const FRESH = { "cache-control": "max-age=60" };

/** Of the test that runs: fresh for each. */
export const play = { site: undefined as unknown as Site, now: 1_800_000_000_000 };
const attestors: Attestor[] = [];

export function playsOnASite(): void {
  beforeEach(async () => {
    play.site = await startSite({ files: { "/film.mp4": { body: FILM, headers: FRESH } } });
  });
  afterEach(async () => {
    for (const attestor of attestors.splice(0)) attestor.close();
    await play.site.close();
  });
}

export async function attestorWith(
  limits: Partial<AttestLimits> = {},
  origins = new ContentOrigins(new Set([play.site.url])),
  purges?: PurgeLog,
): Promise<Attestor> {
  const attestor = new Attestor({
    origins,
    key: await passingKey(),
    limits: { ...DEFAULT_ATTEST_LIMITS, ...limits },
    now: () => play.now,
    ...(purges === undefined ? {} : { purges }),
  });
  attestors.push(attestor);
  return attestor;
}

export async function find(attestor: Attestor, path = "/film.mp4"): Promise<Finding> {
  const finding = await attestor.find(play.site.url + path, () => true);
  return finding.kind === "growing" ? finding.whole : finding;
}

/** The statement, or the code of the refusal. */
export async function found(attestor: Attestor, path?: string): Promise<AssetStatement | string> {
  const finding = await find(attestor, path);
  return finding.kind === "vouched" ? finding.asset : finding.refusal.code;
}

/** What becomes of an answer: the statement, or the code of its refusal. */
export async function verdictOn(
  own: OwnAnswer,
  limits: Partial<AttestLimits> = {},
): Promise<AssetStatement | string> {
  play.site.answer("/x", own);
  return found(await attestorWith(limits), "/x");
}

export function digestsOf(body: Uint8Array): string {
  const digests: Buffer[] = [];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    const chunk = body.subarray(at, at + CHUNK_BYTES);
    digests.push(createHash("sha256").update(chunk).digest());
  }
  return Buffer.concat(digests).toString("base64url");
}

export const sends =
  (body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): OwnAnswer =>
  (_request, response) => {
    response.writeHead(200, { "content-type": "image/png", ...FRESH, ...headers });
    response.end(body);
  };
