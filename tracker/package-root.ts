// Where this package lies on disk, whether it runs from its sources, from its build or from somebody's node_modules.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Package {
  readonly root: string;
  readonly version: string;
}

/** The nearest package.json above this file that is ours. */
export function thisPackage(): Package {
  let root = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const version = versionIn(join(root, "package.json"));
    if (version !== undefined) return { root, version };
    const above = dirname(root);
    if (above === root) return { root: process.cwd(), version: "unknown" };
    root = above;
  }
}

function versionIn(path: string): string | undefined {
  try {
    const file = JSON.parse(readFileSync(path, "utf8")) as { name?: unknown; version?: unknown };
    return file.name === "shoal" ? String(file.version) : undefined;
  } catch {
    return undefined;
  }
}
