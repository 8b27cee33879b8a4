// Which requests of a page the worker answers at all, as far as that can be told at once, and what is asked of media elements.
// Everything else is left to the browser as if there were no worker.

import type { ByteCount, ByteRange } from "../core/vocabulary.ts";
import { NOT_OURS } from "../request.ts";

/** Never navigations, frames or workers: their responses carry policies that a manifest knows nothing of. */
const DESTINATIONS: ReadonlySet<string> = new Set<RequestDestination>([
  "",
  "audio",
  "font",
  "image",
  "script",
  "style",
  "track",
  "video",
]);

/** `site`: the worker's own origin. */
export function isOurs(request: Request, site: string): boolean {
  const { method, destination, mode, cache, credentials, redirect, headers } = request;
  if (method !== "GET" || !DESTINATIONS.has(destination) || redirect !== "follow") return false;
  if (cache !== "default" && cache !== "force-cache") return false;
  const url = new URL(request.url);
  if (url.protocol !== "http:" && url.protocol !== "https:") return false;
  if (url.origin !== site) {
    // Opaque answers cannot be read, and another site's cookies are not ours to answer for.
    if (mode !== "cors" || credentials === "include") return false;
  } else if (mode !== "cors" && mode !== "no-cors" && mode !== "same-origin") return false;
  return !NOT_OURS.some((name) => headers.has(name));
}

/**
 * What a media element gets at a time. It asks for everything from where it plays, reads some seconds and drops the rest; and a worker
 * may not keep an answer open for ever (Chromium ends it after some five minutes). 4 MiB are seconds of 4K.
 */
const MEDIA_BYTES: ByteCount = 4 * 1024 * 1024;

/** Up to a chunk's end, so that the next answer begins with a whole one. */
export function shortened(range: ByteRange, chunkBytes: ByteCount): ByteRange {
  const chunks = Math.max(1, Math.floor(MEDIA_BYTES / chunkBytes));
  const end = (Math.floor(range.first / chunkBytes) + chunks) * chunkBytes;
  return { first: range.first, last: Math.min(range.last, end - 1) };
}
