// `GET /manifest?url=` of a running tracker: one URL or many, who may ask, how often, and what caches are told.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OptionError, type TrackerOptions } from "../../../../tracker/options.ts";
import {
  type Attestation,
  MAX_ASK_BYTES,
  MAX_ASKED_URLS,
  parseAttestation,
} from "../../../../tracker/protocol/attestation.ts";
import { parseManifest } from "../../../../tracker/protocol/manifest.ts";
import { type RunningTracker, startTracker } from "../../../../tracker/server.ts";
import { type Site, startSite } from "../../../support/servers.ts";
import { exchange } from "../page.ts";

const FRESH = { "cache-control": "max-age=60" };

let site: Site;
const running: RunningTracker[] = [];
beforeEach(async () => {
  site = await startSite({
    files: {
      "/a": { body: "a", headers: FRESH },
      "/b": { body: "b", headers: FRESH },
      "/mine": { body: "mine", headers: { "cache-control": "private" } },
    },
  });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((tracker) => tracker.close({ graceful: false })));
  await site.close();
});

async function started(options: TrackerOptions = {}): Promise<RunningTracker> {
  const tracker = await startTracker({ port: 0, sites: [site.url], ...options });
  running.push(tracker);
  return tracker;
}
type Headers = Readonly<Record<string, string>>;
const pathOf = (url: string): string => `/manifest?url=${encodeURIComponent(url)}`;
const ask = (tracker: RunningTracker, url: string, headers: Headers = {}) =>
  exchange(tracker, pathOf(url), { headers });
const askAll = (tracker: RunningTracker, urls: readonly string[], headers: Headers = {}) =>
  exchange(tracker, "/manifest", { method: "POST", headers, body: urls.join("\n") });
async function problemOf(tracker: RunningTracker, url: string, headers: Headers = {}) {
  const answer = await ask(tracker, url, headers);
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  return { ...answer, problem: JSON.parse(String(answer.body)) };
}
const linesOf = (body: unknown): (Attestation | undefined)[] =>
  String(body).trimEnd().split("\n").map(parseAttestation);

describe("one URL", () => {
  test("is answered with its manifest, for pages to read and caches to keep", async () => {
    const tracker = await started();
    const { status, headers, body } = await ask(tracker, `${site.url}/a`, { origin: site.url });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "access-control-allow-origin": "*",
      "cache-control": expect.stringMatching(/^public, max-age=(59|60)$/),
    });
    const parsed = parseManifest(String(body));
    expect(parsed).toMatchObject({
      ok: true,
      manifest: { key: tracker.key, assets: [{ url: `${site.url}/a`, size: 1, headers: FRESH }] },
    });
  });

  test("that is refused is answered with a problem document that says why", async () => {
    const tracker = await started();
    const { status, headers, problem } = await problemOf(tracker, `${site.url}/mine`);
    expect([status, headers["cache-control"]]).toEqual([404, "public, max-age=600"]);
    expect(headers["access-control-allow-origin"]).toBe("*");
    expect(problem).toEqual({
      type: "urn:shoal:problem:private",
      title: "The answer is for one visitor (Cache-Control: private).",
      status: 404,
      code: "private",
      url: `${site.url}/mine`,
    });
    const missing = await problemOf(tracker, `${site.url}/nothing`);
    expect(missing.problem).toMatchObject({ code: "status", originStatus: 404 });
    const elsewhere = await problemOf(tracker, "https://elsewhere.example/");
    expect([elsewhere.status, elsewhere.problem.code]).toEqual([403, "not-listed"]);
    const wrong = await problemOf(tracker, "/a");
    expect([wrong.status, wrong.problem.code]).toEqual([400, "malformed"]);
  });

  test("that takes long is still being read, and is there later", async () => {
    const tracker = await started({ attestLimits: { patienceMs: 20 } });
    const begun = new Promise<ServerResponse>((resolve) => {
      site.answer("/slow", (_request, response) => resolve(response.writeHead(200, FRESH)));
    });
    const { status, headers, problem } = await problemOf(tracker, `${site.url}/slow`);
    expect([status, problem.code]).toEqual([503, "reading"]);
    expect(headers).toMatchObject({ "cache-control": "no-store", "retry-after": "2" });
    (await begun).end("slow");
    let answer = await ask(tracker, `${site.url}/slow`);
    while (answer.status === 503) answer = await ask(tracker, `${site.url}/slow`);
    expect(answer.status).toBe(200);
    expect(site.requests("/slow")).toBe(1);
  });

  test("may be asked about with HEAD, and with nothing else", async () => {
    const tracker = await started();
    const path = pathOf(`${site.url}/a`);
    const head = await exchange(tracker, path, { method: "HEAD" });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    for (const wrong of [path.split("?", 1)[0] ?? "", `${path}&url=x`]) {
      const { status, body } = await exchange(tracker, wrong);
      expect([status, JSON.parse(String(body)).code]).toEqual([400, "malformed"]);
    }
    expect((await exchange(tracker, path, { method: "PUT" })).status).toBe(400);
  });
});

