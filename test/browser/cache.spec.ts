// What a correct cache does, in a real browser with Shoal in the path and without: storing, freshness, validation, Vary,
// ranges, stale serving, and the cache modes of a request. Each file is there twice, alike in everything, published and
// not; the page asks for the one with Shoal and for the other without. Shoal may show a newer version than the browser
// alone, never an older one, and has to show what the RFC says. Nobody waits for time to pass: what is to be old is sent
// with an Age.

import { expect, type Page, test } from "@playwright/test";
import { type Complaints, complaintsOf, outcome } from "../support/outcome.ts";
import { openPairs, type Pairs, type Seen } from "../support/pairs.ts";
import { noise, stats } from "../support/stage.ts";

let pairs: Pairs;
let complaints: Complaints;
const big = (seed: number): Uint8Array => noise(600_000, seed);

test.beforeAll(async ({ browser }) => {
  pairs = await openPairs(browser, { "/big.bin": big(1) });
  complaints = complaintsOf(pairs.page);
});
test.afterAll(() => pairs.stage.close());
test.afterEach(async () => {
  await pairs.page.evaluate(() => window.degraded?.splice(0));
  expect(complaints).toMatchObject({ errors: [], warnings: [] });
});

const pair: Pairs["pair"] = (headers) => pairs.pair(headers);
const degraded = (): Promise<string[] | undefined> => pairs.page.evaluate(() => window.degraded);

const LONG = "max-age=3600";
/** One second past an hour. */
const OLD = { Age: "3601" };
const past = (days: number): string => new Date(Date.now() - days * 86_400_000).toUTCString();

test.describe("storing", () => {
  test("what is fresh is asked for once", async () => {
    const file = pair({ "Cache-Control": LONG });
    expect(await file.ask()).toMatchObject({ shoal: "v1", alone: "v1" });
    await file.deploy(2, "forgotten");
    const hit = { shoal: "v1", alone: "v1", cacheStatus: "shoal; hit" };
    expect(await file.ask()).toEqual(hit);
    expect(await file.ask()).toEqual(hit);
    expect(file.shoal.answers).toHaveLength(1);
  });
  const unshared: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    "no-store": { "Cache-Control": "no-store" },
    "for one visitor": { "Cache-Control": `private, ${LONG}` },
    "no-store for us alone": { "Cache-Control": LONG, "Shoal-Cache-Control": "no-store" },
    "one of several by Cookie": { "Cache-Control": LONG, Vary: "Cookie" },
    "never the same": { "Cache-Control": LONG, Vary: "*" },
  };
  for (const [what, headers] of Object.entries(unshared)) {
    test(`what is ${what} is the network's, and nothing of it is kept`, async () => {
      const before = (await stats(pairs.page)).cache.assets;
      const file = pair(headers);
      expect(await file.ask()).toEqual({ shoal: "v1", alone: "v1", cacheStatus: null });
      await file.deploy(2, "forgotten");
      const { shoal, alone, cacheStatus } = await file.ask();
      expect([shoal, cacheStatus]).toEqual([alone, null]);
      expect((await stats(pairs.page)).cache.assets).toBe(before);
      expect(await degraded()).toEqual(["origin/unshareable"]);
    });
  }
  test("encodings make no variants of what a page sees", async () => {
    const file = pair({ "Cache-Control": LONG, Vary: "Accept-Encoding" });
    await file.ask();
    expect(await file.ask()).toMatchObject({ shoal: "v1", cacheStatus: "shoal; hit" });
  });
});

