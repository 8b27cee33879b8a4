// The operator's map, redrawn while people are there: real files, real sockets, and borders that hold for whoever
// is connected already.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROTOCOL_VERSION } from "../../../tracker/protocol/messages.ts";
import { mayMeet, type Place, type Region } from "../../../tracker/region/where.ts";
import { type RunningTracker, startTracker } from "../../../tracker/server.ts";
import { mmdb } from "../../support/mmdb.ts";
import { newSecret, Page } from "./page.ts";
import { CZ, Stage } from "./stage.ts";

let folder: string;
let tracker: RunningTracker;
const logged: [event: string, message: unknown][] = [];
const rules = () => join(folder, "regions.json");

beforeEach(async () => {
  logged.length = 0;
  folder = await mkdtemp(join(tmpdir(), "shoal-regions-"));
  await writeFile(rules(), '{"10.1.0.0/16": "Prague", "10.2.0.0/16": "Brno"}');
  await writeFile(join(folder, "geo.mmdb"), mmdb({ "198.51.100.0/24": { country_code: "CZ" } }));
  tracker = await startTracker({
    port: 0,
    trustProxy: 1,
    regions: rules(),
    geoDb: join(folder, "geo.mmdb"),
    log: (_level, event, facts) => void logged.push([event, facts?.message]),
  });
});
afterEach(async () => {
  await tracker.close({ graceful: false });
  await rm(folder, { recursive: true });
});

async function pageAt(address: string): Promise<Page> {
  const page = await Page.open(tracker, undefined, { "x-forwarded-for": address });
  page.say({ type: "hello", version: PROTOCOL_VERSION, secret: newSecret() });
  await page.next("welcome");
  return page;
}

describe("a reload", () => {
  test("places everybody anew and drops nobody", async () => {
    const ann = await pageAt("10.1.0.1");
    const bob = await pageAt("10.2.0.1");
    await ann.announce(8, "all");
    await bob.announce(8, "none");
    expect((await bob.next("introduce")).proximity).toBe("asn");
    expect(tracker.totals().regions).toEqual({ Prague: 1, Brno: 1 });

    await writeFile(rules(), '{"10.0.0.0/8": "Moravia and Bohemia"}');
    await tracker.reload();
    expect(tracker.totals()).toMatchObject({ peers: 2, regions: { "Moravia and Bohemia": 2 } });
    const cyd = await pageAt("10.2.0.2");
    await cyd.announce(8, "none");
    expect((await cyd.next("introduce")).proximity).toBe("network");
    expect((await cyd.next("introduce")).proximity).toBe("network");
    ann.say({ type: "ping" });
    await ann.next("pong");
  });

  test("draws borders between those who are there", async () => {
    const ann = await pageAt("10.1.0.1");
    await ann.announce(8, "all");
    await writeFile(
      rules(),
      '{"10.1.0.0/16": "Prague", "10.2.0.0/16": "Brno", "borders": [["Prague", "Brno"]]}',
    );
    await tracker.reload();
    const bob = await pageAt("10.2.0.1");
    expect((await bob.announce(8, "none")).introductions).toBe(0);
    const cyd = await pageAt("10.3.0.1");
    expect((await cyd.announce(8, "none")).introductions).toBe(2);
  });

  test("reads the databases again", async () => {
    await pageAt("198.51.100.7");
    expect(tracker.totals().regions).toEqual({ CZ: 1 });
    await writeFile(join(folder, "geo.mmdb"), mmdb({ "198.51.100.0/24": { country_code: "SK" } }));
    await tracker.reload();
    expect(tracker.totals().regions).toEqual({ SK: 1 });
  });

  test("of a bad file changes nothing and says which line", async () => {
    await pageAt("10.1.0.1");
    await writeFile(rules(), '{\n  "10.1.0.0/99": "Prague"\n}');
    await tracker.reload();
    expect(logged).toEqual([["reload-failed", expect.stringContaining(`${rules()}, line 2: `)]]);
    await pageAt("10.2.0.1");
    expect(tracker.totals().regions).toEqual({ Prague: 1, Brno: 1 });
  });
});

test("whatever the borders, nobody is introduced across one, and nobody is left out who has somebody", () => {
  const regions: Region[] = ["north", "south", "lab"].map((name) => ({ name, barred: new Set() }));
  const crowd = fc.array(fc.option(fc.nat(2)), { minLength: 2, maxLength: 30 });
  const borders = fc.array(fc.tuple(fc.nat(2), fc.constantFrom("north", "south", "*")));
  fc.assert(
    fc.property(crowd, borders, fc.integer(), (homes, walls, seed) => {
      const barred = regions.map(() => new Set<string>());
      for (const [region, other] of walls) barred[region]?.add(other);
      const places = homes.map((home): Place => {
        const region = home === null ? undefined : regions[home];
        if (region === undefined || home === null) return CZ;
        return {
          ...CZ,
          networks: [region.name],
          region: { ...region, barred: barred[home] ?? new Set() },
        };
      });
      const stage = new Stage({}, seed);
      const actors = places.map((place, each) => stage.enters(`p${each}`, place));
      for (const actor of actors) actor.announce(4, { film: "some" });
      for (const [each, actor] of actors.entries()) {
        const others = actors.filter((_, at) => at !== each);
        const allowed = others.filter((other) => {
          const [mine, yours] = [places[each], places[actors.indexOf(other)]];
          return mine !== undefined && yours !== undefined && mayMeet(mine, yours);
        });
        // Who came early may be one too many for the one who came late, and asks again, as pages do.
        if (allowed.length > 0 && actor.met().length === 0) actor.announce(4, { film: "some" });
        const met = actor.met();
        for (const id of met) expect(allowed.map((other) => other.id)).toContain(id);
        if (allowed.length > 0) expect(met.length).toBeGreaterThan(0);
      }
    }),
  );
});
