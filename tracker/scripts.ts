// The client scripts, as built: read from disk, compressed once a version, and served so that any page may
// load them and a new release reaches visitors within minutes.

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

export const SCRIPT_NAMES = [
  "shoal.js",
  "shoal.mjs",
  "shoal-sw.js",
  "shoal-attested.mjs",
  "shoal-notice.mjs",
  "shoal-save.mjs",
  "shoal-bridge.mjs",
  "shoal-tabs.mjs",
  "shoal-hls.mjs",
] as const;
export type ScriptName = (typeof SCRIPT_NAMES)[number];

export interface Script {
  readonly body: Buffer;
  readonly gzipped: Buffer;
  /** Of the content, without quotes. */
  readonly hash: string;
}

export class Scripts {
  readonly #folder: string;
  readonly #kept = new Map<ScriptName, { readonly version: string; readonly script: Script }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** `undefined` when there is no such file: not built yet. A rebuilt file is noticed. */
  async read(name: ScriptName): Promise<Script | undefined> {
    const path = join(this.#folder, name);
    try {
      const { mtimeMs, size } = await stat(path);
      const version = `${mtimeMs} ${size}`;
      const kept = this.#kept.get(name);
      if (kept?.version === version) return kept.script;
      const body = await readFile(path);
      const gzipped = await promisify(gzip)(body, { level: 9 });
      const hash = createHash("sha256").update(body).digest("base64url").slice(0, 27);
      const script = { body, gzipped, hash };
      this.#kept.set(name, { version, script });
      return script;
    } catch {
      return undefined;
    }
  }
}
