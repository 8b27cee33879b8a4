// The processes a load is made of: the one that asks a crowd to do something and waits until it has, and the foe.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Order, Outcome } from "./crowd.ts";
import { stepForward } from "./subject.ts";

const RUN = fileURLToPath(new URL("../support/run.mjs", import.meta.url));

async function started(path: string, words: readonly string[] = []): Promise<ChildProcess> {
  const child = fork(RUN, [path, ...words], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  await once(child, "message");
  return child;
}
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

export class Crowd {
  readonly #child: ChildProcess;
  private constructor(child: ChildProcess) {
    this.#child = child;
  }
  static async gather(): Promise<Crowd> {
    return new Crowd(await started("test/load/crowd.ts"));
  }
  async bid(order: Order): Promise<Outcome> {
    this.#child.send(order);
    const [outcome] = await once(this.#child, "message");
    return outcome;
  }
  stepForward(): void {
    stepForward(this.#child, "visitors");
  }
  disperse(): Promise<void> {
    return ended(this.#child);
  }
}

export class Foe {
  readonly #child: ChildProcess;
  private constructor(child: ChildProcess) {
    this.#child = child;
  }
  static async comes(port: number, seed: number): Promise<Foe> {
    return new Foe(await started("test/load/foe.ts", [String(port), String(seed)]));
  }
  goes(): Promise<void> {
    return ended(this.#child);
  }
}
