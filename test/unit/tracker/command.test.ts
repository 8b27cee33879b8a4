// `shoal tracker` as an operator meets it: one line when ready, one sentence when not, exit codes, and a clean end.

import { describe, expect, test } from "vitest";
import { type Host, runTracker } from "../../../tracker/command.ts";
import { StunServer } from "../../../tracker/stun.ts";
import { Page } from "./page.ts";

/** A command under way: what it printed, the first line as soon as it comes, and its end. */
function running(args: readonly string[], environment: Host["environment"] = {}) {
  const stop = new AbortController();
  const reloads: (() => void)[] = [];
  const out: string[] = [];
  const err: string[] = [];
  let spoke: (line: string) => void;
  const firstLine = new Promise<string>((resolve) => {
    spoke = resolve;
  });
  const code = runTracker(args, {
    environment,
    out: (line) => {
      out.push(line);
      spoke(line);
    },
    err: (line) => void err.push(line),
    stop: stop.signal,
    onReload: (listener) => void reloads.push(listener),
  });
  return { stop, reloads, out, err, firstLine, code };
}

test("says where it listens in one line of JSON, drains when stopped and ends with 0", async () => {
  const command = running(["--port", "0"]);
  const listening = JSON.parse(await command.firstLine);
  expect(listening).toEqual({
    event: "listening",
    port: expect.any(Number),
    url: `http://127.0.0.1:${listening.port}`,
    key: expect.stringMatching(/^[\w-]{87}$/),
  });
  const page = await Page.join(listening);
  command.stop.abort();
  await page.next("bye");
  expect((await page.closed).code).toBe(1012);
  expect(await command.code).toBe(0);
  expect(command.out).toHaveLength(1);
});

test("logs JSON lines without addresses, and says when only this machine may join", async () => {
  const command = running(["--port", "0", "--log-level", "debug"]);
  const listening = JSON.parse(await command.firstLine);
  const page = await Page.open(listening);
  page.ws.send("nonsense");
  page.ws.send("nonsense");
  page.say({ type: "ping" });
  await page.closed;
  command.stop.abort();
  await command.code;
  const events = command.err.map((line) => JSON.parse(line).event);
  expect(events).toEqual(["loopback-only", "dropped", "draining", "closed"]);
  expect(command.err.join()).not.toMatch(/127\.0\.0\.1|::1/);
});

test("with a site named says nothing of this machine", async () => {
  const command = running(["--port", "0", "--host", "127.0.0.1"], {
    SHOAL_SITE: "https://example.org",
  });
  await command.firstLine;
  command.stop.abort();
  expect(await command.code).toBe(0);
  expect(command.err.join()).not.toContain("loopback");
});

describe("the STUN port", () => {
  const site = ["--port", "0", "--host", "127.0.0.1", "--site", "https://example.org"];
  const ended = async (command: ReturnType<typeof running>) => {
    command.stop.abort();
    expect(await command.code).toBe(0);
  };

  test("that was not asked for is done without when it is taken", async () => {
    // Whoever has 3478 on this machine, be it this test: afterwards somebody has.
    const taken = await StunServer.listen({ port: 3478, host: "127.0.0.1" }, () => 0).catch(
      () => undefined,
    );
    const command = running(site);
    await command.firstLine;
    await taken?.close();
    expect(command.err.map((line) => JSON.parse(line).event)).toEqual(["no-stun"]);
    await ended(command);
  });

  test("that was asked for and is taken ends the start with 2", async () => {
    const taken = await StunServer.listen({ port: 0, host: "127.0.0.1" }, () => 0);
    const command = running([...site, "--stun-port", String(taken.port)]);
    expect(await command.code).toBe(2);
    expect(command.err).toEqual([
      `--stun-port: UDP port ${taken.port} is in use; choose another, or "off".`,
    ]);
    await taken.close();
  });

  test("off is off", async () => {
    const command = running([...site, "--stun-port", "off"]);
    await command.firstLine;
    expect(command.err).toEqual([]);
    await ended(command);
  });
});

describe("one sentence and an exit code answer", () => {
  test.each([
    [2, "--bogus", ["--bogus"]],
    [2, "--port", ["--port", "x"]],
    [2, "--regions", ["--port", "0", "--regions", "/nowhere/rules.json"]],
    [2, "--geo-db", ["--port", "0", "--geo-db", "package.json"]],
    [2, "--asn-db", ["--port", "0", "--asn-db", "/nowhere/asn.mmdb"]],
    [2, "--token-secret", ["--port", "0", "--token-secret", "hunter2"]],
    [2, "--host", ["--port", "0", "--host", "192.0.2.1"]],
  ])("with %i a wrong %s", async (code, flag, args) => {
    const command = running(args);
    expect(await command.code).toBe(code);
    expect(command.out).toEqual([]);
    expect(command.err).toHaveLength(1);
    expect(command.err[0]).toContain(flag);
  });

  test("with 1 a port in use", async () => {
    const first = running(["--port", "0"]);
    const { port } = JSON.parse(await first.firstLine);
    const second = running(["--port", String(port)]);
    expect(await second.code).toBe(1);
    expect(second.err).toEqual([`Port ${port} is in use; choose another with --port.`]);
    first.stop.abort();
    await first.code;
  });
});

test("--help names every option, --version the version", async () => {
  const help = running(["--help"]);
  expect(await help.code).toBe(0);
  const flags = ["port", "host", "site", "token-secret", "trust-proxy", "regions", "geo-db"];
  flags.push("asn-db", "stun-port", "turn-url", "turn-secret", "log-level");
  for (const flag of flags) {
    expect(help.out[0]).toContain(`--${flag}`);
  }
  const version = running(["--version"]);
  expect(await version.code).toBe(0);
  expect(version.out[0]).toMatch(/^\d+\.\d+\.\d+/);
});
