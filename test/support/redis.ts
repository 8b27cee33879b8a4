// Finds redis-server, or installs it where that is allowed (Debian, root), and runs one on the loopback for a test:
// nothing on disk, and it can be killed, stopped in its tracks and started again on the same port. Owns its process.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { freePort } from "./free-port.ts";
import { findProgram } from "./program.ts";

/** Where redis-server is, now or after trying to get it. */
export const findRedis = (): string | undefined => findProgram("redis-server", "redis-server");

export interface Redis {
  readonly url: string;
  /** Ends it as a power cut would; what it knew is lost. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** It takes connections and answers nobody. */
  hang(): void;
  wake(): void;
  close(): Promise<void>;
}

export async function startRedis(path: string): Promise<Redis> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  const start = async () => {
    const words = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly"];
    words.push("no", "--dir", tmpdir());
    const started = spawn(path, words, { stdio: ["ignore", "pipe", "inherit"] });
    child = started;
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      started.once("exit", () => reject(new Error(`redis-server ended: ${said.join(" | ")}`)));
      createInterface({ input: started.stdout }).on("line", (line) => {
        said.push(line);
        if (line.includes("Ready to accept connections")) resolve();
      });
    });
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    hang: () => void child?.kill("SIGSTOP"),
    wake: () => void child?.kill("SIGCONT"),
    close: kill,
  };
}