test.describe("freshness", () => {
  /** Once the first version is here, and the second on the origin and in the manifest. */
  const cases: Readonly<Record<string, readonly [Readonly<Record<string, string>>, Seen, Seen]>> = {
    "max-age": [{ "Cache-Control": LONG }, "v1", "v1"],
    "max-age=0": [{ "Cache-Control": "max-age=0" }, "v2", "v2"],
    "no-cache": [{ "Cache-Control": "no-cache" }, "v2", "v2"],
    "an Age below max-age": [{ "Cache-Control": LONG, Age: "3500" }, "v1", "v1"],
    "an Age above max-age": [{ "Cache-Control": LONG, ...OLD }, "v2", "v2"],
    "a Date long ago": [{ "Cache-Control": LONG, Date: past(1) }, "v2", "v2"],
    "Expires to come": [{ Expires: past(-1) }, "v1", "v1"],
    "Expires in the past": [{ Expires: past(1) }, "v2", "v2"],
    "Expires: 0": [{ Expires: "0" }, "v2", "v2"],
    "max-age before Expires": [{ "Cache-Control": "max-age=0", Expires: past(-1) }, "v2", "v2"],
    "a change long ago": [{ "Last-Modified": past(365) }, "v1", "v1"],
    "a change later than now": [{ "Last-Modified": past(-1) }, "v2", "v2"],
    "nothing said": [{}, "v2", "v2"],
    "a lifetime for shared caches": [{ "Cache-Control": `s-maxage=0, ${LONG}` }, "v2", "v1"],
    "a lifetime for CDNs": [
      { "Cache-Control": LONG, "CDN-Cache-Control": "max-age=0" },
      "v2",
      "v1",
    ],
    "a lifetime for us": [
      {
        "Cache-Control": LONG,
        "CDN-Cache-Control": LONG,
        "Shoal-Cache-Control": "no-cache",
      },
      "v2",
      "v1",
    ],
    "a longer lifetime for us": [
      { "Cache-Control": "max-age=0", "Shoal-Cache-Control": LONG },
      "v1",
      "v2",
    ],
  };
  for (const [what, [headers, shoal, alone]] of Object.entries(cases)) {
    test(`${what}: the next request sees ${shoal}`, async () => {
      const file = pair(headers);
      expect(await file.ask()).toMatchObject({ shoal: "v1", alone: "v1" });
      await file.deploy(2);
      const got = await file.ask();
      expect(got).toMatchObject({ shoal, alone });
      expect(got.cacheStatus).toMatch(/^shoal; /);
    });
  }
});

test.describe("validation", () => {
  test("what has not changed costs a 304, and its body is here", async () => {
    const file = pair({ "Cache-Control": "no-cache" });
    await file.ask();
    for (let time = 0; time < 2; time++) {
      expect(await file.ask()).toEqual({ shoal: "v1", alone: "v1", cacheStatus: "shoal; hit" });
    }
    const [first, ...others] = file.shoal.answers;
    expect(first).toMatchObject({ status: 200, ifNoneMatch: undefined });
    expect(others).toMatchObject([
      { status: 304, ifNoneMatch: '"v1"' },
      { status: 304, ifNoneMatch: '"v1"' },
    ]);
  });
  test("a 304 makes it young again", async () => {
    const file = pair({ "Cache-Control": LONG, ...OLD });
    await file.ask();
    file.both((one) => {
      one.headers = { "Cache-Control": LONG, Age: "0" };
    });
    for (let time = 0; time < 3; time++) await file.ask();
    expect(file.shoal.answers.map(({ status }) => status)).toEqual([200, 304]);
  });
  test("Last-Modified will do", async () => {
    const file = pair({ "Cache-Control": "no-cache", "Last-Modified": past(1) });
    file.both((one) => {
      one.etag = "";
    });
    await file.ask();
    expect(await file.ask()).toMatchObject({ shoal: "v1", cacheStatus: "shoal; hit" });
    expect(file.shoal.answers[1]).toMatchObject({ status: 304, ifNoneMatch: undefined });
  });
  test("a version that nobody published is the page's, and nobody else's", async () => {
    const file = pair({ "Cache-Control": "no-cache" });
    await file.ask();
    await file.deploy(2, "forgotten");
    expect(await file.ask()).toEqual({ shoal: "v2", alone: "v2", cacheStatus: null });
    await file.deploy(3);
    expect(await file.ask()).toMatchObject({ shoal: "v3", alone: "v3" });
    await expect.poll(async () => (await file.ask()).cacheStatus).toBe("shoal; hit");
  });
  test("the same bytes under another name are the same", async () => {
    const file = pair({ "Cache-Control": "no-cache" });
    await file.ask();
    file.both((one) => {
      one.etag = '"moved"';
    });
    expect(await file.ask()).toMatchObject({ shoal: "v1", cacheStatus: "shoal; hit" });
    await file.ask();
    expect(file.shoal.answers.map(({ status }) => status)).toEqual([200, 200, 304]);
  });
  test("many who ask at once are one question", async () => {
    const file = pair({ "Cache-Control": "no-cache" });
    await file.ask();
    const bodies = await pairs.page.evaluate(
      (url) =>
        Promise.all([1, 2, 3].map(async () => (await window.shoal?.fetch(url))?.text() ?? "")),
      file.url,
    );
    expect(bodies.map((body) => body.slice(0, 2))).toEqual(["v1", "v1", "v1"]);
    expect(file.shoal.answers.map(({ status }) => status)).toEqual([200, 304]);
  });
});

