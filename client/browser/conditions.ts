// What a page can tell of its visitor's circumstances: hidden tab, thrifty link, page going and coming back, room
// on disk. Owns its event listeners. Never concludes anything from them.

import type { ByteCount, Cancel, Conditions } from "../core/vocabulary.ts";

export interface ConditionsListener {
  /** At least one of them is different now. */
  changed(conditions: Conditions): void;
  /** The page goes away, perhaps for good. With open sockets or links it could not be kept for the back button. */
  left(): void;
  /** The page is back from there, as it was. */
  returned(): void;
}

/** Network Information API: Chromium only, and in no standard library. */
interface NetworkInformation extends EventTarget {
  readonly saveData?: boolean;
  readonly type?: string;
}

function networkInformation(): NetworkInformation | undefined {
  // `in` would do at run time, but not for the compiler.
  return (navigator as Navigator & { readonly connection?: NetworkInformation }).connection;
}

export function currentConditions(): Conditions {
  const network = networkInformation();
  return {
    hidden: document.visibilityState === "hidden",
    // Cellular is the nearest that browsers come to saying "metered".
    thrifty: network?.saveData === true || network?.type === "cellular",
  };
}

export function watchConditions(listener: ConditionsListener): Cancel {
  let last = currentConditions();
  const look = (): void => {
    const next = currentConditions();
    if (next.hidden === last.hidden && next.thrifty === last.thrifty) return;
    last = next;
    listener.changed(next);
  };
  const stop = new AbortController();
  const { signal } = stop;
  document.addEventListener("visibilitychange", look, { signal });
  networkInformation()?.addEventListener("change", look, { signal });
  addEventListener("pagehide", () => listener.left(), { signal });
  addEventListener(
    "pageshow",
    (event) => {
      if (event.persisted) listener.returned();
    },
    { signal },
  );
  return () => stop.abort();
}

/** Bytes this site may store here, as far as the browser says; `null` when it does not. */
export async function storageQuota(): Promise<ByteCount | null> {
  try {
    return (await navigator.storage.estimate()).quota ?? null;
  } catch {
    return null;
  }
}
