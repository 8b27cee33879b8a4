// client.fetch beside window.fetch: the same request, the same answer, whatever the request is and whoever answers it.

import { expect, type Page, test } from "@playwright/test";
import { CHUNK_BYTES } from "../../tracker/protocol/manifest.ts";
import { type Ask, both, type Complaints, complaintsOf, outcome } from "../support/outcome.ts";
import { startSite } from "../support/servers.ts";
import { fetched, noise, type Stage, setStage, sha256 } from "../support/stage.ts";

/** Three chunks and a rest, so that ranges can begin and end in the middle of chunks. */
const FILM = noise(3 * CHUNK_BYTES + 1000, 1);
const JSON_TEXT = '{"shoal":["peers",1]}';
const SIZES: Readonly<Record<string, number>> = {
  "/zero.bin": 0,
  "/one.bin": 1,
  "/chunk.bin": CHUNK_BYTES,
  "/more.bin": CHUNK_BYTES + 1,
};

let stage: Stage;
let page: Page;
let complaints: Complaints;
test.beforeAll(async ({ browser }) => {
  stage = await setStage();
  const { site } = stage;
  const sizes = Object.entries(SIZES).map(([path, size]) => [path, noise(size, size)]);
  await stage.publish({
    "/film.bin": FILM,
    "/deep/film.bin": FILM,
    "/private.bin": FILM,
    "/facts.json": new TextEncoder().encode(JSON_TEXT),
    "/form": noise(100, 7),
    "/gone.bin": noise(100, 8),
    ...Object.fromEntries(sizes),
  });
  site.put("/facts.json", { body: JSON_TEXT, type: "application/octet-stream" });
  site.put("/unlisted.txt", { body: "nobody vouches for this" });
  site.answer("/form", (request, response) => {
    const bodies: Buffer[] = [];
    request.on("data", (bytes: Buffer) => bodies.push(bytes));
    request.on("end", () => {
      response.setHeader("X-Method", request.method ?? "");
      response.end(`${request.method} ${request.headers["content-type"]} ${Buffer.concat(bodies)}`);
    });
  });
  site.answer("/gone.bin", (_request, response) => {
    response.writeHead(404, { "Content-Type": "text/html" });
    response.end("<h1>The site's own page for what is not there</h1>");
  });
  page = await stage.visit(browser, { attributes: { "data-exclude": "/private*" } });
  complaints = complaintsOf(page);
  // From here on it would be in the cache, so that a request that gets to the origin was passed on.
  await fetched(page, "/film.bin");
});
test.afterAll(() => stage.close());
test.afterEach(() => {
  expect(complaints).toMatchObject({ errors: [], warnings: [] });
});

/** Both ways give the same answer, and Shoal has or has not a part in it. */
async function same(ask: Ask, by: "shoal" | "origin"): Promise<Awaited<ReturnType<typeof both>>> {
  const { network, shoal } = await both(page, ask);
  expect({ cacheStatus: null, ...network }).toMatchObject({ cacheStatus: null });
  if (by === "origin") expect(shoal).toEqual(network);
  else {
    expect(shoal).toMatchObject({ cacheStatus: expect.stringMatching(/^shoal; /) });
    expect({ ...shoal, cacheStatus: null }).toEqual(network);
  }
  return { network, shoal };
}

test.describe("the first argument", () => {
  const forms: readonly Ask[] = [
    { url: "/film.bin" },
    { url: "film.bin" },
    { url: "./deep/../film.bin#part" },
    { url: "/film.bin", as: "url" },
    { url: "/film.bin#part", as: "url" },
    { url: "/film.bin", as: "request" },
    { url: "film.bin#part", as: "request" },
    { url: "/film.bin", as: "request", init: { headers: { Range: "bytes=5-9" } } },
  ];
  for (const ask of forms) {
    test(`${ask.as ?? "text"} ${JSON.stringify(ask.url)} ${ask.init ? "with a range" : ""}`, async () => {
      await same(ask, "shoal");
    });
  }

  test("a relative URL is resolved against the page's <base>", async () => {
    await page.evaluate(() => {
      const base = document.createElement("base");
      base.href = "/deep/";
      document.head.append(base);
    });
    const { shoal } = await same({ url: "film.bin" }, "shoal");
    expect(shoal).toMatchObject({ answered: { url: `${stage.site.url}/deep/film.bin` } });
    await page.evaluate(() => document.querySelector("base")?.remove());
  });

  for (const url of ["http://[", "ftp://example.org/film.bin", "http://user:word@127.0.0.1/a"]) {
    test(`the URL ${url} fails as it does with fetch`, async () => {
      const { shoal } = await same({ url }, "origin");
      expect(shoal).toMatchObject({ failed: expect.stringMatching(/^TypeError/) });
    });
  }
});

