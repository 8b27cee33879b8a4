// The tracker's plain HTTP: scripts, liveness, totals, and nothing else. Real requests on a free port.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { TrackerOptions } from "../../../tracker/options.ts";
import { type RunningTracker, startTracker } from "../../../tracker/server.ts";
import { exchange, Page } from "./page.ts";

const running: RunningTracker[] = [];
async function started(options: TrackerOptions = {}): Promise<RunningTracker> {
  const tracker = await startTracker({ port: 0, ...options });
  running.push(tracker);
  return tracker;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((tracker) => tracker.close({ graceful: false })));
});

describe("plain HTTP", () => {
  test("serves the scripts to pages of any site, and spares who has them", async () => {
    const scriptsDir = await mkdtemp(join(tmpdir(), "shoal-scripts-"));
    try {
      const tracker = await started({ scriptsDir });
      const missing = await exchange(tracker, "/shoal.js");
      expect([missing.status, String(missing.body)]).toEqual([
        503,
        'shoal.js is not built; run "npm run build" in Shoal\'s folder.\n',
      ]);
      const pages = [
        "shoal.js",
        "shoal.mjs",
        "shoal-notice.mjs",
        "shoal-bridge.mjs",
        "shoal-tabs.mjs",
        "shoal-attested.mjs",
      ];
      for (const name of [...pages, "shoal-sw.js"]) {
        const body = `// ${name} ${"x".repeat(5000)}`;
        await writeFile(join(scriptsDir, name), body);
        const script = await exchange(tracker, `/${name}?v=1`);
        expect([script.status, String(script.body)]).toEqual([200, body]);
        expect(script.headers).toMatchObject({
          "content-type": "text/javascript; charset=utf-8",
          "access-control-allow-origin": "*",
          "cross-origin-resource-policy": "cross-origin",
          "cache-control": "public, max-age=300",
        });
        const headers = { "if-none-match": `W/${script.headers.etag}` };
        expect((await exchange(tracker, `/${name}`, { headers })).status).toBe(304);
        const gzipped = await exchange(tracker, `/${name}`, {
          headers: { "accept-encoding": "br, gzip" },
        });
        expect(gzipped.headers["content-encoding"]).toBe("gzip");
        expect(gzipped.body.length).toBeLessThan(500);
        expect(gzipped.headers.etag).not.toBe(script.headers.etag);
        const head = await exchange(tracker, `/${name}`, { method: "HEAD" });
        expect([head.headers["content-length"], head.body.length]).toEqual([`${body.length}`, 0]);
        await writeFile(join(scriptsDir, name), `${body} rebuilt`);
        expect((await exchange(tracker, `/${name}`, { headers })).status).toBe(200);
      }
    } finally {
      await rm(scriptsDir, { recursive: true });
    }
  });

  test("has totals without ids and addresses", async () => {
    const tracker = await started();
    const page = await Page.join(tracker);
    await page.announce(8, "all");
    page.say({
      type: "report",
      bytes: { cache: 1, peers: 3, origin: 1, uploaded: 2 },
      poisoned: [],
    });
    page.say({ type: "ping" });
    await page.next("pong");
    const { status, headers, body } = await exchange(tracker, "/stats");
    expect([status, headers["content-type"]]).toEqual([200, "application/json"]);
    expect(JSON.parse(String(body))).toEqual({
      peers: 1,
      swarms: 1,
      regions: { local: 1 },
      bytes: { cache: 1, peers: 3, origin: 1, uploaded: 2 },
      offload: 0.75,
      introductions: 0,
      links: { made: 0, failed: 0, declined: 0 },
      violations: {},
    });
  });

  test("knows no other path and no other method", async () => {
    const tracker = await started();
    for (const path of ["/nothing", "/shoal.js.map", "/../package.json", "/%2e%2e/package.json"]) {
      expect((await exchange(tracker, path)).status).toBe(404);
    }
    expect((await exchange(tracker, "/")).status).toBe(426);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const { status, headers } = await exchange(tracker, "/stats", { method });
      expect([status, headers.allow]).toEqual([405, "GET, HEAD"]);
    }
  });
});
