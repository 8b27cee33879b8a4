// What an operator may set, the defaults, and the reading of flags and environment. A mistake is one sentence that
// names the flag. Files are opened by whoever needs them; this only knows their paths.

import { parseArgs } from "node:util";
import type { EdgeLimits, Limits } from "./limits.ts";
import { LOG_LEVELS, type Log, type LogLevel } from "./log.ts";
import { Proxies, type TrustProxy } from "./region/proxies.ts";
import { siteOf } from "./site.ts";
import type { Clock } from "./tracker.ts";

export interface TrackerOptions {
  /** Default 7070; 0 is any free one. */
  readonly port?: number;
  /** Default: every interface when sites are named, else 127.0.0.1. */
  readonly host?: string;
  /** Origins whose pages may join. None: only pages of this machine. */
  readonly sites?: readonly string[];
  /** Secrets of join tokens, any of which will do; one makes a token a must. Default none. */
  readonly tokenSecrets?: readonly string[];
  /** Default 0: `X-Forwarded-For` is not believed. */
  readonly trustProxy?: TrustProxy;
  /** Path of a JSON file of subnets and names. */
  readonly regions?: string;
  /** Path of a country database in MaxMind's format; default the one that ships. */
  readonly geoDb?: string;
  /** Path of an ASN database in MaxMind's format; default none. */
  readonly asnDb?: string;
  /** Where the built client scripts are; default the package's own. */
  readonly scriptsDir?: string;
  readonly limits?: Partial<Limits>;
  readonly edgeLimits?: Partial<EdgeLimits>;
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

export const DEFAULT_PORT = 7070;

const FLAGS = {
  port: { type: "string" },
  host: { type: "string" },
  site: { type: "string", multiple: true },
  "token-secret": { type: "string", multiple: true },
  "trust-proxy": { type: "string" },
  regions: { type: "string" },
  "geo-db": { type: "string" },
  "asn-db": { type: "string" },
  "stun-port": { type: "string" },
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
      flag: Exclude<keyof typeof FLAGS, "site" | "token-secret" | "help" | "version">,
    ) => values[flag] ?? present(environment[variableOf(flag)]);
    const tokenSecrets = values["token-secret"] ?? listIn(environment[variableOf("token-secret")]);
    const sites = values.site ?? listIn(environment[variableOf("site")]);
    checkStunPort(text("stun-port"));
    return {
      kind: "run",
      logLevel: logLevelIn(text("log-level")),
      options: {
        port: portIn(text("port")),
        sites: sitesIn(sites),
        trustProxy: trustIn(text("trust-proxy")),
        ...(tokenSecrets.length === 0 ? {} : { tokenSecrets }),
        ...given("host", text("host")),
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

function portIn(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PORT;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new Mistake(`--port must be a number from 0 to 65535, not ${JSON.stringify(text)}.`);
}

function sitesIn(texts: readonly string[]): string[] {
  return texts.map((text) => {
    const site = siteOf(text);
    if (site !== undefined) return site;
    throw new Mistake(
      `--site must be an origin such as https://example.org, not ${JSON.stringify(text)}.`,
    );
  });
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

function checkStunPort(text: string | undefined): void {
  if (text === undefined || text === "off") return;
  throw new Mistake('--stun-port must be "off": this version has no STUN server of its own.');
}

function logLevelIn(text: string | undefined): LogLevel {
  const level = LOG_LEVELS.find((known) => known === (text ?? "info"));
  if (level !== undefined) return level;
  throw new Mistake(
    `--log-level must be one of ${LOG_LEVELS.join(", ")}, not ${JSON.stringify(text)}.`,
  );
}
