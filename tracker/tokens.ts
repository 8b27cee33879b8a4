// Join tokens: a site that does not want strangers in its swarms signs one for each visitor, and the tracker checks it.
// JSON Web Tokens (RFC 7519) with HMAC-SHA256, so that every language has a library to issue them; checked here in a
// few lines, because the core asks in the middle of a message and the well-kept libraries answer with a promise.

import { createHmac, timingSafeEqual } from "node:crypto";
import { OptionError } from "./options.ts";

/** RFC 7518, section 3.2: a key for HS256 is at least as long as its hash. */
export const SHORTEST_SECRET = 32;
/** Clocks of the site and the tracker may differ by so much. */
const LEEWAY_S = 60;

/** What a join token lacks, by any of these secrets; `undefined`: none is needed. Throws an `OptionError`. */
export function tokensOf(
  secrets: readonly string[],
): ((token: string | undefined, site: string) => string | undefined) | undefined {
  if (secrets.length === 0) return undefined;
  if (secrets.some((secret) => Buffer.byteLength(secret) < SHORTEST_SECRET)) {
    const sentence = `--token-secret must have ${SHORTEST_SECRET} characters or more.`;
    throw new OptionError("tokenSecrets", sentence);
  }
  const tokens = new JoinTokens(secrets);
  return (token, site) => tokens.lacks(token, site);
}

type Claims = Readonly<Record<string, unknown>>;

export class JoinTokens {
  readonly #secrets: readonly string[];
  readonly #now: () => number;

  /** Any of the secrets will do, so that they can be changed one after the other. `now`: milliseconds since 1970. */
  constructor(secrets: readonly string[], now: () => number = Date.now) {
    this.#secrets = secrets;
    this.#now = now;
  }

  /** What the token lacks to admit a page of `site`; `undefined` when it lacks nothing. Never throws. */
  lacks(token: string | undefined, site: string): string | undefined {
    if (token === undefined) return "a join token is required";
    const [head = "", body = "", signature = "", ...more] = token.split(".");
    // The algorithm is ours, whatever the header says (RFC 8725, section 3.1).
    if (more.length > 0 || !this.#isSigned(`${head}.${body}`, signature)) {
      return "the join token is not signed by this site";
    }
    const { aud, exp, nbf } = claimsIn(body);
    const now = this.#now() / 1000;
    if (aud !== site && !(Array.isArray(aud) && aud.includes(site))) {
      return "the join token is for another site";
    }
    if (typeof exp !== "number") return "the join token has no end";
    if (now >= exp + LEEWAY_S) return "the join token has expired";
    if (typeof nbf === "number" && now < nbf - LEEWAY_S) return "the join token is not valid yet";
    return undefined;
  }

  #isSigned(text: string, signature: string): boolean {
    const given = Buffer.from(signature, "base64url");
    return this.#secrets.some((secret) => {
      const right = createHmac("sha256", secret).update(text).digest();
      return given.length === right.length && timingSafeEqual(given, right);
    });
  }
}

function claimsIn(body: string): Claims {
  try {
    const claims: unknown = JSON.parse(Buffer.from(body, "base64url").toString());
    return typeof claims === "object" && claims !== null ? (claims as Claims) : {};
  } catch {
    return {};
  }
}
