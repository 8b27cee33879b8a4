// What a site may set, its defaults, bounds and units: the only place where defaults live. Reads options given in code
// and attributes given on the script tag; both end in one `Config`.

import { ATTEST_PATH } from "../tracker/protocol/attestation.ts";
import { isBase64url } from "../tracker/protocol/bytes.ts";
import { KEY_BYTES } from "../tracker/protocol/manifest.ts";
import { MAX_REGION_LENGTH, MAX_TOKEN_LENGTH } from "../tracker/protocol/messages.ts";
import { ShoalError } from "./core/errors.ts";
import type { ByteCount } from "./core/vocabulary.ts";

/** All optional, all checked: a wrong one is a `ShoalError` `options/invalid` that names it. */
export interface ClientOptions {
  /** The tracker, as http(s) or ws(s) URL. Script tag: where the script came from. Otherwise none, and so no peers. */
  readonly tracker?: string;
  /**
   * The published manifest. Default `/.well-known/shoal.json` of the page's site; absence is fine, and `off` does not even look, as
   * for a site whose tracker vouches for everything.
   */
  readonly manifest?: string;
  /** The site's worker file, for example `/shoal-sw.js`. Default none; `off` takes Shoal's worker off the site again. */
  readonly serviceWorker?: string;
  /** URL patterns that may be served; `*` stands for anything. Default: the sites of the page and of the manifest. */
  readonly include?: readonly string[];
  /** Of these, patterns that may not. At most 100 of each. */
  readonly exclude?: readonly string[];
  /** Mirrors: http(s) URLs under which the assets are to be had by the same paths. What they send is verified. At most 8, default none. */
  readonly origins?: readonly string[];
  /** What the page will want next: fetched, as far as Shoal vouches for it, when the page is idle, and never on Save-Data. At most 50. */
  readonly prefetch?: readonly string[];
  /** `ask`: no peers until `setConsent("granted")`, now or on an earlier page. Default `granted`: unless it was denied. */
  readonly consent?: "granted" | "ask" | "denied";
  /** Whether to serve others. Default true; Save-Data, metered links and hidden tabs never do. */
  readonly upload?: boolean;
  /** MiB given away in one visit, at most. Default 1024. */
  readonly uploadMb?: number;
  /** KiB given away in any second, at most; 64 or more. Default no limit. */
  readonly uploadKbPerSecond?: number;
  /** Refines what the tracker finds out by itself, for example a building. At most 64 characters. */
  readonly region?: string;
  /**
   * The only key whose manifests are believed, base64url of the uncompressed P-256 point; or up to four of them, comma-
   * separated, while the site changes from one to another. Default whoever signs for the site and its tracker.
   */
  readonly key?: string;
  /** Cache at most so many MiB, and never more than a tenth of what the browser allows. Default 500. */
  readonly cacheMb?: number;
  /** Links through TURN only: peers do not see each other's addresses. Default false. */
  readonly relayOnly?: boolean;
  /** Join token, where the tracker wants one. At most 1024 characters. */
  readonly token?: string;
  /** STUN and TURN servers beside the tracker's own. At most 8. Default none: no third party is asked unless named here. */
  readonly iceServers?: readonly RTCIceServer[];
  /** `memory` keeps nothing after the visit, and shares nothing with other tabs. Default `persistent`. */
  readonly storage?: "persistent" | "memory";
}

export interface Config {
  readonly trackerUrl: string | null;
  /** Where the tracker says what it vouches for. */
  readonly attestUrl: string | null;
  readonly manifestUrl: string;
  /** Whether there is anything to look for. */
  readonly published: boolean;
  /** Absolute; `null`: none is wanted, and none is looked for. */
  readonly serviceWorker: string | "off" | null;
  readonly include: readonly RegExp[];
  readonly exclude: readonly RegExp[];
  readonly origins: readonly string[];
  readonly prefetch: readonly string[];
  readonly consent: "granted" | "ask" | "denied";
  readonly upload: boolean;
  readonly uploadSessionBytes: ByteCount;
  readonly uploadBytesPerSecond: ByteCount;
  readonly region: string | null;
  readonly keys: readonly string[] | null;
  readonly cacheBytes: ByteCount;
  readonly relayOnly: boolean;
  readonly token: string | null;
  readonly iceServers: readonly RTCIceServer[];
  readonly storage: "persistent" | "memory";
}

const MIB = 1024 * 1024;
/** Enough for a site's pages and some video; a visitor's disk is not ours. */
const CACHE_MB = 500;
const MOST_CACHE_MB = 10_000;
/** An hour of giving at 2.4 Mbit/s: noticed by nobody on a fixed line, and an end to it on others. */
const UPLOAD_MB = 1024;
const MOST_PATTERNS = 100;
const MOST_ORIGINS = 8;
const MOST_PREFETCHED = 100;
/** An old one and a new one, of the site's build and of its tracker. */
const MOST_KEYS = 4;
/** Of a wrong value in its warning: enough to find it by in the page. */
const MOST_SHOWN = 60;

