// What a page needs once it has company: loaded when another tab of the same visitor says that it is there.

import { browserTabs } from "./browser/browser-tabs.ts";
import { browserClock } from "./browser/clock.ts";
import type { LocalPeer } from "./core/local-peer.ts";
import { Siblings } from "./core/siblings.ts";

/** From now on the peer goes by what the other tabs say. Does nothing where the browser has no locks. */
export function join(peer: LocalPeer): void {
  const tabs = browserTabs();
  if (tabs === null) return;
  peer.join((listener) => new Siblings({ ...listener, clock: browserClock(), tabs }));
}
