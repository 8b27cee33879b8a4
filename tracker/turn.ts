// Credentials for the operator's TURN server: made for one visit, so that what a page can read is worth little to
// whoever copies it. The scheme is draft-uberti-behave-turn-rest-00, which coturn calls `use-auth-secret`.

import { createHmac, randomBytes } from "node:crypto";
import type { TurnServer } from "./protocol/messages.ts";

/** Longer than a visit, since they are handed out when a page joins; the draft recommends a day at most (2.2). */
const VALID_FOR_S = 12 * 3600;

export interface TurnSettings {
  /** Such as `turn:turn.example.org:3478` or `turns:turn.example.org:443?transport=tcp`. */
  readonly urls: readonly string[];
  readonly secret: string;
}

/** `now`: milliseconds since 1970. */
export function turnServer({ urls, secret }: TurnSettings, now: number): TurnServer {
  // The draft's second half is a user's name, for accounting. Ours has nothing to say, and no two are alike.
  const username = `${Math.floor(now / 1000) + VALID_FOR_S}:${randomBytes(6).toString("hex")}`;
  const credential = createHmac("sha1", secret).update(username).digest("base64");
  return { urls, username, credential };
}
