// The packages that Shoal is measured against: put into test/bench/node_modules by `npm ci` when they are not there, and
// what of them goes into a page.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Site } from "../support/servers.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Each as its package ships it, and where it goes on the site. */
export const RIVAL_SCRIPTS = {
  webTorrent: { from: "webtorrent/dist/webtorrent.min.js", path: "/rivals/webtorrent.js" },
  mediaLoaderCore: {
    from: "p2p-media-loader-core/dist/p2p-media-loader-core.es.min.js",
    path: "/rivals/p2p-media-loader-core.js",
  },
  mediaLoader: {
    from: "p2p-media-loader-hlsjs/dist/p2p-media-loader-hlsjs.es.min.js",
    path: "/rivals/p2p-media-loader-hlsjs.js",
  },
} as const;

/** The lock file as npm installed it: what differs from ours is another version. */
function areInstalled(): boolean {
  const wanted = versions(`${HERE}package-lock.json`);
  const got = versions(`${HERE}node_modules/.package-lock.json`);
  return Object.values(RIVAL_SCRIPTS).every(({ from }) => {
    const name = `node_modules/${from.split("/")[0]}`;
    return wanted[name] !== undefined && wanted[name] === got[name];
  });
}

function versions(lockFile: string): Readonly<Record<string, string | undefined>> {
  if (!existsSync(lockFile)) return {};
  const { packages } = JSON.parse(readFileSync(lockFile, "utf8"));
  return Object.fromEntries(
    Object.entries<{ version?: string }>(packages).map(([name, { version }]) => [name, version]),
  );
}

/** Names and versions, for the JSON. */
export function rivalVersions(): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(`${HERE}package.json`, "utf8")).dependencies;
}

/**
 * Throws one sentence when it fails. Without the packages' own install steps: they are for Node, and everything here
 * runs in pages but for a tracker that has none.
 */
export function installRivals(say: (line: string) => void): void {
  if (areInstalled()) return;
  say("installing the rivals into test/bench/node_modules");
  const words = ["ci", "--prefix", HERE, "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", words, { stdio: ["ignore", "ignore", "pipe"] });
  if (status !== 0) throw new Error(`npm ${words.join(" ")} failed; run it to see why.`);
}

/** Puts a script of theirs on the site and says where. */
export function rivalScript(site: Site, name: keyof typeof RIVAL_SCRIPTS): string {
  const { from, path } = RIVAL_SCRIPTS[name];
  site.put(path, { body: readFileSync(`${HERE}node_modules/${from}`) });
  return path;
}