describe("many URLs", () => {
  test("that are soon over come with their bodies", async () => {
    const tracker = await started();
    const scores = { body: "2:1", headers: { "cache-control": "public, s-maxage=2" } };
    site.put("/scores", scores);
    const ask = async () => linesOf((await askAll(tracker, [`${site.url}/scores`])).body);
    const [first] = await ask();
    expect(first).toMatchObject({ kind: "vouched", body: new Uint8Array(Buffer.from("2:1")) });
    // To the part of a second: a whole one would be half of its life.
    const [second] = await ask();
    expect(second).toMatchObject({ kind: "vouched", body: undefined });
    for (const said of [first, second])
      expect(said?.kind === "vouched" && said.maxAge % 1).not.toBe(0);
  });

  test("are answered a line each, in whatever order they are known", async () => {
    const tracker = await started();
    const begun = new Promise<ServerResponse>((resolve) => {
      site.answer("/slow", (_request, response) => resolve(response.writeHead(200, FRESH)));
    });
    const paths = ["/slow", "/a", "/mine", "/b", "/a"];
    const urls = paths.map((path) => site.url + path);
    const response = await fetch(`${tracker.url}/manifest`, {
      method: "POST",
      body: urls.join("\n"),
    });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    // Three lines before the slow one is there.
    while (text.split("\n").length < 4)
      text += String(Buffer.from((await reader.read()).value ?? []));
    (await begun).end("slow");
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      text += String(Buffer.from(next.value));
    }
    const said = linesOf(text).map((line) => {
      if (line?.kind === "vouched") return [line.asset.url, line.asset.size];
      return line?.kind === "refused" ? [line.url, line.code] : line;
    });
    expect(said.slice(0, 3).sort()).toEqual([
      [`${site.url}/a`, 1],
      [`${site.url}/b`, 1],
      [`${site.url}/mine`, "private"],
    ]);
    expect(said.slice(3)).toEqual([[`${site.url}/slow`, 4]]);
  });

  test("are at least one, at most as many as a page may ask about, in a message of fair length", async () => {
    const tracker = await started();
    const urls = Array.from({ length: MAX_ASKED_URLS }, (_, index) => `${site.url}/${index}`);
    expect(linesOf((await askAll(tracker, urls)).body)).toHaveLength(MAX_ASKED_URLS);
    const long = Array.from({ length: 64 }, () => `${site.url}/${"x".repeat(MAX_ASK_BYTES / 64)}`);
    for (const wrong of [[], [...urls, `${site.url}/one-more`], long]) {
      const { status, body } = await askAll(tracker, wrong);
      expect([status, JSON.parse(String(body)).code]).toEqual([400, "malformed"]);
    }
  });

  test("that a page gives up sending are forgotten", async () => {
    const tracker = await started();
    const socket = connect(tracker.port, "127.0.0.1");
    socket.write("POST /manifest HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhttp://");
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.destroy();
    expect((await ask(tracker, `${site.url}/a`)).status).toBe(200);
  });
});

