// `npm run api`: holds the public surface to client/api.md, which is its reference as well. The file is made of what the
// compiler emits (`npm run types`), so that nothing of it can be forgotten; `--write` accepts a change.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Door, differences, pageOf } from "./page.ts";
import { surfaceOf, undocumented } from "./surface.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const REFERENCE = "client/api.md";

/** Exit code: 0 as recorded, 1 when it differs or cannot be told, 2 for words that mean nothing here. */
export async function main(words: readonly string[]): Promise<number> {
  const mistake = mistakeIn(words);
  if (mistake !== undefined) {
    console.error(`api: ${mistake}`);
    return 2;
  }
  const all = doors();
  const bare = all.flatMap(({ name, surface }) =>
    undocumented(surface).map((one) => `${name}: ${one}`),
  );
  if (bare.length > 0) {
    console.error(`api: exported without a comment: ${bare.join(", ")}`);
    return 1;
  }
  const page = pageOf(all);
  const path = join(ROOT, REFERENCE);
  if (words.includes("--write")) {
    writeFileSync(path, page);
    console.log(`api: wrote ${REFERENCE}`);
    return 0;
  }
  const changes = differences(readFileSync(path, "utf8"), page);
  if (changes.length === 0) return 0;
  console.error(`api: the public surface is not what ${REFERENCE} says:\n`);
  console.error(`${changes.join("\n")}\n`);
  console.error("If that is meant: npm run api -- --write, and a line in CHANGELOG.md.");
  return 1;
}

/** One sentence about words that mean nothing here. */
export function mistakeIn(words: readonly string[]): string | undefined {
  const unknown = words.find((word) => word !== "--write");
  return unknown && `${unknown} is no option; --write accepts the surface as it is.`;
}

/** By the name that it is imported by, each with its surface: what `exports` in package.json has types for. */
function doors(): Door[] {
  const { name, exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
  const told = new Set<string>();
  return Object.entries<{ types?: string } | string>(exports).flatMap(([door, entry]) => {
    if (typeof entry === "string" || entry.types === undefined) return [];
    const { exported, mentioned } = surfaceOf(entry.types.slice(2), read);
    // What an earlier door has told is not told again.
    const fresh = mentioned.filter(({ text }) => !told.has(text));
    for (const { text } of [...exported, ...fresh]) told.add(text);
    return [{ name: `${name}${door.slice(1)}`, surface: { exported, mentioned: fresh } }];
  });
}
