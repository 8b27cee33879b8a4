// Where the nodes of one key keep what was purged: one text in Redis, replaced in one step by whoever has read it.

import { createHash } from "node:crypto";
import { within } from "./patience.ts";
import { purgesOf, REPLACE } from "./scripts.ts";
import type { Board } from "./shared-purges.ts";

/** Each node has its own book on disk; this is for new ones, and outlasts a time in which all are away. */
const TTL_MS = 30 * 24 * 3_600_000;
/** As long as for a beat: a Redis that takes longer is about to be lost. */
const PATIENCE_MS = 1000;

export interface RedisCommands {
  command(words: string[]): Promise<unknown>;
  run(script: string, words: readonly string[]): Promise<unknown>;
}

/** `key`: the public half of what the purges are signed with. */
export function redisBoard(key: string, { command, run }: RedisCommands): Board {
  const [name, ttl] = [purgesOf(key), String(TTL_MS)];
  return {
    read: async () =>
      String((await within(PATIENCE_MS, command(["GETEX", name, "PX", ttl]))) ?? ""),
    replace: async (was, text) => {
      const sha = createHash("sha1").update(was).digest("hex");
      return (await within(PATIENCE_MS, run(REPLACE, [name, sha, text, ttl]))) === 1;
    },
  };
}