test.describe("ranges", () => {
  const part: RequestInit = { headers: { Range: "bytes=300-902" } };
  test("of what is fresh come from here, of what is stale after a validation", async () => {
    const file = pair({ "Cache-Control": LONG });
    await file.ask();
    expect(await file.ask(part)).toMatchObject({ shoal: "v1", cacheStatus: "shoal; hit" });
    expect(file.shoal.answers).toHaveLength(1);
    const stale = pair({ "Cache-Control": "no-cache" });
    await stale.ask();
    expect(await stale.ask(part)).toMatchObject({ shoal: "v1", cacheStatus: "shoal; hit" });
    await stale.deploy(2);
    expect(await stale.ask(part)).toMatchObject({ shoal: "v2", alone: "v2" });
  });
});

test.describe("an origin that is away", () => {
  const usable: Readonly<Record<string, readonly [Record<string, string>, number | "off"]>> = {
    "breaks off": [{ "Cache-Control": "max-age=0" }, "off"],
    "has an error": [{ "Cache-Control": "max-age=0, stale-if-error=3600" }, 503],
    "breaks off, and shared caches are told so": [
      { "Cache-Control": "s-maxage=0, stale-if-error=3600" },
      "off",
    ],
  };
  for (const [what, [headers, how]] of Object.entries(usable)) {
    test(`and ${what} does not take away what may be used`, async () => {
      const file = pair(headers);
      await file.ask();
      file.both((one) => one.fail(how));
      const got = await file.ask();
      expect(got).toMatchObject({ shoal: "v1", cacheStatus: "shoal; hit" });
      expect(got.alone).toBe(how === "off" ? "failed" : String(how));
    });
  }
  test("and says nothing is waited for no longer than two seconds", async () => {
    const file = pair({ "Cache-Control": "max-age=0" });
    await file.ask();
    file.shoal.fail("silent");
    const begin = Date.now();
    const got = await outcome(pairs.page, "shoal", { url: file.url });
    expect(got).toMatchObject({ answered: { status: 200 }, cacheStatus: "shoal; hit" });
    expect(Date.now() - begin).toBeLessThan(4000);
  });
  const strict = ["no-cache", "max-age=0, must-revalidate", "s-maxage=0", "stale-if-error=0"];
  for (const value of strict) {
    test(`is the page's to hear of where its answers say ${value}`, async () => {
      const file = pair({ "Cache-Control": value });
      await file.ask();
      file.both((one) => one.fail(503));
      expect(await file.ask()).toEqual({ shoal: "503", alone: "503", cacheStatus: null });
    });
  }
  test("may be asked behind the page's back, and is by the time it is needed", async () => {
    const file = pair({ "Cache-Control": `${LONG}, stale-while-revalidate=3`, ...OLD });
    await file.ask();
    await file.deploy(2);
    expect(await file.ask()).toMatchObject({ shoal: "v1", cacheStatus: "shoal; hit" });
    await expect.poll(() => file.shoal.answers.length).toBe(2);
    expect(file.shoal.answers[1]).toMatchObject({ ifNoneMatch: '"v1"' });
    await expect.poll(async () => (await file.ask()).shoal).toBe("v2");
  });
});

