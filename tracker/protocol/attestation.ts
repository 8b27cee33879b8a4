// What a tracker says of URLs that no published manifest lists: a signed statement, or why there is none. How a page asks
// about many of them in one message, and the only parser of the answers.

import { type Bytes, concatenated, fromBase64url } from "./bytes.ts";
import {
  type AssetStatement,
  chunkCountOf,
  DIGEST_BYTES,
  MAX_FACT_LENGTH,
  manifestOf,
  SIGNATURE_BYTES,
} from "./manifest.ts";

/**
 * `GET /manifest?url=…` answers one URL. `POST /manifest`, the URLs one a line, answers each on a line of its own, as soon
 * as it is known.
 */
export const ATTEST_PATH = "/manifest";
/** Pages have up to some hundreds of assets; more of them are asked about in more messages. */
export const MAX_ASKED_URLS = 512;
export const MAX_ASK_BYTES = 64 * 1024;
/** The media type of many answers, one JSON text a line. */
export const ATTESTATIONS_TYPE = "application/x-ndjson";

export type Attestation =
  | {
      readonly kind: "vouched";
      readonly asset: AssetStatement;
      /** For how long the tracker would say the same without asking the origin again. Seconds, and parts of one. */
      readonly maxAge: number;
      /** All of it, if it is small and soon over, and was read just now. Not checked here. */
      readonly body?: Bytes | undefined;
    }
  | Extension
  | {
      readonly kind: "refused";
      readonly url: string;
      /** Why, for programs: stable. */
      readonly code: string;
      readonly maxAge: number;
    };

/** What comes after the digests of the statement before, and the signature of the statement that has them, too. */
export interface Extension {
  readonly kind: "more";
  readonly url: string;
  readonly digests: Bytes;
  readonly signature: Bytes;
}

/** The statement that is meant; `undefined` if it would have more digests than chunks. Its signature is not checked here. */
export function extended(
  asset: AssetStatement,
  { digests, signature }: Extension,
): AssetStatement | undefined {
  const longer = concatenated([asset.digests, digests]);
  const most = chunkCountOf(asset.size, asset.chunkBytes) * DIGEST_BYTES;
  return longer.length > most ? undefined : { ...asset, digests: longer, signature };
}

/** A day: the longest that anybody may be sent away for. */
export const MAX_ATTESTED_AGE = 86_400;

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null ? (value as Fields) : undefined;

/** One line of an answer; `undefined` when it is none. Signatures are not checked here. */
export function parseAttestation(line: string): Attestation | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { maxAge, manifest, problem, more, body } = fieldsOf(value) ?? {};
  if (more !== undefined) return extensionOf(fieldsOf(more) ?? {});
  if (typeof maxAge !== "number" || !(maxAge >= 0 && maxAge <= MAX_ATTESTED_AGE)) return undefined;
  if (problem === undefined) {
    const parsed = manifestOf(manifest);
    const asset = parsed.ok ? parsed.manifest.assets[0] : undefined;
    const handed = typeof body === "string" ? fromBase64url(body) : undefined;
    return asset && { kind: "vouched", asset, maxAge, body: handed };
  }
  const { url, code } = fieldsOf(problem) ?? {};
  if (typeof url !== "string" || typeof code !== "string") return undefined;
  if (code.length > MAX_FACT_LENGTH) return undefined;
  return { kind: "refused", url, code, maxAge };
}

function extensionOf({ url, digests, signature }: Fields): Extension | undefined {
  const added = typeof digests === "string" ? fromBase64url(digests) : undefined;
  const signed = typeof signature === "string" ? fromBase64url(signature) : undefined;
  if (typeof url !== "string" || added === undefined || signed?.length !== SIGNATURE_BYTES)
    return undefined;
  if (added.length % DIGEST_BYTES !== 0) return undefined;
  return { kind: "more", url, digests: added, signature: signed };
}
