// The site that other tests rely on: what it serves, what it counts and how it fails.

import { afterEach, describe, expect, test } from "vitest";
import { patterned } from "../../../contract/battery.ts";
import { type Site, startSite } from "../../../support/servers.ts";

const body = patterned(100_000);
let site: Site;
afterEach(() => site.close());

const start = async (settings: { bytesPerSecond?: number } = {}): Promise<string> => {
  site = await startSite({ files: { "/a": { body }, "/b.js": { body: "1" } }, ...settings });
  return `${site.url}/a`;
};
const bytesOf = async (response: Response): Promise<Uint8Array> =>
  new Uint8Array(await response.arrayBuffer());

test("files come with their types, and anything else is not found", async () => {
  await start();
  const script = await fetch(`${site.url}/b.js`);
  expect(script.headers.get("Content-Type")).toBe("text/javascript");
  expect(await script.text()).toBe("1");
  expect((await fetch(`${site.url}/c`)).status).toBe(404);
});

test.each([
  ["bytes=0-9", 0, 9],
  ["bytes=99990-", 99_990, 99_999],
  ["bytes=-10", 99_990, 99_999],
  ["bytes=50-999999", 50, 99_999],
])("the range %s is answered with exactly that", async (range, first, last) => {
  const response = await fetch(await start(), { headers: { range } });
  expect(response.status).toBe(206);
  expect(response.headers.get("Content-Range")).toBe(`bytes ${first}-${last}/100000`);
  expect(await bytesOf(response)).toEqual(body.slice(first, last + 1));
});

test.each(["bytes=100000-", "bytes=-0"])("the range %s is out of range", async (range) => {
  const response = await fetch(await start(), { headers: { range } });
  expect(response.status).toBe(416);
  expect(response.headers.get("Content-Range")).toBe("bytes */100000");
});

test("a known ETag is not modified, and a range of something else is the whole", async () => {
  const url = await start();
  const etag = (await fetch(url)).headers.get("ETag") ?? "";
  expect((await fetch(url, { headers: { "If-None-Match": etag } })).status).toBe(304);
  const headers = { Range: "bytes=0-9", "If-Range": '"other"' };
  expect((await fetch(url, { headers })).status).toBe(200);
});

test("an answer of a test's own stands in for the file until one is put there again", async () => {
  const url = await start();
  site.answer("/a", (request, response) => response.end(`${request.method} seen`));
  site.behave({ status: 503 });
  expect(await (await fetch(url, { method: "PUT", body: "x" })).text()).toBe("PUT seen");
  site.behave({ status: null });
  site.put("/a", { body: "file" });
  expect(await (await fetch(url)).text()).toBe("file");
  expect(site.requests("/a")).toBe(2);
});

describe("counts", () => {
  test("the body bytes that left, by path, and every request", async () => {
    const url = await start();
    await bytesOf(await fetch(url));
    await bytesOf(await fetch(url, { headers: { Range: "bytes=0-9" } }));
    await fetch(`${site.url}/b.js`, { method: "HEAD" });
    expect([site.sent("/a"), site.sent("/b.js"), site.sent()]).toEqual([100_010, 0, 100_010]);
    expect([site.requests("/a"), site.requests()]).toEqual([2, 3]);
  });
});

describe("fails on demand", () => {
  test("with a status", async () => {
    const url = await start();
    site.behave({ status: 503 });
    expect((await fetch(url)).status).toBe(503);
    site.behave({ status: null });
    expect((await fetch(url)).status).toBe(200);
  });
  test("by ignoring ranges", async () => {
    const url = await start();
    site.behave({ ignoresRange: true });
    const response = await fetch(url, { headers: { Range: "bytes=0-9" } });
    expect([response.status, (await bytesOf(response)).length]).toEqual([200, 100_000]);
  });
  test("by cutting a body in half", async () => {
    const url = await start();
    site.behave({ cutsBodies: true });
    await expect(fetch(url).then(bytesOf)).rejects.toThrow();
    expect(site.sent("/a")).toBe(50_000);
  });
  test("by going offline, and comes back on the same port", async () => {
    const url = await start();
    await site.goOffline();
    await expect(fetch(url)).rejects.toThrow();
    await site.goOnline();
    expect((await fetch(url)).status).toBe(200);
  });
  test("by stalling, until it is closed", async () => {
    const url = await start();
    site.behave({ stalls: true });
    const response = await fetch(url);
    expect(response.status).toBe(200);
    const reading = bytesOf(response);
    await site.goOffline();
    await expect(reading).rejects.toThrow();
    expect(site.sent()).toBe(0);
  });
});

test("a limit holds over all connections together", async () => {
  const url = await start({ bytesPerSecond: 400_000 });
  const from = performance.now();
  await Promise.all([fetch(url).then(bytesOf), fetch(url).then(bytesOf)]);
  // 200,000 bytes at 400,000 a second, less one burst of a tenth and the last slices, which are paid afterwards.
  expect(performance.now() - from).toBeGreaterThan(300);
});
