// What an operator may set, the defaults, and the reading of flags and environment. A mistake is one sentence that
// names the flag. Files are opened by whoever needs them; this only knows their paths.

import { parseArgs } from "node:util";
import type { AttestLimits } from "./attest/limits.ts";
import type { EdgeLimits, Limits } from "./limits.ts";
import { LOG_LEVELS, type Log, type LogLevel } from "./log.ts";
import { isTurnUrl, MAX_TURN_URLS } from "./protocol/messages.ts";
import { Proxies, type TrustProxy } from "./region/proxies.ts";
import { siteOf } from "./site.ts";
import type { Clock } from "./tracker.ts";
import type { TurnSettings } from "./turn.ts";

export interface TrackerOptions {
  /** Default 7070; 0 is any free one. */
  readonly port?: number;
  /** Default: every interface when sites are named, else 127.0.0.1. */
  readonly host?: string;
  /** Origins whose pages may join. None: only pages of this machine. */
  readonly sites?: readonly string[];
  /** Secrets of join tokens, any of which will do; one makes a token a must. Default none. */
  readonly tokenSecrets?: readonly string[];
  /** Origins whose URLs may be read and vouched for; default the sites. `off`: none. */
  readonly contents?: readonly string[] | "off";
  /** Path of the signing key, made when there is none; purges are kept beside it. Default: a key that ends with the process. */
  readonly key?: string;
  /** Whoever has it may purge; needs `key`. Default: nobody may. */
  readonly purgeToken?: string;
  /** Default 0: `X-Forwarded-For` is not believed. */
  readonly trustProxy?: TrustProxy;
  /** Path of a JSON file of subnets and names. */
  readonly regions?: string;
  /** Path of a country database in MaxMind's format; default the one that ships. */
  readonly geoDb?: string;
  /** Path of an ASN database in MaxMind's format; default none. */
  readonly asnDb?: string;
  /** UDP port of the STUN server; 0 is any free one. Default `off`; `shoal tracker` tries 3478 when sites are named. */
  readonly stunPort?: number | "off";
  /** The operator's TURN server, for visitors who can only meet by relay. Default none. */
  readonly turn?: TurnSettings;
  /** `redis://` or `rediss://` URL of the Redis that this tracker shares with others of the same sites. Default none. */
  readonly redis?: string;
  /** Whether `/dashboard` is there for whoever reaches this port. Default false. */
  readonly dashboard?: boolean;
  /** Where the built client scripts are; default the package's own. */
  readonly scriptsDir?: string;
  readonly limits?: Partial<Limits>;
  readonly edgeLimits?: Partial<EdgeLimits>;
  readonly attestLimits?: Partial<AttestLimits>;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** A wrong option. `option` is its name among `TrackerOptions`; the text is a whole sentence. */
export class OptionError extends Error {
  override readonly name = "OptionError";
  readonly option: keyof TrackerOptions;
  constructor(option: keyof TrackerOptions, sentence: string) {
    super(sentence);
    this.option = option;
  }
}

/** In a browser's spelling, each once. */
export function originsOrError(
  option: "sites" | "contents",
  texts: readonly string[],
): ReadonlySet<string> {
  const flag = option === "sites" ? "--site" : "--content";
  const origins = texts.map((text) => {
    const origin = siteOf(text);
    if (origin !== undefined) return origin;
    throw new OptionError(option, `${flag}: ${JSON.stringify(text)} is not an origin.`);
  });
  return new Set(origins);
}

export const DEFAULT_PORT = 7070;
/** IANA's port for STUN. */
export const DEFAULT_STUN_PORT = 3478;

const FLAGS = {
  port: { type: "string" },
  host: { type: "string" },
  site: { type: "string", multiple: true },
  "token-secret": { type: "string", multiple: true },
  content: { type: "string", multiple: true },
  key: { type: "string" },
  "purge-token": { type: "string" },
  "trust-proxy": { type: "string" },
  regions: { type: "string" },
  "geo-db": { type: "string" },
  "asn-db": { type: "string" },
  "stun-port": { type: "string" },
  "turn-url": { type: "string", multiple: true },
  "turn-secret": { type: "string" },
  redis: { type: "string" },
  dashboard: { type: "boolean" },
  "log-level": { type: "string" },
  help: { type: "boolean" },
  version: { type: "boolean" },
} as const;

export type Command =
  | { readonly kind: "run"; readonly options: TrackerOptions; readonly logLevel: LogLevel }
  | { readonly kind: "help" | "version" }
  | { readonly kind: "mistake"; readonly sentence: string };

type Environment = Readonly<Record<string, string | undefined>>;

/** Flags first, then `SHOAL_` and the flag in upper snake case, then defaults. */
export function readOptions(args: readonly string[], environment: Environment): Command {
  try {
    const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true });
    if (values.help === true) return { kind: "help" };
    if (values.version === true) return { kind: "version" };
    const text = (
      flag: Exclude<
        keyof typeof FLAGS,
        "site" | "content" | "token-secret" | "turn-url" | "dashboard" | "help" | "version"
      >,
    ) => values[flag] ?? present(environment[variableOf(flag)]);
    const contents = values.content ?? listIn(environment[variableOf("content")]);
    const tokenSecrets = values["token-secret"] ?? listIn(environment[variableOf("token-secret")]);
    const turnUrls = values["turn-url"] ?? listIn(environment[variableOf("turn-url")]);
    return {
      kind: "run",
      logLevel: logLevelIn(text("log-level")),
      options: {
        port: portIn("--port", text("port") ?? String(DEFAULT_PORT)),
        sites: originsIn("site", values.site ?? listIn(environment[variableOf("site")])),
        trustProxy: trustIn(text("trust-proxy")),
        ...stunIn(text("stun-port")),
        ...turnIn(turnUrls, text("turn-secret")),
        ...contentsIn(contents),
        ...redisIn(text("redis")),
        ...(tokenSecrets.length === 0 ? {} : { tokenSecrets }),
        ...dashboardIn(values.dashboard, present(environment[variableOf("dashboard")])),
        ...given("host", text("host")),
        ...given("key", text("key")),
        ...given("purgeToken", text("purge-token")),
        ...given("regions", text("regions")),
        ...given("geoDb", text("geo-db")),
        ...given("asnDb", text("asn-db")),
      },
    };
  } catch (error) {
    if (error instanceof Mistake) return { kind: "mistake", sentence: error.message };
    return { kind: "mistake", sentence: `${firstSentence(error)}; see shoal tracker --help.` };
  }
}

