// Opens the files an operator names (subnet rules, databases) and the database that ships. A file that cannot be
// used is an `OptionError` naming its option, before anything listens.

import { readFile } from "node:fs/promises";
import { OptionError, type TrackerOptions } from "./options.ts";
import { Subnets } from "./region/address.ts";
import { Atlas, Database, shippedDatabase } from "./region/geography.ts";
import type { Maps } from "./region/locate.ts";
import { parseRules } from "./region/rules.ts";

export async function openMaps(
  options: Pick<TrackerOptions, "regions" | "geoDb" | "asnDb">,
): Promise<Maps> {
  const rules =
    options.regions === undefined ? new Subnets<string>() : await rulesIn(options.regions);
  const geo = await databaseIn("geoDb", options.geoDb ?? shippedDatabase());
  const asn = options.asnDb === undefined ? undefined : await databaseIn("asnDb", options.asnDb);
  return { rules, atlas: new Atlas(geo, asn) };
}

const FLAG_OF = { regions: "--regions", geoDb: "--geo-db", asnDb: "--asn-db" } as const;

async function rulesIn(path: string): Promise<Subnets<string>> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) {
    throw new OptionError("regions", `${FLAG_OF.regions}: ${path} cannot be read.`);
  }
  const parsed = parseRules(text);
  if (parsed.ok) return parsed.rules;
  throw new OptionError("regions", `${FLAG_OF.regions}: ${path} cannot be used: ${parsed.wrong}.`);
}

async function databaseIn(option: "geoDb" | "asnDb", path: string): Promise<Database> {
  const opened = await Database.open(path);
  if (opened.ok) return opened.database;
  throw new OptionError(
    option,
    `${FLAG_OF[option]}: ${path} cannot be read as a database in MaxMind's format.`,
  );
}