test("a body can be read in every way, and a clone beside it", async () => {
  const read = (way: "shoal" | "network") =>
    page.evaluate(async (by) => {
      const ask = by === "shoal" && window.shoal ? window.shoal.fetch : fetch;
      const response = await ask("/facts.json");
      const copies = Array.from({ length: 4 }, () => response.clone());
      const [text, json, buffer, blob] = copies as [Response, Response, Response, Response];
      const streamed: number[] = [];
      for await (const bytes of response.body ?? []) streamed.push(...bytes);
      const blobbed = await blob.blob();
      return {
        text: await text.text(),
        json: await json.json(),
        buffer: [...new Uint8Array(await buffer.arrayBuffer())],
        blob: [blobbed.size, blobbed.type, await blobbed.text()],
        streamed,
        used: [response.bodyUsed, text.bodyUsed],
        clone: [blob.url, blob.type, blob.status, blob.headers.get("Content-Type")],
        again: await response.text().catch((error: unknown) => error instanceof TypeError),
      };
    }, way);
  const network = await read("network");
  expect(network.text).toBe(JSON_TEXT);
  expect(await read("shoal")).toEqual(network);
});

test.describe("ranges", () => {
  const end = FILM.length;
  const served: readonly string[] = [
    "bytes=0-0",
    "bytes=0-99",
    `bytes=${CHUNK_BYTES - 1}-${CHUNK_BYTES}`,
    `bytes=100-${3 * CHUNK_BYTES + 5}`,
    `bytes=${CHUNK_BYTES}-${2 * CHUNK_BYTES - 1}`,
    "bytes=500000-",
    "bytes=0-",
    "bytes=-1",
    "bytes=-1000",
    "bytes=-99999999",
    `bytes=${end - 1}-${end + 1000}`,
  ];
  for (const range of served) {
    test(`${range} is answered as the origin answers it`, async () => {
      await same({ url: "/film.bin", init: { headers: { Range: range } } }, "shoal");
    });
  }
  for (const range of [`bytes=${end}-`, `bytes=${end + 5}-${end + 9}`, "bytes=-0"]) {
    test(`${range} is beyond the end`, async () => {
      const ask: Ask = { url: "/film.bin", init: { headers: { Range: range } } };
      const { network, shoal } = await both(page, ask);
      // The words beside it are the browser's own when it knows the file; RFC 9110, 15.5.17 names what matters.
      expect(network).toMatchObject({ answered: { status: 416, length: 0 } });
      expect(shoal).toMatchObject({
        answered: {
          status: 416,
          ok: false,
          url: `${stage.site.url}/film.bin`,
          type: "basic",
          length: 0,
          headers: { "content-range": `bytes */${end}` },
        },
      });
    });
  }
  for (const range of [
    "bytes=0-1,5-9",
    "bytes=9-5",
    "bytes=",
    "bytes=a-b",
    "chunks=0-1",
    "bytes=1-2-3",
  ]) {
    test(`"${range}" is the origin's to answer`, async () => {
      await same({ url: "/film.bin", init: { headers: { Range: range } } }, "origin");
    });
  }
});

test.describe("sizes", () => {
  for (const [path, size] of Object.entries(SIZES)) {
    test(`${size} bytes, the first time and from the cache`, async () => {
      const by = size === 0 ? "origin" : "shoal";
      const first = await same({ url: path }, by);
      const second = await same({ url: path }, by);
      expect(first.shoal).toMatchObject({ answered: { length: size } });
      if (size > 0) expect(second.shoal).toMatchObject({ cacheStatus: "shoal; hit" });
      for (const range of size === 0
        ? ["bytes=0-"]
        : ["bytes=0-0", "bytes=-1", `bytes=${size - 1}-`]) {
        await same({ url: path, init: { headers: { Range: range } } }, by);
      }
    });
  }
});

