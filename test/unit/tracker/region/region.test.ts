// From addresses and headers to places: subnets, rules, proxies, the shipped database, and the order of nearness.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openMaps } from "../../../../tracker/map-files.ts";
import { PROXIMITIES } from "../../../../tracker/protocol/ids.ts";
import {
  isLocal,
  parseAddress,
  parseSubnet,
  prefixOf,
  type Subnet,
  Subnets,
} from "../../../../tracker/region/address.ts";
import { Atlas, Database, shippedDatabase } from "../../../../tracker/region/geography.ts";
import { locate } from "../../../../tracker/region/locate.ts";
import { Proxies, type TrustProxy } from "../../../../tracker/region/proxies.ts";
import { parseRules } from "../../../../tracker/region/rules.ts";
import { distanceOf, levelsOf, mayMeet, proximityOf } from "../../../../tracker/region/where.ts";
import { mmdb } from "../../../support/mmdb.ts";

const at = (text: string) => {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is an address`);
  return address;
};

describe("an address", () => {
  test.each(["", "localhost", "1.2.3", "0x7f.1", "01.2.3.4", "1.2.3.4:80", "[::1]", "1.2.3.256"])(
    "is not %j",
    (text) => expect(parseAddress(text)).toBeUndefined(),
  );

  test.each([
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:0201", "192.0.2.1"],
    ["2001:DB8:0::1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
  ])("%s is %s", (text, plain) => expect(at(text).toString()).toBe(plain));

  test.each([
    ["127.0.0.1", true],
    ["::1", true],
    ["10.1.2.3", true],
    ["172.31.0.1", true],
    ["172.32.0.1", false],
    ["192.168.1.1", true],
    ["169.254.0.1", true],
    ["100.64.0.1", true],
    ["fd00::1", true],
    ["fe80::1", true],
    ["8.8.8.8", false],
    ["2001:718::1", false],
  ])("%s is local: %s", (text, local) => expect(isLocal(at(text))).toBe(local));
});

describe("a subnet", () => {
  test.each([
    ["10.0.0.0/8/8", /not a subnet/],
    ["10.0.0.0/", /not a subnet/],
    ["10.0.0.0/-1", /not a subnet/],
    ["10.0.0.0/8x", /not a subnet/],
    ["ten/8", /not a subnet/],
    ["10.0.0.0/33", /33 bits/],
    ["2001:db8::/129", /129 bits/],
    ["10.0.0.1/8", /after its first 8/],
    ["::ffff:10.0.0.0/104", /write it as IPv4/],
  ])("%s is refused", (text, why) => expect(parseSubnet(text)).toMatch(why));

  test("prefixes keep exactly the first bits", () => {
    expect(prefixOf(at("192.0.2.255"), 25)).toBe(prefixOf(at("192.0.2.128"), 25));
    expect(prefixOf(at("192.0.2.127"), 25)).not.toBe(prefixOf(at("192.0.2.128"), 25));
    expect(prefixOf(at("0.0.0.0"), 0)).not.toBe(prefixOf(at("::"), 0));
  });

  test("the longest prefix wins, as a search through all of them says", () => {
    const octet = fc.constantFrom(0, 10, 128, 192, 255);
    const address = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join("."));
    const subnet = fc.tuple(address, fc.integer({ min: 0, max: 32 }));
    fc.assert(
      fc.property(fc.array(subnet, { maxLength: 12 }), address, (entries, asked) => {
        const subnets = new Subnets<string>();
        const bitsOf = (text: string, count: number) =>
          text
            .split(".")
            .map((part) => Number(part).toString(2).padStart(8, "0"))
            .join("")
            .slice(0, count);
        const added: { bits: string; name: string }[] = [];
        for (const [text, bits] of entries) {
          const whole: Subnet = { bits, key: prefixOf(at(text), bits) };
          const name = bitsOf(text, bits);
          subnets.add(whole, name);
          added.push({ bits: name, name });
        }
        const matching = added.filter(({ bits }) => bitsOf(asked, 32).startsWith(bits));
        const longest = matching.sort((one, other) => other.bits.length - one.bits.length)[0];
        expect(subnets.find(at(asked))).toBe(longest?.name);
      }),
    );
  });
});

describe("subnet rules", () => {
  test.each([
    ["", 1, /not JSON/],
    ["nonsense", 1, /not JSON/],
    ['{\n"10.0.0.0/8":\n}', 3, /not JSON/],
    ["[]", 1, /not an object/],
    ["null", 1, /not an object/],
    ['{\n"10.0.0.0/99":"office"}', 2, /"10.0.0.0\/99" is a prefix of 99 bits/],
    ['{"10.0.0.0/8":""}', 1, /the name of 10.0.0.0\/8/],
    ['{"10.0.0.0/8":"*"}', 1, /the name of 10.0.0.0\/8/],
    ['{"10.0.0.0/8":7}', 1, /the name of 10.0.0.0\/8/],
    ['{"10.0.0.0/8":"a\\nb"}', 1, /the name of 10.0.0.0\/8/],
    [`{"10.0.0.0/8":"${"x".repeat(65)}"}`, 1, /the name of 10.0.0.0\/8/],
    ['{"10.0.0.0/8":"a",\n"10.0.0.0/8":"b"}', 2, /"10.0.0.0\/8" is there twice/],
    ['{"fd00::/8":"a",\n"FD00::0/8":"b"}', 2, /"FD00::0\/8" is there twice/],
    ['{"borders":{}}', 1, /not a list/],
    ['{"10.0.0.0/8":"a","borders":[\n["a"]]}', 2, /a list of two regions/],
    ['{"10.0.0.0/8":"a","borders":[\n["a","a"]]}', 2, /a list of two regions/],
    ['{"10.0.0.0/8":"a","borders":[\n"a"]}', 2, /a list of two regions/],
    ['{"10.0.0.0/8":"a","borders":[\n["a","b"]]}', 2, /no subnet is named "b"/],
    ['{"10.0.0.0/8":"a","borders":[\n["a",7]]}', 2, /no subnet is named 7/],
  ])("%j is refused at line %i, saying what is wrong", (text, line, why) => {
    const parsed = parseRules(text);
    if (parsed.ok) throw new Error("accepted");
    expect(parsed.wrong).toMatch(why);
    expect(parsed.line).toBe(line);
  });

  test("no text makes the parser throw", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      '"',
      ":",
      ",",
      "borders",
      "10.0.0.0/8",
      "a",
      "/*",
    );
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.array(pieces).map((all) => all.join("")),
    );
    fc.assert(
      fc.property(text, (given) => {
        const parsed = parseRules(given);
        expect(parsed.ok || parsed.line >= 1).toBe(true);
      }),
    );
  });

  test("name IPv4 and IPv6 subnets, longest prefix first", () => {
    const parsed = parseRules('{"10.0.0.0/8":"office","10.7.0.0/16":"depot","fd00::/8":"lab"}');
    if (!parsed.ok) throw new Error(parsed.wrong);
    const names = ["10.1.1.1", "10.7.1.1", "fd12::1", "8.8.8.8"].map(
      (text) => parsed.rules.find(at(text))?.name,
    );
    expect(names).toEqual(["office", "depot", "lab", undefined]);
  });
});

describe("borders", () => {
  const parsed = parseRules(`{
    // The depot is another tenant's, and the lab's line is thin.
    "10.0.0.0/8": "office", "10.7.0.0/16": "depot", "fd00::/8": "lab",
    "borders": [["office", "depot"], ["lab", "*"]]
  }`);
  if (!parsed.ok) throw new Error(parsed.wrong);
  const nowhere = { find: () => ({}) };
  const placed = (text: string) =>
    locate(parseAddress(text), { rules: parsed.rules, atlas: nowhere });

  test.each([
    ["10.1.1.1", "10.2.2.2", true],
    ["10.1.1.1", "10.7.1.1", false],
    ["10.7.1.1", "10.7.2.2", true],
    ["10.7.1.1", "8.8.8.8", true],
    ["10.7.1.1", "192.168.1.1", true],
    ["8.8.8.8", "192.168.1.1", true],
    ["fd00::1", "fd00::2", true],
    ["fd00::1", "8.8.8.8", false],
    ["fd00::1", "10.1.1.1", false],
    ["fd00::1", "10.7.1.1", false],
    ["fd00::1", "nonsense", false],
  ])("%s and %s may meet: %s", (one, other, may) => {
    expect(mayMeet(placed(one), placed(other))).toBe(may);
    expect(mayMeet(placed(other), placed(one))).toBe(may);
  });
});

describe("behind proxies", () => {
  const client = (trust: TrustProxy, socket: string, header?: string) => {
    const proxies = Proxies.trusting(trust);
    if (typeof proxies === "string") throw new Error(proxies);
    return proxies.clientOf(socket, header)?.toString();
  };

  test.each<[what: string, trust: TrustProxy, socket: string, header: string, client: string]>([
    ["nobody is believed by default", 0, "192.0.2.1", "8.8.8.8", "192.0.2.1"],
    ["one proxy vouches for one hop", 1, "10.0.0.1", "1.1.1.1, 8.8.8.8", "8.8.8.8"],
    ["two proxies vouch for two", 2, "10.0.0.1", "1.1.1.1, 8.8.8.8", "1.1.1.1"],
    ["a short header ends where it ends", 3, "10.0.0.1", "8.8.8.8", "8.8.8.8"],
    ["an unlisted socket is the client", ["10.0.0.0/8"], "192.0.2.1", "8.8.8.8", "192.0.2.1"],
    [
      "listed hops are passed, hearsay beyond a stranger is not",
      ["10.0.0.0/8"],
      "10.0.0.1",
      "6.6.6.6, 8.8.8.8, 10.0.0.2",
      "8.8.8.8",
    ],
    [
      "nonsense ends the walk",
      ["10.0.0.0/8"],
      "10.0.0.1",
      "8.8.8.8, unknown, 10.0.0.2",
      "10.0.0.2",
    ],
    ["ports and brackets are undressed", 1, "10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"],
    ["a port on IPv4 too", 1, "10.0.0.1", "8.8.8.8:4711", "8.8.8.8"],
    ["mapped sockets are recognised", ["10.0.0.0/8"], "::ffff:10.0.0.1", "8.8.8.8", "8.8.8.8"],
    ["an empty header is no header", 1, "10.0.0.1", "", "10.0.0.1"],
  ])("%s", (_what, trust, socket, header, expected) => {
    expect(client(trust, socket, header)).toBe(expected);
  });

  test("a long header is cut at the left, and half an address is not taken for one", () => {
    const header = `${"8.8.8.8, ".repeat(2000)}192.168.100.200, 10.0.0.2`;
    expect(client(["0.0.0.0/0"], "10.0.0.1", header)).toBe("8.8.8.8");
    // 512 characters back lies within this first address, and "8.8.8.8" of it would remain.
    const cut = `88.8.8.8,${"10.0.0.2,".repeat(56)}`.slice(0, -1);
    expect(client(["10.0.0.0/8"], "10.0.0.1", cut.padEnd(513, " "))).toBe("10.0.0.2");
  });

  test("no header makes it throw or believe a client about itself", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (header) => {
        expect(client(0, "192.0.2.1", header)).toBe("192.0.2.1");
        expect(client(["10.0.0.0/8"], "192.0.2.1", header)).toBe("192.0.2.1");
        client(3, "192.0.2.1", header);
      }),
    );
  });
});

const shipped = await Database.open(shippedDatabase());
if (!shipped.ok) throw new Error("the shipped database opens");
const atlas = new Atlas(shipped.database);

describe("a place", () => {
  const rules = parseRules(
    '{"10.1.0.0/16":"Prague","10.2.0.0/16":"Brno","147.32.0.0/16":"campus","2001:718::/32":"campus"}',
  );
  if (!rules.ok) throw new Error(rules.wrong);
  const maps = { rules: rules.rules, atlas };
  const place = (text: string) => locate(parseAddress(text), maps);
  const proximity = (one: string, other: string) =>
    proximityOf(levelsOf(place(one)), levelsOf(place(other)));

  test.each([
    ["127.0.0.1", "local"],
    ["::1", "local"],
    ["192.168.1.5", "local"],
    ["10.1.2.3", "Prague"],
    ["147.32.1.1", "campus"],
    ["::ffff:147.32.1.1", "campus"],
    ["147.33.1.1", "CZ"],
    ["8.8.8.8", "US"],
    ["192.0.2.1", "world"],
    ["nonsense", "world"],
  ])("%s is labelled %s", (address, label) => expect(place(address).label).toBe(label));

  test.each([
    ["127.0.0.1", "::1", "network"],
    ["127.0.0.1", "192.168.1.5", "network"],
    ["10.1.2.3", "10.1.9.9", "network"],
    ["10.1.2.3", "10.2.2.3", "asn"],
    ["10.1.2.3", "192.168.1.5", "asn"],
    ["147.32.1.1", "2001:718::5", "network"],
    ["8.8.8.8", "8.8.8.8", "network"],
    ["8.8.8.8", "8.8.8.9", "network"],
    ["8.8.8.8", "8.8.9.8", "country"],
    ["2001:db8:1:1::1", "2001:db8:1:2::1", "network"],
    ["2001:db8:1::1", "2001:db8:2::1", "world"],
    ["147.33.1.1", "195.113.1.1", "country"],
    ["147.33.1.1", "193.99.144.80", "continent"],
    ["147.33.1.1", "8.8.8.8", "world"],
    ["192.168.1.5", "8.8.8.8", "world"],
    ["nonsense", "nonsense", "world"],
  ])("%s and %s are as near as %s", (one, other, expected) => {
    expect(proximity(one, other)).toBe(expected);
    expect(proximity(other, one)).toBe(expected);
  });

  test("an ASN database makes one network nearer than one country", () => {
    const asn = { find: () => ({ asn: "64500", country: "CZ", continent: "EU" }) };
    const near = (text: string) => levelsOf(locate(parseAddress(text), { ...maps, atlas: asn }));
    expect(proximityOf(near("147.33.1.1"), near("195.113.1.1"))).toBe("asn");
  });

  test("no refinement brings two peers nearer than their addresses", () => {
    const address = fc.constantFrom("127.0.0.1", "10.1.2.3", "8.8.8.8", "147.33.1.1", "147.32.1.1");
    const refinement = fc.oneof(fc.constantFrom("", "world", "network local"), fc.string());
    fc.assert(
      fc.property(address, address, refinement, refinement, (one, other, mine, yours) => {
        const refined = proximityOf(levelsOf(place(one), mine), levelsOf(place(other), yours));
        expect(refined).toBe(proximity(one, other));
      }),
    );
  });

  test("levels go from near to far and end with the world", () => {
    const distances = levelsOf(place("147.32.1.1"), "hall").map((level) =>
      distanceOf(level.proximity),
    );
    expect(distances).toEqual([...distances].sort());
    expect(distances.at(-1)).toBe(PROXIMITIES.length - 1);
  });
});

test("databases of the operator's own are read, IPv4 and IPv6, whatever their fields are called", async () => {
  const folder = await mkdtemp(join(tmpdir(), "shoal-maps-"));
  try {
    const geoDb = join(folder, "geo.mmdb");
    const asnDb = join(folder, "asn.mmdb");
    await writeFile(geoDb, mmdb({ "198.51.100.0/24": { country_code: "CZ" } }));
    await writeFile(
      asnDb,
      mmdb({
        "198.51.100.0/25": { autonomous_system_number: 64_500 },
        "203.0.113.0/24": { autonomous_system_number: 64_500 },
        "2001:db8::/33": { autonomous_system_number: 64_501 },
      }),
    );
    const maps = await openMaps({ geoDb, asnDb });
    const found = ["198.51.100.1", "198.51.100.200", "203.0.113.1", "2001:db8::1", "8.8.8.8"].map(
      (text) => {
        const { asn, country } = locate(parseAddress(text), maps);
        return [asn, country];
      },
    );
    expect(found).toEqual([
      ["64500", "CZ"],
      [undefined, "CZ"],
      ["64500", undefined],
      ["64501", undefined],
      [undefined, undefined],
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a file that is no database is refused, and so is none", async () => {
  expect(await Database.open("package.json")).toEqual({ ok: false });
  expect(await Database.open("/nowhere/at.all")).toEqual({ ok: false });
});

test("other spellings of databases are understood, and nonsense in them is nothing", () => {
  const found = (geo: object, asn: object) => {
    const saying = (record: object) => ({ find: () => ({ ...record }) });
    return new Atlas(saying(geo), saying(asn)).find("8.8.8.8");
  };
  const cz = { country: "CZ", continent: "EU" };
  expect(found({ country: { iso_code: "CZ" } }, {})).toEqual(cz);
  expect(found({ country_code: "CZ" }, { autonomous_system_number: 5 })).toEqual({
    ...cz,
    asn: "5",
  });
  expect(found({}, { asn: "5" })).toEqual({ asn: "5" });
  expect(found({ country_code: "constructor" }, { asn: "x" })).toEqual({});
  expect(found({ country_code: "ZZ" }, { asn: -1 })).toEqual({ country: "ZZ" });
});
