// The names that cross between browser and tracker. Branded, so that a session can never be passed as a peer.

import { type Bytes, base64url, isBase64url } from "./bytes.ts";

declare const brand: unique symbol;
type Branded<T, Name> = T & { readonly [brand]: Name };

/** base64url of the first 20 bytes of SHA-256 of the peer's secret: whoever knows the secret owns the id. */
export type PeerId = Branded<string, "PeerId">;
/** base64url of a SHA-256 over what the swarm is about; opaque to the tracker. */
export type SwarmId = Branded<string, "SwarmId">;
/** One attempt to link two peers, named by the tracker. */
export type SessionId = Branded<string, "SessionId">;

export const PEER_ID_BYTES = 20;
export const SECRET_BYTES = 20;
export const SWARM_ID_BYTES = 32;
export const SESSION_ID_BYTES = 12;

/** The id that a secret proves. `hash` is SHA-256 of the secret's bytes. */
export function peerIdFrom(hash: Bytes): PeerId {
  return base64url(hash.subarray(0, PEER_ID_BYTES)) as PeerId;
}
export function swarmIdFrom(hash: Bytes): SwarmId {
  return base64url(hash) as SwarmId;
}
export function sessionIdFrom(random: Bytes): SessionId {
  return base64url(random) as SessionId;
}

export const isPeerId = (value: unknown): value is PeerId => isBase64url(value, PEER_ID_BYTES);
export const isSwarmId = (value: unknown): value is SwarmId => isBase64url(value, SWARM_ID_BYTES);
export const isSessionId = (value: unknown): value is SessionId =>
  isBase64url(value, SESSION_ID_BYTES);
export const isSecret = (value: unknown): value is string => isBase64url(value, SECRET_BYTES);

/** How near two peers are, nearest first. `network` is an operator's rule, the same public address, /24 or /48. */
export const PROXIMITIES = ["network", "asn", "country", "continent", "world"] as const;
export type Proximity = (typeof PROXIMITIES)[number];
export const isProximity = (value: unknown): value is Proximity =>
  PROXIMITIES.includes(value as Proximity);
