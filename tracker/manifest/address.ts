// From a file's place in a directory to the URL under which a browser will ask for it, and its media type. Pure.
// Writes URLs exactly as a browser normalises them, because a manifest is looked up by the exact text.

import { lookup } from "mrmime";
import { MAX_URL_LENGTH } from "../protocol/manifest.ts";

/** The base as a directory URL, or `undefined` when pages cannot live there. */
export function baseUrlOf(text: string): URL | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return undefined;
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  if (url.username !== "" || url.password !== "" || /[?#]/.test(url.href)) return undefined;
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/**
 * What the URL parser would take for syntax, or drop, is encoded here; everything else is left to the parser itself
 * (WHATWG URL, path percent-encode set), so that the result is what `new URL(href).href` gives in a page.
 */
const SYNTAX = /[%?#\\\t\n\r]/g;

/** `undefined`: longer than a manifest may say. */
export function urlOf(base: URL, names: readonly string[]): string | undefined {
  const path = names.map((name) => name.replace(SYNTAX, encodeURIComponent)).join("/");
  const url = new URL(base);
  // Set, not joined: a relative reference may be taken for a host, and is trimmed at both ends.
  url.pathname += path;
  return url.href.length <= MAX_URL_LENGTH ? url.href : undefined;
}

/** Every static server answers a directory with its `index.html`. */
export function directoryNamesOf(names: readonly string[]): readonly string[] | undefined {
  return names.at(-1) === "index.html" ? [...names.slice(0, -1), ""] : undefined;
}

/** What the table leaves out (vendor types, mostly) and a site served through peers is likely to have. */
const VENDOR_TYPES: ReadonlyMap<string, string> = new Map([
  ["m3u8", "application/vnd.apple.mpegurl"],
  ["ico", "image/vnd.microsoft.icon"],
  ["flac", "audio/flac"],
]);

/** Text says its encoding: without it, a browser falls back to the encoding of its owner's country. */
export function mediaTypeOf(name: string): string {
  const ending = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  const type = VENDOR_TYPES.get(ending) ?? lookup(name) ?? "application/octet-stream";
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}
