// Finds nginx, or installs it where that is allowed (Debian, root), and runs one on the loopback for a test: with the servers it
// is given, and a certificate made for the occasion. Owns its process and folder; `close` ends both.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { findProgram } from "./program.ts";

/** Where nginx is, now or after trying to get it. */
export const findNginx = (): string | undefined => findProgram("nginx", "nginx-light");
/** What makes the certificate. */
export const findOpenssl = (): string | undefined => findProgram("openssl", "openssl");

export interface Nginx {
  readonly port: number;
  /** In PEM: its own issuer. */
  readonly certificate: string;
  close(): Promise<void>;
}
export interface NginxNeeds {
  readonly nginx: string;
  readonly openssl: string;
  /** Of the certificate. */
  readonly host: string;
  /** What stands in its `http` block, for this port and these files. */
  servers(places: {
    readonly port: number;
    readonly certificate: string;
    readonly key: string;
  }): string;
}

/** Resolves when it takes connections; throws what it says when it does not. */
export async function startNginx({ nginx, openssl, host, servers }: NginxNeeds): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-nginx-"));
  const [certificate, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  execFileSync(
    openssl,
    [
      ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ["-days", "2", "-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`],
      ["-out", certificate, "-keyout", key],
    ].flat(),
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const port = await freePort();
  const config = join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (what) => `  ${what}_temp_path ${join(folder, what)};`,
  );
  await writeFile(
    config,
    [
      "daemon off;",
      "master_process off;",
      `pid ${join(folder, "pid")};`,
      "error_log stderr warn;",
      "events {}",
      "http {",
      "  access_log off;",
      ...temporary,
      servers({ port, certificate, key }),
      "}",
    ].join("\n"),
  );
  const child = spawn(nginx, ["-p", folder, "-e", "stderr", "-c", config], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "exit");
  let said = "";
  child.stderr.on("data", (text) => {
    said += String(text);
  });
  const close = async () => {
    child.kill("SIGKILL");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  // nginx says nothing when it is ready: it is when it takes a connection.
  while (!(await takesConnections(port))) {
    if (child.exitCode === null) continue;
    await close();
    throw new Error(`nginx ended: ${said}`);
  }
  return { port, certificate: await readFile(certificate, "utf8"), close };
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  const isTaken = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  socket.destroy();
  return isTaken;
}
