// The service worker of a site that asked for one. For now it only takes its place, so that a later version finds a
// worker to replace: no fetch listener, because a listener that passes everything through costs every request a
// start of the worker. Never touches a cache or a request.

/** Raised with every change of what the worker does; pages compare it with their own. */
const WORKER_VERSION = 1;

/** Asks which worker this is; the answer comes back on the port that was sent along. */
const VERSION_QUESTION = "shoal-worker-version";

// The library types `self` as any worker's.
const worker = self as unknown as ServiceWorkerGlobalScope;

worker.addEventListener("install", () => {
  // Nothing is precached, so there is nothing to wait for, and an old worker holds nothing worth keeping.
  void worker.skipWaiting();
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(worker.clients.claim());
});

worker.addEventListener("message", (event) => {
  const question: unknown = event.data;
  if (question === VERSION_QUESTION) event.ports[0]?.postMessage(WORKER_VERSION);
});

export {};
