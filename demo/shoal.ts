// What the demo's page uses of Shoal: what the script tag left on the window. Says plainly when there is none; the page then
// works without.

import type { Client, hlsLoader } from "../client/index.ts";

declare global {
  interface Window {
    shoal?: Client;
    readonly Shoal?: { readonly hlsLoader: typeof hlsLoader };
  }
}

/** The script tag's client, or `undefined` when the tag did not load. */
export function runningClient(): Client | undefined {
  return window.shoal;
}

/** hls.js' way to Shoal's fragments, from the same script; `undefined` without. */
export function fragmentLoader(): ReturnType<typeof hlsLoader> | undefined {
  return window.shoal === undefined ? undefined : window.Shoal?.hlsLoader(window.shoal);
}

/** Like the client's `fetch`, or the browser's own when Shoal is not there. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

export function fetchOf(client: Client | undefined): Fetch {
  return client === undefined
    ? (url, init) => fetch(url, init)
    : (url, init) => client.fetch(url, init);
}
