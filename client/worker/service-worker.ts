// The service worker's door: its events, and `handleFetch` for a site that has a worker of its own. Keeps no state: it is
// stopped and started as the browser likes. Never touches a navigation, and never fails a request that the network would answer.

import { answer, bypassed } from "./answer.ts";
import { BRIDGE_VERSION, BYPASS_HEADER, isHello, type Welcome } from "./bridge.ts";
import { isOurs } from "./interception.ts";

// The library types `self` as any worker's.
const worker = self as unknown as ServiceWorkerGlobalScope & { readonly shoalManual?: unknown };

/** A site's own worker says `self.shoalManual = true` before it imports this, and calls `handleFetch` itself. */
const isSole = worker.shoalManual !== true;

/**
 * Answers a request if it is one for Shoal. `false`: it is the caller's, and nothing was done with it. Call it in the
 * event's own turn, as `respondWith` has to be.
 */
export function handleFetch(event: FetchEvent): boolean {
  try {
    const { request, clientId } = event;
    if (request.headers.has(BYPASS_HEADER)) event.respondWith(bypassed(request));
    else if (isOurs(request, worker.location.origin)) event.respondWith(answer(request, clientId));
    else return false;
    return true;
  } catch {
    return false;
  }
}

worker.addEventListener("message", (event) => {
  if (!isHello(event.data) || !(event.source instanceof Client)) return;
  const welcome: Welcome = { version: BRIDGE_VERSION, client: event.source.id, sole: isSole };
  event.ports[0]?.postMessage(welcome);
});

/** In no standard library yet (Chromium 123). */
interface RoutedInstall extends ExtendableEvent {
  addRoutes?(rules: readonly unknown[]): Promise<void>;
}

if (isSole) {
  worker.addEventListener("install", (event: RoutedInstall) => {
    // What is never ours does not wait for a worker to start.
    const rules = [
      { condition: { requestMode: "navigate" }, source: "network" },
      { condition: { requestMethod: "POST" }, source: "network" },
    ];
    event.waitUntil(event.addRoutes?.(rules).catch(() => {}) ?? Promise.resolve());
    // Nothing is precached, so there is nothing to wait for, and an old worker holds nothing worth keeping.
    void worker.skipWaiting();
  });
  worker.addEventListener("activate", (event) => {
    event.waitUntil(worker.clients.claim());
  });
  worker.addEventListener("fetch", handleFetch);
}
