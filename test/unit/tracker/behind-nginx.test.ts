// The server block of the operator's guide, word for word but for ports and files, in a real nginx in front of a real tracker. Where
// nginx cannot be had, one line says what was not tested.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROTOCOL_VERSION } from "../../../tracker/protocol/messages.ts";
import { type RunningTracker, startTracker } from "../../../tracker/server.ts";
import { blocksOf, read } from "../../support/documents.ts";
import { findNginx, findOpenssl, type Nginx, startNginx } from "../../support/nginx.ts";
import { exchange, newSecret, Page } from "./page.ts";

const GUIDE = "tracker/guide-operator.md";
const HOST = "tracker.example.com";
const SITE = "https://www.example.com";
const SCRIPT = "window.shoal = {};";

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

const proxied = () => ({ url: `https://127.0.0.1:${nginx.port}` });
/** As whoever has looked up the name. */
const trusting = () => ({ ca: nginx.certificate, servername: HOST });

async function asked(path: string, method = "GET") {
  const headers = { host: HOST };
  const { status, body } = await exchange(proxied(), path, { ...trusting(), method, headers });
  return { status, body: String(body) };
}
const visitor = (localAddress: string, origin = SITE): Promise<Page> =>
  Page.open(proxied(), origin, { host: HOST }, { ...trusting(), localAddress });

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
    await mkdir(scriptsDir);
    await writeFile(join(scriptsDir, "shoal.js"), SCRIPT);
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

  test("a tracker behind it answers as the guide says", async () => {
    const alive = { status: 200, body: expect.stringContaining("alive") };
    expect(await asked("/healthz")).toMatchObject(alive);
    expect(await asked("/shoal.js")).toEqual({ status: 200, body: SCRIPT });
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
    expect(await asked("/purge", "POST")).toMatchObject({ status: 403 });
  });
}
