// What happened to a client so far, for the day somebody asks why: counts and reasons, nothing of any request.

import type { ClientEvents, Listeners, Violation } from "./core/events.ts";

/** What events say in passing and snapshots forget. */
export class Incidents {
  readonly degraded = new Map<string, ClientEvents["degraded"]>();
  readonly violations: Partial<Record<Violation, number>> = {};
  answered = 0;
  passed = 0;

  constructor(listeners: Listeners) {
    listeners.on("degraded", (event) => this.degraded.set(event.code, event));
    listeners.on("violation", ({ kind }) => {
      this.violations[kind] = (this.violations[kind] ?? 0) + 1;
    });
  }
}
