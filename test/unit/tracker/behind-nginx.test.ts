// The server block of the operator's guide, word for word but for ports and files, in a real nginx in front of a real tracker. Where
// nginx cannot be had, one line says what was not tested.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { PROTOCOL_VERSION } from "../../../tracker/protocol/messages.ts";
import { type RunningTracker, startTracker } from "../../../tracker/server.ts";
import { blocksOf, read } from "../../support/documents.ts";
import { findNginx, findOpenssl, type Nginx, startNginx } from "../../support/nginx.ts";
import { newSecret, Page } from "./page.ts";

const GUIDE = "tracker/guide-operator.md";
const HOST = "tracker.example.com";
const SITE = "https://www.example.com";

let folder = "";
let tracker: RunningTracker;
let nginx: Nginx;

const program = findNginx();
const openssl = findOpenssl();

/** The guide's block, with each of its places in its stead. */
function guided(
  { port, certificate, key }: { port: number; certificate: string; key: string },
  trackerPort: number,
): string {
  const blocks = blocksOf({ path: GUIDE, text: read(GUIDE) });
  const block = blocks.find(({ text }) => text.includes("proxy_set_header Upgrade"));
  let text = block?.text ?? "";
  for (const [theirs, ours] of [
    ["listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`],
    [`/etc/letsencrypt/live/${HOST}/fullchain.pem`, certificate],
    [`/etc/letsencrypt/live/${HOST}/privkey.pem`, key],
    ["http://127.0.0.1:7070", `http://127.0.0.1:${trackerPort}`],
  ] as const) {
    if (!text.includes(theirs)) throw new Error(`the guide says nothing of ${theirs}`);
    text = text.replaceAll(theirs, ours);
  }
  return text;
}

const reached = () => ({ host: "127.0.0.1", port: nginx.port, ca: nginx.certificate });

/** Status and body that a visitor at this address gets. */
async function asked(
  path: string,
  { method = "GET", from = "127.0.0.1" } = {},
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const options = { ...reached(), servername: HOST, headers: { host: HOST }, path, method };
    const call = request({ ...options, localAddress: from, agent: false }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (text) => {
        body += text;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    call.on("error", reject);
    call.end();
  });
}

async function visitor(from: string, origin = SITE): Promise<Page> {
  const { ca, port } = reached();
  const ws = new WebSocket(`wss://127.0.0.1:${port}/`, {
    ...{ ca, origin, localAddress: from, servername: HOST, headers: { host: HOST } },
    perMessageDeflate: false,
  });
  const page = new Page(ws);
  await new Promise((resolve, reject) => ws.once("open", resolve).once("error", reject));
  return page;
}

if (program === undefined || openssl === undefined) {
  test("without nginx nothing of this can be tested", () => {
    console.log("Not tested: the tracker behind nginx, since nginx or openssl is not installed.");
  });
} else {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "shoal-behind-"));
    const regions = join(folder, "regions.json");
    await writeFile(
      regions,
      JSON.stringify({ "127.0.0.2/32": "depot", "127.0.0.3/32": "harbour" }),
    );
    const scriptsDir = join(folder, "scripts");
    tracker = await startTracker({
      port: 0,
      host: "127.0.0.1",
      sites: [SITE],
      trustProxy: ["127.0.0.1"],
      regions,
      scriptsDir,
      dashboard: true,
    });
    nginx = await startNginx({
      nginx: program,
      openssl,
      host: HOST,
      servers: (places) => guided(places, tracker.port),
    });
  });
  afterAll(async () => {
    await Promise.all([nginx?.close(), tracker?.close({ graceful: false })]);
    await rm(folder, { recursive: true, force: true });
  });

  test("a tracker behind it is alive, and says what it is no WebSocket for", async () => {
    expect(await asked("/healthz")).toMatchObject({ status: 200 });
    expect((await asked("/healthz")).body).toContain("alive");
    expect(await asked("/")).toMatchObject({ status: 426 });
  });

  test("visitors join through it, each at the address that is theirs", async () => {
    const [near, far] = await Promise.all([visitor("127.0.0.2"), visitor("127.0.0.3")]);
    const regions = [];
    for (const page of [near, far]) {
      page.say({ type: "hello", version: PROTOCOL_VERSION, secret: newSecret() });
      regions.push((await page.next("welcome")).region);
    }
    expect(regions).toEqual(["depot", "harbour"]);
    // They are peers of each other, by the tracker's own word.
    await near.announce(0, "all");
    expect((await far.announce(1, "none")).introductions).toBe(1);
    await expect(visitor("127.0.0.2", "https://elsewhere.example")).rejects.toThrow("403");
    await Promise.all([near.leave(), far.leave()]);
  });

  test("what is the operator's own is nobody else's", async () => {
    for (const path of ["/metrics", "/stats", "/dashboard"]) {
      expect(await asked(path), path).toMatchObject({ status: 403 });
    }
    expect(await asked("/purge", { method: "POST" })).toMatchObject({ status: 403 });
  });
}
