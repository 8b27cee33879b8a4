// Time in the simulated world: one queue of events, ties in the order they were made. Each participant has a clock of
// its own on it, so that what it leaves behind can be counted, and stopped when its tab is closed. Between
// events promises settle; nothing else of the host is used.

import type { Clock } from "../../client/core/ports.ts";
import type { Cancel, Millis } from "../../client/core/vocabulary.ts";

/** Events between two turns of the host's own loop. */
const BREATH = 1000;
/** When every simulated world begins: the second of November 2026, at noon. */
export const SIMULATED_DATE: Millis = 1_793_620_800_000;

/** A moment of it as HTTP writes it, for as long as that November lasts. */
export function httpDate(now: Millis): string {
  const [days, hours, minutes, seconds] = [86_400, 3600, 60, 1].map((unit, at, units) => {
    const left = Math.floor(now / 1000) + 43_200;
    return Math.floor((at === 0 ? left : left % (units[at - 1] ?? 1)) / unit);
  });
  const two = (count = 0): string => String(count).padStart(2, "0");
  const day = (days ?? 0) + 2;
  const name = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][(day - 1) % 7];
  return `${name}, ${two(day)} Nov 2026 ${two(hours)}:${two(minutes)}:${two(seconds)} GMT`;
}

interface Event {
  readonly at: Millis;
  readonly order: number;
  readonly owner: SimClock | null;
  task: (() => void) | null;
}

export class Timeline {
  #now: Millis = 0;
  #order = 0;
  /** How many have run. */
  events = 0;
  /** A binary heap, earliest first. */
  readonly #heap: Event[] = [];

  get now(): Millis {
    return this.#now;
  }

  at(moment: Millis, task: () => void, owner: SimClock | null = null): Cancel {
    const event: Event = { at: Math.max(moment, this.#now), order: this.#order++, owner, task };
    this.#push(event);
    if (owner !== null) owner.pending++;
    return () => {
      if (event.task === null) return;
      event.task = null;
      if (owner !== null) owner.pending--;
    };
  }

  /** Runs the next event; false when there is none. */
  async step(): Promise<boolean> {
    const { events } = this;
    await this.runWhile(() => this.events === events);
    return this.events > events;
  }

  /**
   * Runs events as long as there are any and the condition, asked before each, holds. Rejects with what it throws.
   * Between two events promises settle to the last: a microtask can only ask for the next tick, and that comes when no
   * microtask is left.
   */
  runWhile(goesOn: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (): void => {
        try {
          if (!goesOn() || !this.#runOne()) return resolve();
        } catch (error) {
          return reject(error);
        }
        // Now and then the host has its turn, or nothing else in this process would ever run.
        if (this.events % BREATH === 0) setImmediate(next);
        else void Promise.resolve().then(tick);
      };
      const tick = (): void => process.nextTick(next);
      next();
    });
  }

  #runOne(): boolean {
    for (let event = this.#pop(); event !== undefined; event = this.#pop()) {
      const { task, owner } = event;
      if (task === null) continue;
      event.task = null;
      if (owner !== null) owner.pending--;
      this.#now = event.at;
      this.events++;
      task();
      return true;
    }
    return false;
  }

  /** Lets promises settle, at this very moment. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !before(event, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const child = right !== undefined && left !== undefined && before(right, left) ? right : left;
      if (child === undefined || !before(child, last)) break;
      heap[at] = child;
      at = child === left ? 2 * at + 1 : 2 * at + 2;
    }
    heap[at] = last;
    return first;
  }
}

const before = (one: Event, other: Event): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order);

/** One participant's clock. Timers of hidden tabs are late, as browsers make them. */
export class SimClock implements Clock {
  readonly #timeline: Timeline;
  /** Timers not yet run or cancelled. Invariant I6. */
  pending = 0;
  hidden = false;
  #stopped = false;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  now(): Millis {
    return this.#timeline.now;
  }

  date(): Millis {
    return SIMULATED_DATE + this.#timeline.now;
  }

  after(delay: Millis, task: () => void): Cancel {
    const due = this.#timeline.now + Math.max(0, delay);
    // Chromium aligns timers of hidden pages to whole seconds.
    const at = this.hidden ? Math.ceil(due / 1000) * 1000 : due;
    return this.#timeline.at(at, () => (this.#stopped ? undefined : task()), this);
  }

  /** The tab is gone: nothing of it runs any more. */
  stop(): void {
    this.#stopped = true;
  }
}