class Mistake extends Error {}

const variableOf = (flag: string): string => `SHOAL_${flag.toUpperCase().replaceAll("-", "_")}`;
/** An empty variable is how many deployments write "not set". */
const present = (value: string | undefined): string | undefined => value?.trim() || undefined;
const listIn = (value: string | undefined): string[] =>
  (value ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
const given = (name: string, value: string | undefined) =>
  value === undefined ? {} : { [name]: value };

/** `parseArgs` names the flag in its first sentence; the rest is advice about syntax. */
const firstSentence = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split(/\.\s|\n/)[0] ?? "";

function dashboardIn(
  flag: boolean | undefined,
  variable: string | undefined,
): Pick<TrackerOptions, "dashboard"> {
  if (flag === true || variable === "on") return { dashboard: true };
  if (variable === undefined || variable === "off") return {};
  throw new Mistake(`SHOAL_DASHBOARD must be on or off, not ${JSON.stringify(variable)}.`);
}

function portIn(flag: string, text: string, otherwise = ""): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  const expected = `a number from 0 to 65535${otherwise}`;
  throw new Mistake(`${flag} must be ${expected}, not ${JSON.stringify(text)}.`);
}

function originsIn(flag: "site" | "content", texts: readonly string[]): string[] {
  return texts.map((text) => {
    const site = siteOf(text);
    if (site !== undefined) return site;
    throw new Mistake(
      `--${flag} must be an origin such as https://example.org, not ${JSON.stringify(text)}.`,
    );
  });
}

function contentsIn(texts: readonly string[]): Pick<TrackerOptions, "contents"> {
  if (texts.length === 0) return {};
  if (texts.length === 1 && texts[0] === "off") return { contents: "off" };
  return { contents: originsIn("content", texts) };
}

function trustIn(text: string | undefined): TrustProxy {
  if (text === undefined) return 0;
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const trust = listIn(text);
  const proxies = Proxies.trusting(trust);
  if (proxies instanceof Proxies && trust.length > 0) return trust;
  const why = proxies instanceof Proxies ? `${JSON.stringify(text)} is neither` : proxies;
  throw new Mistake(`--trust-proxy must be a number of proxies or their subnets: ${why}.`);
}

function stunIn(text: string | undefined): Pick<TrackerOptions, "stunPort"> {
  if (text === undefined) return {};
  return { stunPort: text === "off" ? text : portIn("--stun-port", text, ', or "off"') };
}

function turnIn(urls: readonly string[], secret: string | undefined): Pick<TrackerOptions, "turn"> {
  if (urls.length === 0 && secret === undefined) return {};
  if (urls.length === 0) throw new Mistake("--turn-secret needs --turn-url beside it.");
  if (secret === undefined) throw new Mistake("--turn-url needs --turn-secret beside it.");
  if (urls.length > MAX_TURN_URLS) {
    throw new Mistake(`--turn-url may be given ${MAX_TURN_URLS} times.`);
  }
  const wrong = urls.find((url) => !isTurnUrl(url));
  if (wrong === undefined) return { turn: { urls, secret } };
  const expected = "a URL such as turn:turn.example.org:3478?transport=udp";
  throw new Mistake(`--turn-url must be ${expected}, not ${JSON.stringify(wrong)}.`);
}

function redisIn(text: string | undefined): Pick<TrackerOptions, "redis"> {
  if (text === undefined) return {};
  if (isRedisUrl(text)) return { redis: text };
  // Not quoted: it may hold a password.
  throw new Mistake("--redis must be a URL such as redis://user:password@redis.internal:6379/0.");
}

/** As the IANA schemes have it: a host, and at most the number of a database behind it. */
function isRedisUrl(text: string): boolean {
  try {
    const { protocol, hostname, pathname } = new URL(text);
    return /^rediss?:$/.test(protocol) && hostname !== "" && /^(\/\d*)?$/.test(pathname);
  } catch {
    return false;
  }
}

function logLevelIn(text: string | undefined): LogLevel {
  const level = LOG_LEVELS.find((known) => known === (text ?? "info"));
  if (level !== undefined) return level;
  throw new Mistake(
    `--log-level must be one of ${LOG_LEVELS.join(", ")}, not ${JSON.stringify(text)}.`,
  );
}
