// Flags and environment: what is understood, and the one sentence for everything else.

import { describe, expect, test } from "vitest";
import { readOptions } from "../../../tracker/options.ts";

const run = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
  const command = readOptions(args, environment);
  if (command.kind !== "run") throw new Error(JSON.stringify(command));
  return command;
};

test("with nothing given there are only defaults", () => {
  expect(run([])).toEqual({
    kind: "run",
    logLevel: "info",
    options: { port: 7070, sites: [], trustProxy: 0 },
  });
});

test("every flag arrives", () => {
  const flags = [
    ["--port", "0"],
    ["--host", "::1"],
    ["--site", "https://a.example/"],
    ["--site", "https://b.example"],
    ["--content", "https://cdn.example/"],
    ["--content", "http://10.0.0.5:8080"],
    ["--key", "k.json"],
    ["--token-secret", "old"],
    ["--token-secret", "new"],
    ["--trust-proxy", "10.0.0.0/8, fd00::/8"],
    ["--regions", "r.json"],
    ["--geo-db", "g.mmdb"],
    ["--asn-db", "a.mmdb"],
    ["--stun-port", "3479"],
    ["--turn-url", "turn:turn.example:3478"],
    ["--turn-url", "turns:turn.example:443?transport=tcp"],
    ["--turn-secret", "shh"],
    ["--log-level", "debug"],
    ["--dashboard"],
  ];
  expect(run(flags.flat())).toEqual({
    kind: "run",
    logLevel: "debug",
    options: {
      port: 0,
      host: "::1",
      sites: ["https://a.example", "https://b.example"],
      contents: ["https://cdn.example", "http://10.0.0.5:8080"],
      key: "k.json",
      stunPort: 3479,
      turn: {
        urls: ["turn:turn.example:3478", "turns:turn.example:443?transport=tcp"],
        secret: "shh",
      },
      tokenSecrets: ["old", "new"],
      trustProxy: ["10.0.0.0/8", "fd00::/8"],
      regions: "r.json",
      geoDb: "g.mmdb",
      asnDb: "a.mmdb",
      dashboard: true,
    },
  });
});

test("the environment says the same, flags win over it, and empty means unset", () => {
  const environment = {
    SHOAL_PORT: "9000",
    SHOAL_HOST: "",
    SHOAL_SITE: "https://a.example, https://b.example,",
    SHOAL_CONTENT: "off",
    SHOAL_KEY: "k.json",
    SHOAL_TOKEN_SECRET: "one",
    SHOAL_STUN_PORT: "off",
    SHOAL_TURN_URL: "turn:a.example,turn:b.example",
    SHOAL_TURN_SECRET: "shh",
    SHOAL_TRUST_PROXY: "2",
    SHOAL_GEO_DB: "g.mmdb",
    SHOAL_LOG_LEVEL: "error",
  };
  expect(run(["--port", "1"], environment)).toEqual({
    kind: "run",
    logLevel: "error",
    options: {
      port: 1,
      sites: ["https://a.example", "https://b.example"],
      contents: "off",
      key: "k.json",
      stunPort: "off",
      turn: { urls: ["turn:a.example", "turn:b.example"], secret: "shh" },
      tokenSecrets: ["one"],
      trustProxy: 2,
      geoDb: "g.mmdb",
    },
  });
});

describe("one sentence that names the flag answers", () => {
  test.each([
    ["--bogus", ["--bogus"]],
    ["--port", ["--port"]],
    ["--content", ["--content", "cdn.example"]],
    ["--content", ["--content", "off", "--content", "https://cdn.example"]],
    ["--port", ["--port", "http"]],
    ["--port", ["--port", "65536"]],
    ["--port", ["--port=-1"]],
    ["--port", ["--port", ""]],
    ["--site", ["--site", "example.org"]],
    ["--site", ["--site", "https://example.org/path"]],
    ["--trust-proxy", ["--trust-proxy", "yes"]],
    ["--trust-proxy", ["--trust-proxy", "10.0.0.0/99"]],
    ["--trust-proxy", ["--trust-proxy", ","]],
    ["--stun-port", ["--stun-port", "on"]],
    ["--stun-port", ["--stun-port", "65536"]],
    ["--turn-url", ["--turn-url", "turn:a.example"]],
    ["--turn-url", ["--turn-url", "https://a.example", "--turn-secret", "shh"]],
    ["--turn-url", [...Array(5).fill("--turn-url=turn:a.example"), "--turn-secret=shh"]],
    ["--turn-secret", ["--turn-secret", "shh"]],
    ["--log-level", ["--log-level", "loud"]],
    ["--help", ["--help=1"]],
    ["extra", ["extra"]],
  ])("a wrong %s: %j", (flag, args) => {
    const command = readOptions(args, {});
    if (command.kind !== "mistake") throw new Error(JSON.stringify(command));
    expect(command.sentence).toContain(flag);
    expect(command.sentence).toMatch(/^[^\n]+\.$/);
  });

  test("a wrong variable", () => {
    expect(readOptions([], { SHOAL_PORT: "x" })).toMatchObject({ kind: "mistake" });
    expect(readOptions([], { SHOAL_DASHBOARD: "yes" })).toMatchObject({ kind: "mistake" });
    expect(run([], { SHOAL_DASHBOARD: "off" }).options).not.toHaveProperty("dashboard");
    expect(run([], { SHOAL_DASHBOARD: "on" }).options).toMatchObject({ dashboard: true });
  });
});

test("help and version are asked for, whatever else is wrong in the environment", () => {
  expect(readOptions(["--help"], { SHOAL_PORT: "x" })).toEqual({ kind: "help" });
  expect(readOptions(["--version"], {})).toEqual({ kind: "version" });
});
