// What the demo uses of Shoal, and the two ways to come by it: the script tag's `window.shoal`, and a client made by hand
// from the module. Says plainly when there is none; the page then works without.

import type { Client, createClient } from "../client/index.ts";

declare global {
  interface Window {
    shoal?: Client;
  }
}

/** The script tag's client, or `undefined` when the tag did not load. */
export function runningClient(): Client | undefined {
  return window.shoal;
}

/**
 * A client with a store of its own that nobody shares: what makes a frame of this browser a visitor like any other.
 * Rejects when the module cannot be loaded.
 */
export async function separateClient(tracker: string): Promise<Client> {
  const address = `${tracker}/shoal.mjs`;
  // What the tracker serves there is this very module, built.
  const module: { createClient: typeof createClient } = await import(/* @vite-ignore */ address);
  return module.createClient({ tracker, storage: "memory" });
}

/** Like the client's `fetch`, or the browser's own when Shoal is not there. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

export function fetchOf(client: Client | undefined): Fetch {
  return client === undefined
    ? (url, init) => fetch(url, init)
    : (url, init) => client.fetch(url, init);
}