test.describe("what is not ours is passed on untouched", () => {
  const asks: Readonly<Record<string, Ask>> = {
    "a HEAD": { url: "/form", init: { method: "HEAD" } },
    "a POST with a body": { url: "/form", init: { method: "POST", body: "a=b" } },
    "a PUT with a body and its type": {
      url: "/form",
      init: { method: "PUT", body: "{}", headers: { "Content-Type": "application/json" } },
    },
    "a DELETE": { url: "/form", init: { method: "delete" } },
    "a POST in a Request": { url: "/form", as: "request", init: { method: "POST", body: "x" } },
    "cache: no-store": { url: "/film.bin", init: { cache: "no-store" } },
    "cache: reload": { url: "/film.bin", init: { cache: "reload" } },
    "cache: no-store in a Request": {
      url: "/film.bin",
      as: "request",
      init: { cache: "no-store" },
    },
    "credentials: include": { url: "/film.bin", init: { credentials: "include" } },
    "an Authorization": { url: "/film.bin", init: { headers: { Authorization: "Basic eDp5" } } },
    "an If-None-Match": { url: "/film.bin", init: { headers: { "If-None-Match": '"x"' } } },
    "an If-Range": {
      url: "/film.bin",
      init: { headers: { Range: "bytes=0-9", "If-Range": '"x"' } },
    },
    "a right integrity": {
      url: "/film.bin",
      init: { integrity: `sha256-${Buffer.from(sha256(FILM), "hex").toString("base64")}` },
    },
    "a wrong integrity": { url: "/film.bin", init: { integrity: `sha256-${"A".repeat(43)}=` } },
    "mode: no-cors": { url: "/film.bin", init: { mode: "no-cors" } },
    "redirect: error": { url: "/film.bin", init: { redirect: "error" } },
    "a URL that the manifest does not list": { url: "/unlisted.txt" },
    "a listed URL with a query": { url: "/film.bin?v=2" },
    "an excluded URL": { url: "/private.bin" },
    "a listed file that is gone": { url: "/gone.bin" },
    "a file that never was": { url: "/never.bin" },
    "a wrong method": { url: "/film.bin", init: { method: "GE T" } },
    "a body where none may be": { url: "/film.bin", init: { body: "x" } },
    "a wrong header": { url: "/film.bin", init: { headers: { "a b": "c" } } },
    "a mode that pages cannot ask for": { url: "/film.bin", init: { mode: "navigate" } },
  };
  for (const [what, ask] of Object.entries(asks)) {
    test(what, async () => {
      const path = new URL(ask.url, stage.site.url).pathname;
      const before = stage.site.requests(path);
      const network = await outcome(page, "network", ask);
      const cost = stage.site.requests(path) - before;
      const shoal = await outcome(page, "shoal", ask);
      expect(shoal).toEqual(network);
      // A file that was listed and is gone is asked for once more than by the network alone.
      const most = path === "/gone.bin" ? 2 : cost;
      expect(stage.site.requests(path) - before - cost).toBe(most);
    });
  }

  test("cache: only-if-cached, where nobody has it", async () => {
    const init: RequestInit = { cache: "only-if-cached", mode: "same-origin" };
    const { shoal } = await same({ url: "/film.bin?only", init }, "origin");
    expect(shoal).toMatchObject({ failed: expect.stringMatching(/^TypeError/) });
  });
});

test("a site elsewhere is served where the page includes it, with its CORS", async ({
  browser,
}) => {
  const elsewhere = await startSite({
    files: { "/shown.bin": { body: FILM } },
    headers: { "Access-Control-Allow-Origin": "*" },
  });
  const bodies = { [`${elsewhere.url}/shown.bin`]: FILM };
  const manifest = await stage.publisher.manifest(bodies);
  stage.site.put("/elsewhere.json", { body: manifest });
  const context = await browser.newContext();
  try {
    const visitor = await stage.visit(browser, {
      context,
      attributes: { "data-manifest": "/elsewhere.json", "data-include": `${elsewhere.url}/*` },
    });
    const { network, shoal } = await both(visitor, { url: `${elsewhere.url}/shown.bin` });
    expect(network).toMatchObject({ answered: { type: "cors", sha256: sha256(FILM) } });
    expect(shoal).toMatchObject({ answered: { type: "cors", sha256: sha256(FILM) } });
    expect(shoal).toMatchObject({ cacheStatus: expect.stringMatching(/^shoal; /) });
    const included = await outcome(visitor, "shoal", { url: `${stage.site.url}/film.bin` });
    expect(included).toMatchObject({ answered: { sha256: sha256(FILM) }, cacheStatus: null });
  } finally {
    await context.close();
    await elsewhere.close();
  }
});

test("a network that fails fails with fetch's own error", async () => {
  await stage.site.goOffline();
  try {
    for (const url of ["/chunk.bin?off", "/unlisted.txt", "/form"]) {
      const { shoal } = await same({ url, init: { cache: "no-store" } }, "origin");
      expect(shoal).toEqual({ failed: "TypeError: Failed to fetch" });
    }
    const { shoal } = await same({ url: "/form" }, "origin");
    expect(shoal).toEqual({ failed: "TypeError: Failed to fetch" });
    // What is held is still there.
    expect(await outcome(page, "shoal", { url: "/film.bin" })).toMatchObject({
      answered: { status: 200, sha256: sha256(FILM) },
      cacheStatus: "shoal; hit",
    });
  } finally {
    await stage.site.goOnline();
  }
});
