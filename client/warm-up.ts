// Ahead of the page's wishes: connections to the mirrors it names, and, when it has nothing else to do, what it says will be
// wanted next. Nothing of it where data is saved, and nothing that only the network would give.

import { currentConditions } from "./browser/conditions.ts";
import type { Cancel } from "./core/vocabulary.ts";
import type { ShoalInit } from "./request.ts";

/** Browsers without a word for "idle" (Safari) are taken to be idle so long after the page has loaded. */
const IDLE_GUESS = 2000;
const mayWarm = (): boolean => {
  const { hidden, thrifty } = currentConditions();
  return !hidden && !thrifty;
};

export interface WarmUp {
  /** Absolute URLs. */
  readonly origins: readonly string[];
  readonly prefetch: readonly string[];
  fetch(url: string, init: ShoalInit): Promise<Response>;
}

export function warmUp({ origins, prefetch, fetch }: WarmUp): Cancel {
  const stop = new AbortController();
  if (currentConditions().thrifty) return () => {};
  for (const origin of new Set(origins.map((url) => new URL(url).origin))) connect(origin);
  void whenIdle(stop.signal).then(async () => {
    for (const url of prefetch) {
      if (stop.signal.aborted || !mayWarm()) return;
      const shoal = { urgency: "idle", passThrough: false } as const;
      // Somebody's page must not fail because of what it has not asked for.
      await fetch(url, { signal: stop.signal, shoal })
        .then((response) => response.body?.pipeTo(new WritableStream()))
        .catch(() => {});
    }
  });
  return () => stop.abort();
}

/** Anonymous, as `fetch` to another origin is: with credentials it would be another connection. */
function connect(origin: string): void {
  const link = document.createElement("link");
  link.rel = "preconnect";
  link.href = origin;
  link.crossOrigin = "anonymous";
  document.head?.append(link);
}

async function whenIdle(signal: AbortSignal): Promise<void> {
  if (document.readyState !== "complete") {
    await new Promise((resolve) => addEventListener("load", resolve, { once: true, signal }));
  }
  await new Promise<unknown>((resolve) => {
    if ("requestIdleCallback" in globalThis) requestIdleCallback(resolve);
    else setTimeout(resolve, IDLE_GUESS);
  });
}
