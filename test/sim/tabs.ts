// The tabs of one simulated browser: what one says the others hear a moment later, and a name is one tab's at a time.

import type { Clock, Tabs } from "../../client/core/ports.ts";
import type { Millis } from "../../client/core/vocabulary.ts";

/** From one tab to another. */
const HOP: Millis = 1;

type Listener = Parameters<Tabs["claim"]>[1];

export class SimBrowser {
  readonly #open = new Map<Tabs, (message: unknown) => void>();
  /** Whoever has the name, then whoever waits for it. */
  readonly #lines = new Map<string, Listener[]>();

  tab(clock: Clock): Tabs {
    const tabs: Tabs = {
      open: (heard) => void this.#open.set(tabs, heard),
      tell: (message) => {
        const said: unknown = structuredClone(message);
        for (const other of this.#open.keys()) {
          if (other === tabs || !this.#open.has(tabs)) continue;
          clock.after(HOP, () => this.#open.get(other)?.(said));
        }
      },
      claim: (name, listener) => {
        const line = this.#lines.get(name) ?? [];
        this.#lines.set(name, line);
        const mine: Listener = { ...listener };
        line.push(mine);
        clock.after(HOP, () => {
          if (line[0] === mine) mine.granted();
          else if (line.includes(mine)) mine.taken();
        });
        return () => {
          const at = line.indexOf(mine);
          if (at < 0) return;
          line.splice(at, 1);
          const next = line[0];
          if (at === 0 && next !== undefined) {
            clock.after(HOP, () => line[0] === next && next.granted());
          }
        };
      },
      close: () => void this.#open.delete(tabs),
    };
    return tabs;
  }
}
