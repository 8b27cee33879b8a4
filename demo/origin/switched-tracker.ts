// A tracker with a switch: one on one port, which comes back there after it was away. Owns it.

import type { TrackerOptions } from "../../tracker/options.ts";
import { type RunningTracker, startTracker } from "../../tracker/server.ts";

export class SwitchedTracker {
  readonly #options: TrackerOptions;
  #running: RunningTracker | undefined;
  #port = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: Omit<TrackerOptions, "port">) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#running !== undefined;
  }

  /** One after the other, whoever asks. Resolves with the port. */
  switch(on: boolean): Promise<number> {
    const turn = this.#turn.then(() => (on ? this.#start() : this.#stop()));
    this.#turn = turn.catch(() => {});
    return turn.then(() => this.#port);
  }

  async #start(): Promise<void> {
    if (this.#running !== undefined) return;
    this.#running = await startTracker({ ...this.#options, port: this.#port });
    this.#port = this.#running.port;
  }

  async #stop(): Promise<void> {
    await this.#running?.close({ graceful: false });
    this.#running = undefined;
  }
}
