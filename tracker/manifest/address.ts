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
  const { href } = new URL(`${base.pathname}${path}`, base);
  return href.length <= MAX_URL_LENGTH ? href : undefined;
}

/** Every static server answers a directory with its `index.html`. */
export function directoryNamesOf(names: readonly string[]): readonly string[] | undefined {
  return names.at(-1) === "index.html" ? [...names.slice(0, -1), ""] : undefined;
}

/** Text says its encoding: without it, a browser falls back to the encoding of its owner's country. */
export function mediaTypeOf(name: string): string {
  const type = lookup(name) ?? "application/octet-stream";
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}
