// Who may open a socket: sites, and households within their limits.

import { describe, expect, test } from "vitest";
import { Admission } from "../../../tracker/admission.ts";
import { DEFAULT_EDGE_LIMITS, type EdgeLimits, TokenBucket } from "../../../tracker/limits.ts";
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
    const admission = new Admission(new Set(), { ...DEFAULT_EDGE_LIMITS, ...limits });
    const knock = (ip: string, now = 0, origin = "http://localhost") => {
      const verdict = admission.admit({ path: "/", origin, address: parseAddress(ip) }, now);
      return verdict.ok ? verdict.household : verdict.status;
    };
    return { admission, knock };
  };

  test("counts connections by household: an IPv4 address, an IPv6 /64", () => {
    const { admission, knock } = knocking({ connectionsPerAddress: 2 });
    const first = knock("192.0.2.1");
    expect(knock("192.0.2.1")).toBe(first);
    expect(knock("192.0.2.1")).toBe(429);
    expect(knock("192.0.2.2")).not.toBe(429);
    expect(knock("2001:db8::1")).toBe(knock("2001:db8::ffff:1"));
    expect(knock("2001:db8::2")).toBe(429);
    expect(knock("2001:db8:0:1::2")).not.toBe(429);
    admission.released(String(first));
    expect(knock("192.0.2.1")).toBe(first);
  });

  test("slows a household that keeps coming and going", () => {
    const { admission, knock } = knocking({ upgradesPerAddress: { burst: 3, perSecond: 1 } });
    for (let each = 0; each < 3; each++) admission.released(String(knock("192.0.2.1")));
    expect(knock("192.0.2.1")).toBe(429);
    admission.sweep(0);
    expect(knock("192.0.2.1")).toBe(429);
    expect(knock("192.0.2.1", 1000)).toBeTypeOf("string");
  });

  test("has an end altogether, and room again when somebody leaves", () => {
    const { admission, knock } = knocking({ connections: 2 });
    const first = knock("192.0.2.1");
    knock("192.0.2.2");
    expect(knock("192.0.2.3")).toBe(503);
    admission.released(String(first));
    expect(knock("192.0.2.3")).toBeTypeOf("string");
  });

  test("refuses other paths and other sites without charging the household", () => {
    const { admission, knock } = knocking({ upgradesPerAddress: { burst: 1, perSecond: 0 } });
    expect(knock("192.0.2.1", 0, "https://example.org")).toBe(403);
    const address = parseAddress("192.0.2.1");
    expect(admission.admit({ path: "/x", origin: "http://localhost", address }, 0)).toMatchObject({
      status: 404,
    });
    expect(knock("192.0.2.1")).toBeTypeOf("string");
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