test.describe("a request with cache:", () => {
  /** While the first version is fresh here, and the second on the origin and in the manifest. */
  const modes: Readonly<Record<string, readonly [RequestInit, Seen]>> = {
    default: [{ cache: "default" }, "v1"],
    "no-cache": [{ cache: "no-cache" }, "v2"],
    reload: [{ cache: "reload" }, "v2"],
    "no-store": [{ cache: "no-store" }, "v2"],
    "force-cache": [{ cache: "force-cache" }, "v1"],
    "only-if-cached": [{ cache: "only-if-cached", mode: "same-origin" }, "v1"],
  };
  for (const [mode, [init, version]] of Object.entries(modes)) {
    test(`${mode} sees ${version}`, async () => {
      const file = pair({ "Cache-Control": LONG });
      await file.ask();
      await file.deploy(2);
      expect(await file.ask(init)).toMatchObject({ shoal: version, alone: version });
    });
  }
  for (const mode of ["no-cache", "reload"] as const) {
    test(`${mode} leaves nothing older behind it`, async () => {
      const file = pair({ "Cache-Control": LONG });
      await file.ask();
      await file.deploy(2);
      await file.ask({ cache: mode });
      expect(await file.ask()).toMatchObject({ shoal: "v2", alone: "v2" });
    });
  }
  test("force-cache and only-if-cached take what is stale, also when the origin is away", async () => {
    const file = pair({ "Cache-Control": "no-cache" });
    await file.ask();
    file.both((one) => one.fail("off"));
    for (const init of [modes["force-cache"]?.[0], modes["only-if-cached"]?.[0]]) {
      const hit = { shoal: "v1", alone: "v1", cacheStatus: "shoal; hit" };
      expect(await file.ask(init)).toEqual(hit);
    }
    expect(file.shoal.answers).toHaveLength(1);
  });
  test("no-cache and a broken origin is a failure, whatever is here", async () => {
    const file = pair({ "Cache-Control": LONG });
    await file.ask();
    file.both((one) => one.fail("off"));
    const got = await file.ask({ cache: "no-cache" });
    expect(got).toEqual({ shoal: "failed", alone: "failed", cacheStatus: null });
  });
  test("default after a POST sees what it changed", async () => {
    const file = pair({ "Cache-Control": LONG });
    await file.ask();
    await file.deploy(2);
    await file.ask({ method: "POST", body: "x" });
    expect(await file.ask()).toMatchObject({ shoal: "v2", alone: "v2" });
  });
});

test("an answer says how old it is, and of what version", async () => {
  const headers = { "Cache-Control": LONG, Age: "100", "Last-Modified": past(1) };
  const file = pair(headers);
  await file.ask();
  const got = await pairs.page.evaluate(async (address) => {
    const { headers } = await (window.shoal as NonNullable<typeof window.shoal>).fetch(address);
    return ["age", "etag", "last-modified", "cache-control"].map((name) => headers.get(name));
  }, file.url);
  expect(got.slice(1)).toEqual(['"v1"', headers["Last-Modified"], LONG]);
  expect(Number(got[0])).toBeGreaterThanOrEqual(100);
  expect(Number(got[0])).toBeLessThan(110);
});

test("a visitor who has it from a peer sees a new version at the next request", async ({
  browser,
}) => {
  const { stage, page } = pairs;
  const url = `${stage.site.url}/big.bin`;
  const begin = async (who: Page): Promise<number> => {
    const got = await outcome(who, "shoal", { url });
    return "answered" in got ? Number(got.answered.text.charCodeAt(0)) : -1;
  };
  await begin(page);
  const other = await stage.visit(browser);
  expect(await begin(other)).toBe(big(1)[0]);
  stage.site.put("/big.bin", { body: big(2) });
  await pairs.publish({ "/big.bin": big(2) });
  for (const who of [other, page]) expect(await begin(who)).toBe(big(2)[0]);
  expect(await degraded()).toEqual([]);
});

test("a manifest with a lifetime is not asked for in between, and one without is", async ({
  browser,
}) => {
  const { stage } = pairs;
  const manifest = "/.well-known/shoal.json";
  const ask = { url: "/big.bin", init: { headers: { Range: "bytes=0-9" } } };
  for (const [lifetime, more] of [
    ["max-age=3600", 0],
    ["no-cache", 1],
  ] as const) {
    await pairs.publish({}, { "Cache-Control": lifetime });
    const visitor = await stage.visit(browser);
    await outcome(visitor, "shoal", ask);
    const before = stage.site.requests(manifest);
    await outcome(visitor, "shoal", ask);
    expect(stage.site.requests(manifest) - before).toBe(more);
    await visitor.close();
  }
});