type Reader<T> = (value: unknown) => T | undefined;

const oneOf =
  <T extends string>(...allowed: readonly T[]): Reader<T> =>
  (value) =>
    allowed.find((one) => one === value);
const text =
  (longest: number): Reader<string> =>
  (value) =>
    typeof value === "string" && value.length > 0 && value.length <= longest ? value : undefined;
const numberFrom =
  (least: number, most: number): Reader<number> =>
  (value) =>
    typeof value === "number" && value >= least && value <= most ? value : undefined;
const flag: Reader<boolean> = (value) => (typeof value === "boolean" ? value : undefined);
const signers: Reader<readonly string[]> = (value) => {
  const keys = typeof value === "string" ? value.split(",").map((key) => key.trim()) : [];
  const isFine = keys.length <= MOST_KEYS && keys.every((key) => isBase64url(key, KEY_BYTES));
  return isFine && keys.length > 0 ? keys : undefined;
};

function urlFrom(base: string, protocols: readonly string[]): Reader<string> {
  return (value) => {
    const href = typeof value !== "string" || value === "" ? undefined : hrefOf(value, base);
    if (href === undefined) return undefined;
    const url = new URL(href);
    url.hash = "";
    return protocols.includes(url.protocol) ? url.href : undefined;
  };
}

function hrefOf(url: string, base: string): string | undefined {
  try {
    return new URL(url, base).href;
  } catch {
    return undefined;
  }
}

/** Mirrors, as URLs without a slash at the end. */
export function originsFrom(base: string): Reader<readonly string[]> {
  return (value) => {
    const urls = urlsFrom(base, MOST_ORIGINS)(value);
    return urls?.some((url) => url.includes("?"))
      ? undefined
      : urls?.map((url) => url.replace(/\/$/, ""));
  };
}

function urlsFrom(base: string, most: number): Reader<readonly string[]> {
  const read = urlFrom(base, ["http:", "https:"]);
  return (value) => {
    if (!Array.isArray(value) || value.length > most) return undefined;
    const urls = value.map(read).filter((url) => url !== undefined);
    return urls.length === value.length ? urls : undefined;
  };
}

/** Beside the scripts, below whatever path the tracker has. */
const attestUrlOf = (tracker: string): string => new URL(`.${ATTEST_PATH}`, tracker).href;

function patternsFrom(base: string): Reader<readonly RegExp[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > MOST_PATTERNS) return undefined;
    const patterns: RegExp[] = [];
    for (const pattern of value) {
      if (typeof pattern !== "string" || pattern === "" || pattern.length > 2048) return undefined;
      // A path means this site; `*` must survive the way through `URL`, which it does.
      const absolute = pattern.startsWith("*") ? pattern : hrefOf(pattern, base);
      if (absolute === undefined) return undefined;
      const escaped = absolute.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
      patterns.push(new RegExp(`^${escaped}$`));
    }
    return patterns;
  };
}

function iceServers(value: unknown): readonly RTCIceServer[] | undefined {
  if (!Array.isArray(value) || value.length > 8) return undefined;
  const fine = value.every((server: unknown) => {
    const urls: unknown = (server as { urls?: unknown } | null)?.urls;
    const list: readonly unknown[] = Array.isArray(urls) ? urls : [urls];
    return (
      list.length > 0 && list.every((url) => typeof url === "string" && /^(stun|turns?):/.test(url))
    );
  });
  return fine ? value : undefined;
}

