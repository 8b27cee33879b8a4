// A server under load: a process of its own with a probe in it. Owns the process; `end` ends it.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setPriority } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const KINDS = ["ws", "bittorrent", "shoal"] as const;
export type Kind = (typeof KINDS)[number];

/** Bytes; milliseconds. `heap` is what is in use after a collection, with buffers. */
export interface Measured {
  readonly rss: number;
  readonly heap: number;
  readonly loopP99Ms: number;
}

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Regions of the rules that the trackers under load go by: 127.100.0.0/16 and so on. */
export const REGIONS = 50;
export const regionRules = (): string =>
  JSON.stringify(
    Object.fromEntries(
      Array.from({ length: REGIONS }, (_, each) => [`127.${100 + each}.0.0/16`, `region ${each}`]),
    ),
  );

/** Whether the benchmarks' packages are installed. */
export const hasRival = (): boolean => existsSync(at("test/bench/node_modules/bittorrent-tracker"));

/**
 * Before everything else on this machine, where that is allowed (as root): what else it does meanwhile, the strangers of a
 * load among it, is not what is measured. The visitors go before the tracker, whose garbage collector would take their
 * core: they have machines of their own. Not in real time (`chrt`): that starves the kernel's thread for the loopback.
 */
export function stepForward({ pid = 0 }: ChildProcess, rank: "tracker" | "visitors"): void {
  try {
    setPriority(pid, rank === "tracker" ? -10 : -15);
  } catch {
    // Not allowed: they are some among many.
  }
}

export class Subject {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Resolves when it listens. `port` 0 is any free one. */
  static async start(kind: Kind, rules: string, port = 0): Promise<Subject> {
    const [path, words] = {
      ws: ["test/load/echo.mjs", [String(port)]] as const,
      bittorrent: ["test/load/bittorrent.mjs", [String(port)]] as const,
      shoal: [
        "dist/tracker/main.js",
        [
          ["tracker", "--host", "127.0.0.1", "--port", String(port), "--stun-port", "off"],
          ["--site", "http://localhost", "--regions", rules, "--log-level", "error"],
        ].flat(),
      ] as const,
    }[kind];
    const child = fork(at(path), [...words], {
      execArgv: ["--expose-gc", "--import", at("test/load/probe.mjs")],
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    if (child.stdout === null) throw new Error("a piped stream is there");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    if (done) throw new Error(`${kind} ended before it listened`);
    return new Subject(child, JSON.parse(value).port);
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Everything else on this machine goes first: nobody measures this one. */
  stepBack(): void {
    setPriority(this.#child.pid ?? 0, 19);
  }
  /** Before everything else on this machine, if that is allowed. */
  stepForward(): void {
    stepForward(this.#child, "tracker");
  }

  async measure(): Promise<Measured> {
    this.#child.send("measure");
    const [answer] = await once(this.#child, "message");
    return answer;
  }
  /** The event loop's delays count from here. */
  reset(): void {
    this.#child.send("reset");
  }

  async end(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    if (!this.isAlive) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }
}
