// Finds coturn, or installs it where that is allowed (Debian, root), and runs one on the loopback for a test. Owns its
// process; `close` ends it.

import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findProgram } from "./program.ts";

/** Where coturn is, now or after trying to get it. */
export const findCoturn = (): string | undefined => findProgram("turnserver", "coturn");

export interface Coturn {
  /** `turn:127.0.0.1:…` */
  readonly url: string;
  /** Relays that it has opened so far. */
  readonly allocations: number;
  close(): Promise<void>;
}

/** By UDP, on the loopback, with the credentials of draft-uberti-behave-turn-rest. Resolves when it listens. */
export async function startCoturn(path: string, secret: string): Promise<Coturn> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-coturn-"));
  const port = await freePort();
  const words = [
    ["-n", "--log-file=stdout", "--verbose", "--simple-log", "--no-cli", "--no-tls", "--no-dtls"],
    ["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers"],
    [`--listening-port=${port}`, "--realm=shoal.test", "--no-multicast-peers", "--fingerprint"],
    ["--use-auth-secret", `--static-auth-secret=${secret}`, `--userdb=${join(folder, "db")}`],
    [`--pidfile=${join(folder, "pid")}`],
  ];
  const child = spawn(path, words.flat(), { stdio: ["ignore", "pipe", "pipe"], cwd: folder });
  const exited = once(child, "exit");
  let allocations = 0;
  const said: string[] = [];
  const listening = new Promise<void>((resolve, reject) => {
    void exited.then(() => reject(new Error(`coturn ended: ${said.join(" | ")}`)));
    const read = (line: string) => {
      said.push(line);
      if (line.includes("UDP listener opened on")) resolve();
      if (line.includes("ALLOCATE processed, success")) allocations++;
    };
    createInterface({ input: child.stdout }).on("line", read);
    createInterface({ input: child.stderr }).on("line", read);
  });
  await listening;
  return {
    url: `turn:127.0.0.1:${port}?transport=udp`,
    get allocations() {
      return allocations;
    },
    async close() {
      child.kill("SIGKILL");
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}
