// The publish command's arguments, parsed. Owns their names, defaults and bounds, and the text of --help. A refusal is
// one sentence that names the flag. Never touches the disk.

import { MAX_CHUNK_BYTES, MIN_CHUNK_BYTES } from "../protocol/manifest.ts";
import { baseUrlOf } from "./address.ts";

export interface PublishFlags {
  readonly directory: string;
  readonly baseUrl: URL;
  readonly out: string | undefined;
  readonly key: string;
  readonly chunkBytes: number | undefined;
  /** Go on publishing what comes and goes. */
  readonly watch: boolean;
}

export const DEFAULT_KEY_FILE = "shoal-key.json";

export const USAGE = `Usage: shoal publish DIR --base-url URL [--out FILE] [--key FILE] [--chunk-kb N] [--watch]

Hashes the files of DIR and writes a signed manifest, so that visitors of the site
can check what they get from each other. Publish the manifest with the files.

  --base-url URL   where DIR is on the web, for example https://www.example.org/
  --out FILE       the manifest; default DIR/.well-known/shoal.json, where pages look
  --key FILE       signing key, made if absent; default ${DEFAULT_KEY_FILE}, outside DIR
  --chunk-kb N     KiB verified at a time, ${MIN_CHUNK_BYTES / 1024} to ${MAX_CHUNK_BYTES / 1024}; default 256
  --watch          go on as files come and go, until SIGTERM or SIGINT; for live streams.
                   One JSON line a publication. Files are published when they are moved
                   into DIR or were left alone for a second; what changes, playlists
                   above all, when it was left alone for 30 seconds.
  --help           this text

Hidden files are left out (.well-known is not hidden), and so are links out of DIR.
Exit code: 0 done, 1 failed, 2 wrong usage.
`;

const VALUED = ["--base-url", "--out", "--key", "--chunk-kb"] as const;
type Flag = (typeof VALUED)[number];
const isFlag = (text: string): text is Flag => VALUED.some((flag) => flag === text);

export function publishFlags(
  args: readonly string[],
): PublishFlags | { readonly refusal: string } | "help" {
  const values = new Map<Flag, string>();
  const places: string[] = [];
  let watch = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === "--help" || arg === "-h") return "help";
    if (arg === "--watch") {
      if (watch) return { refusal: "--watch may be given once." };
      watch = true;
      continue;
    }
    if (!arg.startsWith("-")) {
      places.push(arg);
      continue;
    }
    const cut = arg.indexOf("=");
    const name = cut < 0 ? arg : arg.slice(0, cut);
    if (!isFlag(name)) return { refusal: `there is no flag ${name}; see --help.` };
    if (values.has(name)) return { refusal: `${name} may be given once.` };
    const value = cut < 0 ? args[++at] : arg.slice(cut + 1);
    if (value === undefined || value === "" || (cut < 0 && value.startsWith("--"))) {
      return { refusal: `${name} needs a value.` };
    }
    values.set(name, value);
  }

  const [directory, ...more] = places;
  if (directory === undefined || directory === "")
    return { refusal: "DIR is missing; see --help." };
  if (more.length > 0) return { refusal: `DIR may be one directory, and ${more[0]} is another.` };
  const base = values.get("--base-url");
  if (base === undefined)
    return { refusal: "--base-url is missing: where will DIR be on the web?" };
  const baseUrl = baseUrlOf(base);
  if (baseUrl === undefined) {
    return { refusal: "--base-url must be an http(s) URL without user, query or fragment." };
  }
  const kibibytes = values.get("--chunk-kb");
  const chunkBytes = kibibytes === undefined ? undefined : chunkBytesOf(kibibytes);
  if (chunkBytes === "wrong") {
    const bounds = `${MIN_CHUNK_BYTES / 1024} to ${MAX_CHUNK_BYTES / 1024}`;
    return { refusal: `--chunk-kb must be a whole number, ${bounds}.` };
  }
  return {
    directory,
    baseUrl,
    out: values.get("--out"),
    key: values.get("--key") ?? DEFAULT_KEY_FILE,
    chunkBytes,
    watch,
  };
}

function chunkBytesOf(text: string): number | "wrong" {
  const bytes = /^\d{1,5}$/.test(text) ? Number(text) * 1024 : 0;
  return bytes >= MIN_CHUNK_BYTES && bytes <= MAX_CHUNK_BYTES ? bytes : "wrong";
}
