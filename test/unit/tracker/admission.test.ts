// Who may open a socket: sites, and households within their limits.

import { describe, expect, test } from "vitest";
import { Admission } from "../../../tracker/admission.ts";
import type { Household } from "../../../tracker/household.ts";
import {
  DEFAULT_EDGE_LIMITS,
  DEFAULT_LIMITS,
  type EdgeLimits,
  TokenBucket,
} from "../../../tracker/limits.ts";
import { parseAddress } from "../../../tracker/region/address.ts";
import { admittedSite, siteOf } from "../../../tracker/site.ts";

describe("a site", () => {
  test.each([
    ["https://example.org", "https://example.org"],
    ["https://Example.ORG/", "https://example.org"],
    ["https://example.org:443", "https://example.org"],
    ["http://localhost:8080", "http://localhost:8080"],
    ["http://[::1]:80", "http://[::1]"],
  ])("%s is %s", (text, site) => expect(siteOf(text)).toBe(site));

  test.each([
    "",
    "null",
    "example.org",
    "ftp://example.org",
    "file:///tmp",
    "https://example.org/path",
    "https://example.org?x",
    "https://a@example.org",
    "https://example.org https://b.org",
    "https://",
    "https://[::1",
  ])("%j is none", (text) => expect(siteOf(text)).toBeUndefined());

  test.each([
    ["http://localhost:8080", true],
    ["https://app.localhost", true],
    ["http://127.0.0.1", true],
    ["http://127.8.8.8:1", true],
    ["http://[::1]:3000", true],
    ["http://0x7f.1", true],
    ["http://localhost.example.org", false],
    ["http://127.0.0.1.example.org", false],
    ["http://notlocalhost", false],
    ["http://192.168.1.1", false],
    ["https://example.org", false],
    ["null", false],
    [undefined, false],
  ])("with none named, pages of %s may join: %s", (origin, may) => {
    expect(admittedSite(origin, new Set()) !== undefined).toBe(may);
  });

  test("with some named only theirs may, not even those of this machine", () => {
    const sites = new Set(["https://example.org"]);
    expect(admittedSite("https://example.org", sites)).toBe("https://example.org");
    for (const origin of ["https://www.example.org", "http://example.org", "http://localhost"]) {
      expect(admittedSite(origin, sites)).toBeUndefined();
    }
  });
});

describe("admission", () => {
  const knocking = (limits: Partial<EdgeLimits>) => {
    const admission = new Admission(new Set(), {
      edge: { ...DEFAULT_EDGE_LIMITS, ...limits },
      household: DEFAULT_LIMITS.household,
    });
    const knock = (ip: string, now = 0, origin = "http://localhost") => {
      const verdict = admission.admit({ path: "/", origin, address: parseAddress(ip) }, now);
      return verdict.ok ? verdict.household : verdict.status;
    };
    const enter = (ip: string, now = 0): Household => {
      const household = knock(ip, now);
      if (typeof household === "number") throw new Error(`${ip} is refused with ${household}`);
      return household;
    };
    return { admission, knock, enter };
  };

  test("counts connections by household: an IPv4 address, an IPv6 /64", () => {
    const { admission, knock, enter } = knocking({ connectionsPerAddress: 2 });
    const first = enter("192.0.2.1");
    expect(knock("192.0.2.1")).toBe(first);
    expect(knock("192.0.2.1")).toBe(429);
    expect(knock("192.0.2.2")).not.toBe(429);
    expect(knock("2001:db8::1")).toBe(knock("2001:db8::ffff:1"));
    expect(knock("2001:db8::2")).toBe(429);
    expect(knock("2001:db8:0:1::2")).not.toBe(429);
    admission.released(first);
    expect(knock("192.0.2.1")).toBe(first);
  });

  test("slows a household that keeps coming and going", () => {
    const { admission, knock, enter } = knocking({
      upgradesPerAddress: { burst: 3, perSecond: 1 },
    });
    for (let each = 0; each < 3; each++) admission.released(enter("192.0.2.1"));
    expect(knock("192.0.2.1")).toBe(429);
    admission.sweep(0);
    expect(knock("192.0.2.1")).toBe(429);
    enter("192.0.2.1", 1000);
  });

  test("has an end altogether, and room again when somebody leaves", () => {
    const { admission, knock, enter } = knocking({ connections: 2 });
    const first = enter("192.0.2.1");
    knock("192.0.2.2");
    expect(knock("192.0.2.3")).toBe(503);
    admission.released(first);
    enter("192.0.2.3");
  });

  test("refuses other paths and other sites without charging the household", () => {
    const { admission, knock, enter } = knocking({
      upgradesPerAddress: { burst: 1, perSecond: 0 },
    });
    expect(knock("192.0.2.1", 0, "https://example.org")).toBe(403);
    const address = parseAddress("192.0.2.1");
    expect(admission.admit({ path: "/x", origin: "http://localhost", address }, 0)).toMatchObject({
      status: 404,
    });
    enter("192.0.2.1");
  });

  test("blocks a household whose connections are ended again and again, and forgives it after a while", () => {
    const { admission, knock, enter } = knocking({});
    const { strikes, blockedForMs } = DEFAULT_LIMITS.household;
    for (let each = 0; each < strikes.burst; each++) {
      const household = enter("2001:db8::1");
      household.strike(0);
      admission.released(household);
    }
    expect(knock("2001:db8::2")).toBe(429);
    admission.sweep(blockedForMs - 1);
    expect(knock("2001:db8::2", blockedForMs - 1)).toBe(429);
    enter("2001:db8:0:1::2");
    enter("2001:db8::2", blockedForMs);
  });

  test("remembers strikes while they count, though nobody is connected", () => {
    const { admission, enter } = knocking({});
    const household = enter("192.0.2.1");
    household.strike(0);
    admission.released(household);
    admission.sweep(59_999);
    expect(enter("192.0.2.1", 59_999)).toBe(household);
    admission.released(household);
    admission.sweep(120_000);
    expect(enter("192.0.2.1", 120_000)).not.toBe(household);
  });
});

test("a bucket gives what it holds, refills with time, and never overflows", () => {
  const bucket = new TokenBucket({ burst: 2, perSecond: 1 }, 0);
  expect([bucket.take(1, 0), bucket.take(1, 0), bucket.take(1, 0)]).toEqual([true, true, false]);
  expect([bucket.take(1, 999), bucket.take(1, 1000)]).toEqual([false, true]);
  expect([bucket.isFull(2999), bucket.isFull(3000), bucket.isFull(99_000)]).toEqual([
    false,
    true,
    true,
  ]);
  expect([bucket.take(3, 99_000), bucket.take(2, 99_000), bucket.has(1, 99_000)]).toEqual([
    false,
    true,
    false,
  ]);
});
