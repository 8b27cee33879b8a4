// The page's circumstances as the adapter reports them, for a page to run by name.

import {
  currentConditions,
  storageQuota,
  watchConditions,
} from "../../../client/browser/conditions.ts";

export { currentConditions, storageQuota };

/** Reports where it can still be read when the page is gone or out of sight. */
export function watch(): void {
  watchConditions({
    changed: () => {},
    left: () => localStorage.setItem("left", "yes"),
    returned: () => void fetch("/returned"),
  });
}

export const wasLeft = (): string | null => localStorage.getItem("left");
