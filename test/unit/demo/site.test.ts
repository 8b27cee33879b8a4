// The demo in one process, over real sockets: what a page finds there, and that nothing is left when it closes.

import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { createServer, get } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import type { Facts } from "../../../demo/facts.ts";
import { startSite } from "../../../demo/site.ts";
import { SECRET_BYTES } from "../../../tracker/protocol/ids.ts";
import { parseManifest } from "../../../tracker/protocol/manifest.ts";
import { temporaryDirectory, writeFiles } from "../tracker/manifest/temporary.ts";

async function site(port = 0) {
  const directory = await temporaryDirectory();
  await writeFiles(directory, {
    "pages/index.html": "<head><!--facts--><!--shoal--></head>",
    "pages/visitor.html": "<head><!--facts--></head>",
    "pages/assets/main.js": "let a",
    "pages/serve.mjs": "not for browsers",
  });
  const options = { port, pages: join(directory, "pages"), keyFile: join(directory, "key.json") };
  const running = await startSite(options);
  onTestFinished(() => running.close());
  return running;
}

const factsIn = (html: string): Facts =>
  JSON.parse(/id="facts">(.*?)<\/script>/.exec(html)?.[1] ?? "null");

describe("the demo", () => {
  test("serves every item with the very bytes that its manifest vouches for", async () => {
    const { url } = await site();
    const parsed = parseManifest(await (await fetch(`${url}/.well-known/shoal.json`)).text());
    if (!parsed.ok) throw new Error(parsed.path);
    const { items } = factsIn(await (await fetch(url)).text());
    const { assets } = parsed.manifest;
    const published = assets.map((asset) => asset.url);
    expect(published).toEqual(expect.arrayContaining(items.map((item) => item.url)));
    const photos = assets.filter(({ type }) => type === "image/jpeg");
    expect(photos).toHaveLength(5);
    for (const { url: photo, chunkBytes, digests } of photos) {
      const body = Buffer.from(await (await fetch(photo)).arrayBuffer());
      const first = createHash("sha256").update(body.subarray(0, chunkBytes)).digest();
      expect(first.equals(digests.subarray(0, 32))).toBe(true);
    }
    const { controls } = factsIn(await (await fetch(url)).text());
    const sent = await (await fetch(`${controls}/demo-api/origin`)).json();
    expect(sent).toMatchObject({
      requests: 5,
      bytes: photos.reduce((sum, { size }) => sum + size, 0),
    });
  });

  test("loads Shoal from its tracker by the tag a site would write, on the page only", async () => {
    const { url, trackerUrl } = await site();
    const tag = `<script src="${trackerUrl}/shoal.js" defer></script>`;
    expect(await (await fetch(url)).text()).toContain(tag);
    const visitor = await (await fetch(`${url}/visitor.html`)).text();
    expect(visitor).not.toContain(tag);
    expect(factsIn(visitor).tracker).toBe(trackerUrl);
    expect((await fetch(`${trackerUrl}/healthz`)).ok).toBe(true);
  });

  test("has one name and no files but its pages", async () => {
    const { url } = await site();
    const byAddress = url.replace("localhost", "127.0.0.1");
    const elsewhere = await fetch(`${byAddress}/visitor.html`, { redirect: "manual" });
    expect(elsewhere.headers.get("location")).toBe(`${url}/visitor.html`);
    expect((await fetch(`${url}/assets/main.js`)).headers.get("cache-control")).toContain(
      "immutable",
    );
    for (const path of ["/serve.mjs", "/../key.json", "/%2e%2e/key.json", "/nothing"]) {
      expect((await fetch(url + path)).status).toBe(404);
    }
  });

  test("takes switches from its own page only, and turns off and on what they say", async () => {
    const { url, trackerUrl } = await site();
    const { controls } = factsIn(await (await fetch(url)).text());
    const post = (origin: string, body: string, type = "application/json") =>
      fetch(`${controls}/demo-api/origin`, {
        method: "POST",
        headers: { origin, "content-type": type },
        body,
      });
    expect((await post("https://evil.example", '{"isOn":false}')).status).toBe(403);
    expect((await post(url, '{"isOn":false}', "text/plain")).status).toBe(400);
    expect((await post(url, "x".repeat(5000))).status).toBe(400);
    expect(await (await post(url, '{"isSlow":true,"isOn":"no"}')).json()).toMatchObject({
      isOn: true,
      isSlow: true,
    });
    const switched = async (body: string) => (await post(url, body)).json();
    expect(await switched('{"isTrackerOn":false}')).toMatchObject({ isTrackerOn: false });
    await expect(fetch(trackerUrl)).rejects.toThrow();
    expect(await switched('{"isTrackerOn":true}')).toMatchObject({ isTrackerOn: true });
    expect((await fetch(`${trackerUrl}/healthz`)).ok).toBe(true);
    expect((await fetch(`${controls}/demo-api/origin`, { method: "DELETE" })).status).toBe(405);
    expect((await fetch(`${controls}/elsewhere`)).status).toBe(404);
  });

  test("lists in its playlists what the manifest vouches for, and nothing twice", async () => {
    const { url } = await site();
    const parsed = parseManifest(await (await fetch(`${url}/.well-known/shoal.json`)).text());
    if (!parsed.ok) throw new Error(parsed.path);
    const published = new Set(parsed.manifest.assets.map((asset) => asset.url));
    for (const name of ["live", "film"]) {
      const playlist = `${url}/content/${name}/index.m3u8`;
      const segments = await segmentsOf(playlist);
      expect(segments.length).toBeGreaterThanOrEqual(8);
      expect(new Set(segments).size).toBe(segments.length);
      if (name === "film") for (const segment of segments) expect(published).toContain(segment);
      const first = await fetch(segments.at(-1) ?? "");
      expect([first.status, first.headers.get("shoal-cache-control")]).toEqual([
        200,
        "public, max-age=86400",
      ]);
    }
  });

  test("has a sky that is the same for everybody within five seconds", async () => {
    const { url } = await site();
    const [one, other] = await Promise.all(
      [1, 2].map(async () => fetch(`${url}/content/sky.json`)),
    );
    expect(one?.headers.get("shoal-cache-control")).toBe("public, max-age=5");
    const [sky, same] = [await one?.json(), await other?.json()];
    if (sky.at === same.at) expect(sky).toEqual(same);
    expect(sky.at % 5000).toBe(0);
  });

  test("leads visitors by a door to another region of the tracker", async () => {
    const { url } = await site();
    const { controls } = factsIn(await (await fetch(url)).text());
    const regions: string[] = [];
    for (const path of ["/door/0/1", "/door/1/2", "/door/2/3"]) {
      regions.push(await regionAt(controls.replace("http", "ws") + path, url));
    }
    expect(regions).toEqual(["North wing", "South wing", "Garden"]);
    for (const path of ["/door/9/1", "/door/1/x", "/elsewhere"]) {
      await expect(regionAt(controls.replace("http", "ws") + path, url)).rejects.toThrow();
    }
  });

  test("has a site for each visitor, whom its doors know as the page's own", async () => {
    const { url } = await site();
    const { controls, visitorPages, items } = factsIn(await (await fetch(url)).text());
    expect(new Set(visitorPages.map((page) => new URL(page).hostname)).size).toBe(8);
    const { port } = new URL(url);
    for (const page of visitorPages) {
      const { host, origin, pathname } = new URL(page);
      // Node, unlike browsers, asks the network for such names.
      expect(await statusAs(host, `http://127.0.0.1:${port}${pathname}`)).toBe(200);
      expect(await statusAs(host, `http://127.0.0.1:${port}/content/live/index.m3u8`)).toBe(404);
      expect(await regionAt(`${controls.replace("http", "ws")}/door/1/1`, origin)).toBe(
        "South wing",
      );
    }
    const stranger = `http://visitor-0.localhost.example:${port}`;
    const door = `${controls.replace("http", "ws")}/door/1/1`;
    await expect(regionAt(door, stranger)).rejects.toThrow();
    const asked = await fetch(items[0]?.url ?? "", {
      method: "OPTIONS",
      headers: { Origin: new URL(visitorPages[0] ?? "").origin },
    });
    expect(asked.headers.get("access-control-allow-headers")).toContain("range");
    expect(asked.headers.get("access-control-allow-origin")).toBe("*");
  });

  test("leaves nothing open and nothing on disk", async () => {
    // A temporary directory that no other demo on this machine uses.
    const temporary = await temporaryDirectory();
    const usual = process.env.TMPDIR;
    onTestFinished(() => {
      if (usual === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = usual;
    });
    process.env.TMPDIR = temporary;
    const { url, trackerUrl, close } = await site();
    expect(await stagesIn(temporary)).toHaveLength(1);
    await close();
    await expect(fetch(url)).rejects.toThrow();
    await expect(fetch(trackerUrl)).rejects.toThrow();
    expect(await stagesIn(temporary)).toEqual([]);
  });

  test("says so when its port is taken, and leaves nothing either", async () => {
    const other = createServer();
    onTestFinished(() => void other.close());
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    await expect(site(address.port)).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

async function segmentsOf(playlist: string): Promise<readonly string[]> {
  const text = await (await fetch(playlist)).text();
  const names = text.split("\n").filter((line) => line.endsWith(".m4s"));
  return names.map((name) => new URL(name, playlist).href);
}

function statusAs(host: string, url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject);
  });
}

/** What the tracker behind this door says of where the page is. */
function regionAt(door: string, origin: string): Promise<string> {
  const socket = new WebSocket(door, { origin });
  return new Promise((resolve, reject) => {
    const secret = Buffer.alloc(SECRET_BYTES, 7).toString("base64url");
    socket.on("open", () => socket.send(JSON.stringify({ type: "hello", version: 1, secret })));
    socket.on("message", (text) => {
      resolve(JSON.parse(String(text)).region);
      socket.close();
    });
    socket.on("error", reject);
  });
}

async function stagesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith("shoal-demo-"));
}
