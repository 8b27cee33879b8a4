// Opens the files an operator names (subnet rules, databases) and the database that ships. A file that cannot be
// used is an `OptionError` naming its option, before anything listens.

import { readFile } from "node:fs/promises";
import { OptionError, type TrackerOptions } from "./options.ts";
import { Atlas, Database, shippedDatabase } from "./region/geography.ts";
import type { Maps } from "./region/locate.ts";
import { NO_RULES, parseRules, type Rules } from "./region/rules.ts";

export type MapFiles = Pick<TrackerOptions, "regions" | "geoDb" | "asnDb">;

/** Rejects with an `OptionError`. */
export async function openMaps(options: MapFiles): Promise<Maps> {
  const rules = options.regions === undefined ? NO_RULES : await rulesIn(options.regions);
  const geo = await databaseIn("geoDb", options.geoDb ?? shippedDatabase());
  const asn = options.asnDb === undefined ? undefined : await databaseIn("asnDb", options.asnDb);
  return { rules, atlas: new Atlas(geo, asn) };
}

const FLAG_OF = { regions: "--regions", geoDb: "--geo-db", asnDb: "--asn-db" } as const;

async function rulesIn(path: string): Promise<Rules> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) {
    throw new OptionError("regions", `${FLAG_OF.regions}: ${path} cannot be read.`);
  }
  const parsed = parseRules(text);
  if (parsed.ok) return parsed.rules;
  const where = `${path}, line ${parsed.line}`;
  throw new OptionError("regions", `${FLAG_OF.regions}: ${where}: ${parsed.wrong}.`);
}

async function databaseIn(option: "geoDb" | "asnDb", path: string): Promise<Database> {
  const opened = await Database.open(path);
  if (opened.ok) return opened.database;
  throw new OptionError(
    option,
    `${FLAG_OF[option]}: ${path} cannot be read as a database in MaxMind's format.`,
  );
}
