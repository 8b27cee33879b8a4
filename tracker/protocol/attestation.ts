// What a tracker says of URLs that no published manifest lists: a signed statement, or why there is none. How a page asks
// for many of them in one request, and the only parser of the answers.

import { type AssetStatement, MAX_FACT_LENGTH, manifestOf } from "./manifest.ts";

/** `GET /manifest?url=…`, with `url` once (one answer) or many times (one answer a line, each as soon as it is known). */
export const ATTEST_PATH = "/manifest";
/** A page has a few dozen assets; more of them are asked for in more requests. */
export const MAX_ASKED_URLS = 64;
/** Of the request's query: common servers and proxies take 8 KiB of request line. */
export const MAX_ASK_LENGTH = 7 * 1024;
/** The media type of many answers, one JSON text a line. */
export const ATTESTATIONS_TYPE = "application/x-ndjson";

export type Attestation =
  | {
      readonly kind: "vouched";
      readonly asset: AssetStatement;
      /** For how long the tracker would say the same without asking the origin again. Seconds, like HTTP's max-age. */
      readonly maxAge: number;
    }
  | {
      readonly kind: "refused";
      readonly url: string;
      /** Why, for programs: stable. */
      readonly code: string;
      readonly maxAge: number;
    };

/** A day: the longest that anybody may be sent away for. */
export const MAX_ATTESTED_AGE = 86_400;

/** The query for these URLs, after the `?`. */
export const askFor = (urls: readonly string[]): string =>
  urls.map((url) => `url=${encodeURIComponent(url)}`).join("&");

/** One line of an answer; `undefined` when it is none. Signatures are not checked here. */
export function parseAttestation(line: string): Attestation | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { maxAge, manifest, problem } = value as Readonly<Record<string, unknown>>;
  if (typeof maxAge !== "number" || !(maxAge >= 0 && maxAge <= MAX_ATTESTED_AGE)) return undefined;
  if (problem === undefined) {
    const parsed = manifestOf(manifest);
    const asset = parsed.ok ? parsed.manifest.assets[0] : undefined;
    return asset && { kind: "vouched", asset, maxAge };
  }
  if (typeof problem !== "object" || problem === null) return undefined;
  const { url, code } = problem as Readonly<Record<string, unknown>>;
  if (typeof url !== "string" || typeof code !== "string") return undefined;
  if (code.length > MAX_FACT_LENGTH) return undefined;
  return { kind: "refused", url, code, maxAge };
}
