// The demo in one process, over real sockets: what a page finds there, and that nothing is left when it closes.

import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startSite } from "../../../demo/site.ts";
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

const factsIn = (html: string): { tracker: string; controls: string; items: { url: string }[] } =>
  JSON.parse(/id="facts">(.*?)<\/script>/.exec(html)?.[1] ?? "null");

describe("the demo", () => {
  test("serves every item with the very bytes that its manifest vouches for", async () => {
    const { url } = await site();
    const parsed = parseManifest(await (await fetch(`${url}/.well-known/shoal.json`)).text());
    if (!parsed.ok) throw new Error(parsed.path);
    const { items } = factsIn(await (await fetch(url)).text());
    const { assets } = parsed.manifest;
    expect(assets.map((asset) => asset.url).sort()).toEqual(items.map((item) => item.url).sort());
    const photos = assets.filter(({ type }) => type === "image/jpeg");
    expect(photos).toHaveLength(5);
    for (const { url: photo, chunkBytes, digests } of photos) {
      const body = Buffer.from(await (await fetch(photo)).arrayBuffer());
      const first = createHash("sha256").update(body.subarray(0, chunkBytes)).digest();
      expect(first.equals(digests.subarray(0, 32))).toBe(true);
    }
    const sent = await (await fetch(`${url}/demo-api/origin`)).json();
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
    expect(visitor).not.toContain("shoal.js");
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

  test("takes switches from its own page only", async () => {
    const { url } = await site();
    const { controls } = factsIn(await (await fetch(url)).text());
    const post = (origin: string, body: string, type = "application/json") =>
      fetch(controls, { method: "POST", headers: { origin, "content-type": type }, body });
    expect((await post("https://evil.example", '{"isOn":false}')).status).toBe(403);
    expect((await post(url, '{"isOn":false}', "text/plain")).status).toBe(400);
    expect((await post(url, "x".repeat(5000))).status).toBe(400);
    expect(await (await post(url, '{"isSlow":true,"isOn":"no"}')).json()).toMatchObject({
      isOn: true,
      isSlow: true,
    });
    expect((await fetch(controls, { method: "DELETE" })).status).toBe(405);
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

async function stagesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith("shoal-demo-"));
}