describe("whoever asks", () => {
  test.each<[code: string, headers: Headers]>([
    ["foreign", { origin: "https://evil.example" }],
    ["foreign", { origin: "null" }],
    // An image or a script of another site: no origin is said, but the browser tells.
    ["foreign", { "sec-fetch-site": "cross-site" }],
    ["loop", { "cdn-loop": "other, shoal" }],
  ])("%s is told nothing, and nothing is read: %j", async (code, headers) => {
    const tracker = await started();
    const answer = await problemOf(tracker, `${site.url}/a`, headers);
    expect([answer.status, answer.problem.code]).toEqual([403, code]);
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(site.requests()).toBe(0);
  });

  test("too much waits, by address; others do not", async () => {
    const tracker = await started({
      trustProxy: 1,
      attestLimits: { asksPerAddress: { burst: 3, perSecond: 0.001 } },
    });
    const from = (address: string) => ({ "x-forwarded-for": address });
    const urls = ["/a", "/b", "/mine"].map((path) => site.url + path);
    expect((await askAll(tracker, urls, from("192.0.2.1"))).status).toBe(200);
    const more = await problemOf(tracker, `${site.url}/a`, from("192.0.2.1"));
    expect([more.status, more.problem.code]).toEqual([429, "rate"]);
    expect(more.headers["retry-after"]).toBe("10");
    expect((await askAll(tracker, urls, from("192.0.2.2"))).status).toBe(200);
  });

  test("for much that is new waits, and gets what is known", async () => {
    const tracker = await started({
      attestLimits: { readsPerAddress: { burst: 1, perSecond: 0.001 } },
    });
    expect((await ask(tracker, `${site.url}/a`)).status).toBe(200);
    expect((await problemOf(tracker, `${site.url}/b`)).problem.code).toBe("rate");
    expect((await ask(tracker, `${site.url}/a`)).status).toBe(200);
    expect(site.requests("/b")).toBe(0);
  });

  test("while too many wait already comes back", async () => {
    const tracker = await started({ attestLimits: { openAsks: 1 } });
    const asked = new Promise<() => void>((resolve) => {
      site.answer("/slow", (_request, response) => {
        response.writeHead(200, FRESH);
        resolve(() => response.end("slow"));
      });
    });
    const first = ask(tracker, `${site.url}/slow`);
    const finish = await asked;
    expect((await problemOf(tracker, `${site.url}/a`)).problem.code).toBe("busy");
    finish();
    expect((await first).status).toBe(200);
  });
});

describe("what may be read", () => {
  test("is the sites, or the content origins when they are named", async () => {
    const other = await startSite({ files: { "/x": { body: "x", headers: FRESH } } });
    const url = `${other.url}/x`;
    expect((await problemOf(await started(), url)).problem.code).toBe("not-listed");
    const tracker = await started({ contents: [other.url] });
    expect((await ask(tracker, url)).status).toBe(200);
    expect((await problemOf(tracker, `${site.url}/a`)).problem.code).toBe("not-listed");
    await other.close();
  });
  test("is this machine's own when no site is named", async () => {
    const tracker = await started({ sites: [] });
    expect((await ask(tracker, `${site.url}/a`)).status).toBe(200);
    const away = await problemOf(tracker, "https://a.example/");
    expect(away.problem.code).toBe("not-listed");
    const foreign = await problemOf(tracker, `${site.url}/a`, { origin: "https://a.example" });
    expect(foreign.problem.code).toBe("foreign");
  });
  test("may be nothing at all: then there is no such path", async () => {
    const tracker = await started({ contents: "off" });
    expect((await ask(tracker, `${site.url}/a`)).status).toBe(404);
    // Pages cannot know that, and ask.
    const many = await fetch(`${tracker.url}/manifest`, { method: "POST", body: `${site.url}/a` });
    expect([many.status, await many.text()]).toEqual([204, ""]);
    expect(site.requests()).toBe(0);
  });
  test("must be origins", async () => {
    const wrong = startTracker({ port: 0, contents: ["example.org"] });
    await expect(wrong).rejects.toThrow(
      new OptionError("contents", '--content: "example.org" is not an origin.'),
    );
  });
});

describe("the signing key", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "shoal-key-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("stays the same over restarts when it has a file", async () => {
    const key = join(folder, "key.json");
    const [first, second] = [await started({ key }), await started({ key })];
    expect(second.key).toBe(first.key);
    expect(await readFile(key, "utf8")).toContain('"P-256"');
    expect((await started()).key).not.toBe(first.key);
  });
  test("is refused, by the name of its flag, when the file is something else", async () => {
    const key = join(folder, "key.json");
    await writeFile(key, "{}");
    await expect(startTracker({ port: 0, key })).rejects.toThrow(/^--key: .* is not a private/);
  });
});

test("a tracker that is going away ends what it reads", async () => {
  const tracker = await started();
  const asked = new Promise<void>((resolve) => site.answer("/slow", () => resolve()));
  const answer = ask(tracker, `${site.url}/slow`).catch(() => "cut");
  await asked;
  await tracker.close({ graceful: false });
  expect(await answer).toBe("cut");
});