/** Throws `options/invalid` for the first wrong one. `base` is the page's URL, `tracker` the script's origin. */
export function readOptions(options: ClientOptions, base: string, tracker: string | null): Config {
  function read<T>(
    name: keyof ClientOptions,
    expected: string,
    reader: Reader<T>,
    otherwise: T,
  ): T {
    const given: unknown = options[name];
    if (given === undefined) return otherwise;
    const value = reader(given);
    if (value === undefined) throw new ShoalError("options/invalid", { option: name, expected });
    return value;
  }
  const patterns = patternsFrom(base);
  const most = Number.MAX_SAFE_INTEGER / MIB;
  const trackerUrl = read(
    "tracker",
    "an http, https, ws or wss URL",
    urlFrom(base, ["http:", "https:", "ws:", "wss:"]),
    tracker,
  );
  const ownUrl = urlFrom(base, ["http:", "https:"]);
  const usual = new URL("/.well-known/shoal.json", base).href;
  const manifest = read(
    "manifest",
    'an http or https URL, or "off"',
    (value) => (value === "off" ? value : ownUrl(value)),
    usual,
  );
  const published = manifest !== "off";
  const manifestUrl = published ? manifest : usual;
  const sites = [`${new URL(base).origin}/*`, `${new URL(manifestUrl).origin}/*`];
  const list = `a list of at most ${MOST_PATTERNS} URL patterns`;
  return {
    trackerUrl: trackerUrl === null ? null : trackerUrl.replace(/^http/, "ws"),
    attestUrl: trackerUrl === null ? null : attestUrlOf(trackerUrl.replace(/^ws/, "http")),
    manifestUrl,
    published,
    serviceWorker: read<string | null>(
      "serviceWorker",
      'the URL of a file on this site, or "off"',
      (value) => {
        const url = value === "off" ? value : ownUrl(value);
        return url === "off" || url?.startsWith(`${new URL(base).origin}/`) ? url : undefined;
      },
      null,
    ),
    include: read("include", list, patterns, patterns(sites) ?? []),
    exclude: read("exclude", list, patterns, []),
    prefetch: read(
      "prefetch",
      `a list of at most ${MOST_PREFETCHED} http(s) URLs`,
      urlsFrom(base, MOST_PREFETCHED),
      [],
    ),
    origins: read(
      "origins",
      `a list of at most ${MOST_ORIGINS} http(s) URLs`,
      originsFrom(base),
      [],
    ),
    consent: read(
      "consent",
      '"granted", "ask" or "denied"',
      oneOf("granted", "ask", "denied"),
      "granted",
    ),
    upload: read("upload", "true or false", flag, true),
    uploadSessionBytes: read("uploadMb", "0 or more", numberFrom(0, most), UPLOAD_MB) * MIB,
    uploadBytesPerSecond:
      read("uploadKbPerSecond", "64 or more", numberFrom(64, most), Number.POSITIVE_INFINITY) *
      1024,
    region: read<string | null>(
      "region",
      `1 to ${MAX_REGION_LENGTH} characters`,
      text(MAX_REGION_LENGTH),
      null,
    ),
    keys: read<Config["keys"]>("key", "a P-256 public key, base64url", signers, null),
    cacheBytes:
      read("cacheMb", `0 to ${MOST_CACHE_MB}`, numberFrom(0, MOST_CACHE_MB), CACHE_MB) * MIB,
    relayOnly: read("relayOnly", "true or false", flag, false),
    token: read<string | null>(
      "token",
      `1 to ${MAX_TOKEN_LENGTH} characters`,
      text(MAX_TOKEN_LENGTH),
      null,
    ),
    iceServers: read("iceServers", "a list of at most 8 STUN or TURN servers", iceServers, []),
    storage: read(
      "storage",
      '"persistent" or "memory"',
      oneOf("persistent", "memory"),
      "persistent",
    ),
  };
}

const onOff = (value: string): unknown => ({ on: true, off: false })[value] ?? value;
const items = (value: string): unknown =>
  value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

/** Attributes of the script tag, and how their text becomes the option's value. */
export const ATTRIBUTES: {
  readonly [name: string]: readonly [keyof ClientOptions, (value: string) => unknown];
} = {
  tracker: ["tracker", String],
  manifest: ["manifest", String],
  serviceWorker: ["serviceWorker", String],
  include: ["include", items],
  exclude: ["exclude", items],
  origins: ["origins", items],
  prefetch: ["prefetch", items],
  consent: ["consent", String],
  upload: ["upload", onOff],
  region: ["region", String],
  key: ["key", String],
  // An empty text would count as zero.
  cacheMb: ["cacheMb", (value) => (value.trim() === "" ? Number.NaN : Number(value))],
  relayOnly: ["relayOnly", (value) => (value === "" || value === "true" ? true : onOff(value))],
  token: ["token", String],
};

/**
 * The options on a tag. A wrong value is left out, so that the page keeps working with the default, and warned of
 * once. `data-` attributes that are not ours are somebody else's.
 */
export function readAttributes(
  dataset: Readonly<Record<string, string | undefined>>,
  base: string,
  warn: (message: string) => void,
): ClientOptions {
  const options: Record<string, unknown> = {};
  for (const [name, [option, read]] of Object.entries(ATTRIBUTES)) {
    const value = dataset[name];
    if (value === undefined) continue;
    const candidate = { [option]: read(value) };
    try {
      readOptions(candidate, base, null);
      Object.assign(options, candidate);
    } catch (error) {
      const attribute = `data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      const why = error instanceof ShoalError ? error.message : String(error);
      const shown = value.length > MOST_SHOWN ? `${value.slice(0, MOST_SHOWN)}…` : value;
      warn(`Shoal ignores ${attribute}="${shown}". ${why}`);
    }
  }
  return options;
}
