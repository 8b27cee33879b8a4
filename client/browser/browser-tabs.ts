// The `Tabs` of a browser: a BroadcastChannel and Web Locks. Owns the channel while it is open: an open one keeps a page out of
// the back-forward cache.

import type { TabMessage, Tabs } from "../core/ports.ts";
import type { Cancel } from "../core/vocabulary.ts";

const NAME = "shoal-tabs-1";

/** Calls `met` once another tab is there: a tab that is here already answers, one that comes later says so. */
export function whenJoined(met: () => void): Cancel {
  if (typeof BroadcastChannel === "undefined") return () => {};
  const channel = new BroadcastChannel(NAME);
  channel.onmessage = () => {
    channel.close();
    met();
  };
  channel.postMessage({ tab: "here", peer: null, isAnswer: false } satisfies TabMessage);
  return () => channel.close();
}

/** `null` where the browser lacks either (before Safari 15.4), or the page may have neither. */
export function browserTabs(): Tabs | null {
  const locks: LockManager | undefined = navigator.locks;
  if (locks === undefined || typeof BroadcastChannel === "undefined") return null;
  let channel: BroadcastChannel | null = null;
  return {
    open(heard) {
      channel?.close();
      channel = new BroadcastChannel(NAME);
      channel.onmessage = (event: MessageEvent<unknown>) => heard(event.data);
    },
    tell(message) {
      channel?.postMessage(message);
    },
    claim(name, { granted, taken }) {
      const withdrawn = new AbortController();
      const { signal } = withdrawn;
      const given = new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => resolve()),
      );
      const hold = (): Promise<void> | undefined => {
        if (signal.aborted) return undefined;
        granted();
        return given;
      };
      const full = `${NAME} ${name}`;
      locks
        .request(full, { ifAvailable: true }, (lock) => {
          if (lock !== null) return hold();
          if (signal.aborted) return undefined;
          taken();
          locks.request(full, { signal }, hold).catch(() => {});
          return undefined;
        })
        // A page that may have no locks is alone as far as it can know.
        .catch(() => hold());
      return () => withdrawn.abort();
    },
    close() {
      channel?.close();
      channel = null;
    },
  };
}
