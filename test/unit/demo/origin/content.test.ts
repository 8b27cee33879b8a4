// The demo's content origin over a real socket: ranges, validators, counting, the switch.

import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ContentOrigin } from "../../../../demo/origin/content.ts";
import { Uplink } from "../../../../demo/origin/uplink.ts";
import { temporaryDirectory } from "../../tracker/manifest/temporary.ts";

const FAST = 1e12;
const RATES = { normal: FAST, slow: 1000 };
const content = Uint8Array.from({ length: 200_000 }, (_, at) => at * 7);

async function origin(clock?: () => number) {
  const file = join(await temporaryDirectory(), "a.bin");
  await writeFile(file, content);
  const facts = { file, size: content.length, type: "image/jpeg", etag: '"tag"' };
  const served = new ContentOrigin(
    { files: new Map([["/a", facts]]) },
    new Uplink(FAST, clock),
    RATES,
  );
  const server = createServer((request, response) => {
    void served.answer(request, response, request.url ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const get = (headers: Record<string, string> = {}, method = "GET", path = "/a") =>
    fetch(`http://127.0.0.1:${address.port}${path}`, { headers, method });
  return { served, get };
}

describe("a range", () => {
  test.each([
    ["bytes=0-0", 0, 0],
    ["bytes=10-19", 10, 19],
    ["bytes=199999-", 199_999, 199_999],
    ["bytes=-5", 199_995, 199_999],
    ["bytes=-999999", 0, 199_999],
    ["bytes=150000-999999", 150_000, 199_999],
  ])("%s is that part", async (range, first, last) => {
    const { get, served } = await origin();
    const response = await get({ range });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${first}-${last}/200000`);
    const body = new Uint8Array(await response.arrayBuffer());
    expect(body).toEqual(content.subarray(first, last + 1));
    expect(served.state().bytes).toBe(last - first + 1);
  });

  test.each(["bytes=200000-", "bytes=-0"])("%s is none", async (range) => {
    const response = await (await origin()).get({ range });
    expect([response.status, response.headers.get("content-range")]).toEqual([
      416,
      "bytes */200000",
    ]);
  });

  test.each(["bytes=5-4", "bytes=-", "bytes=0-1,3-4", "items=0-1"])(
    "%s is ignored",
    async (range) => {
      const response = await (await origin()).get({ range });
      expect(response.status).toBe(200);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(content);
    },
  );

  test("of another version is the whole file", async () => {
    const { get } = await origin();
    const statuses = await Promise.all(
      ['"tag"', '"old"'].map(
        async (tag) => (await get({ range: "bytes=0-1", "if-range": tag })).status,
      ),
    );
    expect(statuses).toEqual([206, 200]);
  });
});

test("a validator that matches costs no bytes", async () => {
  const { get, served } = await origin();
  expect((await get({ "if-none-match": '"tag"' })).status).toBe(304);
  expect((await get({}, "HEAD")).headers.get("content-length")).toBe("200000");
  expect(served.state()).toMatchObject({ bytes: 0, requests: 2 });
});

test("what is not there, or not to be done, is said plainly", async () => {
  const { get } = await origin();
  expect((await get({}, "GET", "/b")).status).toBe(404);
  expect((await get({}, "POST")).status).toBe(405);
});

test("switched off, it is unreachable, also for whoever is in the middle", async () => {
  // A clock that stands still never earns the bytes of a second slice.
  const { get, served } = await origin(() => 0);
  const response = await get();
  served.change({ isOn: false });
  await expect(response.arrayBuffer()).rejects.toThrow();
  await expect(get()).rejects.toThrow();
  served.change({ isOn: true });
  expect((await get({}, "HEAD")).status).toBe(200);
});

test("slowed down, it says so and goes back", async () => {
  const { served } = await origin();
  expect(served.change({ isSlow: true })).toMatchObject({ isSlow: true, bytesPerSecond: 1000 });
  expect(served.change({ isSlow: false })).toMatchObject({ isSlow: false, bytesPerSecond: FAST });
});
