// Programs that tests run beside Shoal and that are no package of ours: looked for where they usually are, and
// installed from the system's own packages where that is allowed (Debian, as root).

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const FOLDERS = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"];

/** Where the program is, now or after trying to get the Debian package it is in. */
export function findProgram(name: string, debianPackage: string): string | undefined {
  const look = () => FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
  const found = look();
  if (found !== undefined) return found;
  if (!existsSync("/etc/debian_version") || process.getuid?.() !== 0) return undefined;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...words: string[]) =>
    spawnSync("apt-get", words, { stdio: "ignore", env }).status === 0;
  const install = () => apt("install", "-y", "--no-install-recommends", debianPackage);
  if (!install() && apt("update")) install();
  return look();
}
