// What may be read: listed origins, and addresses that their names may lead to.

import type { lookup } from "node:dns";
import { describe, expect, test } from "vitest";
import {
  ContentOrigins,
  FORBIDDEN_ADDRESS,
  mayConnect,
} from "../../../../tracker/attest/content-origins.ts";
import { parseAddress } from "../../../../tracker/region/address.ts";

describe("a URL", () => {
  const origins = new ContentOrigins(new Set(["https://a.example", "http://10.0.0.1:8080"]));
  const verdict = (text: string): string => {
    const admitted = origins.admit(text);
    return admitted instanceof URL ? admitted.href : admitted.code;
  };
  test.each([
    ["https://a.example/x?y#z", "https://a.example/x?y"],
    ["HTTPS://A.EXAMPLE:443/b/../x", "https://a.example/x"],
    ["http://10.0.0.1:8080/", "http://10.0.0.1:8080/"],
    ["http://0xa.1:8080/", "http://10.0.0.1:8080/"],
    ["http://a.example/", "not-listed"],
    ["https://a.example:8443/", "not-listed"],
    ["https://b.a.example/", "not-listed"],
    ["https://a.example.evil.example/", "not-listed"],
    ["http://localhost/", "not-listed"],
    ["https://me@a.example/", "malformed"],
    ["https://a.example@evil.example/", "malformed"],
    ["file:///etc/passwd", "malformed"],
    ["ftp://a.example/", "malformed"],
    ["/x", "malformed"],
    ["", "malformed"],
    [`https://a.example/${"x".repeat(2048)}`, "malformed"],
  ])("%s: %s", (text, expected) => expect(verdict(text)).toBe(expected));

  test("of this machine is read when nothing is listed, as its pages may join then", () => {
    const none = new ContentOrigins(new Set());
    expect(none.admit("http://localhost:3000/x")).toBeInstanceOf(URL);
    expect(none.admit("https://a.example/")).toEqual({ code: "not-listed" });
  });
});

describe("a name may lead to an address:", () => {
  test.each([
    ["a.example", "93.184.216.34", true],
    ["a.example", "2606:2800:220:1::1", true],
    ["a.example", "64:ff9b::5db8:d822", true],
    ["a.example", "64:ff9b::7f00:1", false],
    ["a.example", "127.0.0.1", false],
    ["a.example", "10.1.2.3", false],
    ["a.example", "192.168.1.1", false],
    ["a.example", "169.254.169.254", false],
    ["a.example", "100.64.0.1", false],
    ["a.example", "0.0.0.0", false],
    ["a.example", "::1", false],
    ["a.example", "::ffff:127.0.0.1", false],
    ["a.example", "fd00::1", false],
    ["a.example", "fe80::1", false],
    ["a.example", "ff02::1", false],
    ["a.example", "224.0.0.1", false],
    ["a.example", "255.255.255.255", false],
    ["a.example", "not an address", false],
    ["localhost", "127.0.0.1", true],
    ["web", "172.17.0.2", true],
    ["files.internal", "10.1.2.3", true],
    ["files.home.arpa", "fd00::1", true],
    ["notinternal.example", "10.1.2.3", false],
    // Clouds keep their metadata there: nobody means that.
    ["metadata.internal", "169.254.169.254", false],
    ["web", "fe80::1", false],
    ["web", "0.0.0.0", false],
  ])("%s, %s: %s", (name, address, expected) => {
    expect(mayConnect(name, parseAddress(address))).toBe(expected);
  });
});

describe("a lookup", () => {
  /** What a resolver says of every name, in this order, one answer a question. */
  const resolving = (...answers: string[][]): typeof lookup => {
    const say = (_name: string, _options: unknown, done: (...said: unknown[]) => void): void => {
      const addresses = answers.shift() ?? [];
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    };
    return say as typeof lookup;
  };
  const looked = (origins: ContentOrigins, name: string, all = true): Promise<unknown[]> =>
    new Promise((resolve) => origins.lookup(name, { all }, (...said) => resolve(said)));
  const found = (address: string) => ({ address, family: address.includes(":") ? 6 : 4 });

  test("gives the addresses that were checked, so that these are connected to", async () => {
    const origins = new ContentOrigins(new Set());
    const [error, address] = await looked(origins, "localhost", false);
    expect(error).toBeNull();
    expect(["127.0.0.1", "::1"]).toContain(address);
    expect(await looked(origins, "localhost")).toEqual([null, expect.any(Array)]);
  });
  test("fails when there is none left", async () => {
    const listed = new Set(["https://a.example"]);
    for (const all of [false, true]) {
      const origins = new ContentOrigins(listed, resolving(["127.0.0.1", "::1", "10.0.0.1"]));
      const [error] = await looked(origins, "a.example", all);
      expect(error).toMatchObject({ code: FORBIDDEN_ADDRESS });
    }
  });
  test("is checked each time: a name that was public may lead here now", async () => {
    const resolve = resolving(["93.184.216.34"], ["127.0.0.1"], ["93.184.216.34", "::1"]);
    const origins = new ContentOrigins(new Set(["https://a.example"]), resolve);
    expect(await looked(origins, "a.example")).toEqual([null, [found("93.184.216.34")]]);
    expect(await looked(origins, "a.example")).toEqual([
      expect.objectContaining({ code: FORBIDDEN_ADDRESS }),
      "",
    ]);
    expect(await looked(origins, "a.example")).toEqual([null, [found("93.184.216.34")]]);
  });
  test("may lead to a private address that the operator listed as such", async () => {
    const listed = new Set(["https://a.example", "http://10.0.0.5", "http://[fd00::5]:81"]);
    const resolve = resolving(["10.0.0.5", "10.0.0.6", "fd00::5", "127.0.0.1"]);
    const [, addresses] = await looked(new ContentOrigins(listed, resolve), "a.example");
    expect(addresses).toEqual([found("10.0.0.5"), found("fd00::5")]);
  });
});
