// The script tag as a guest on pages that were not made for it: wherever and however often it stands, it adds two
// names, starts one client, prints nothing and breaks nothing.

import { expect, type Page, test } from "@playwright/test";
import { both, type Complaints, complaintsOf, outcome } from "../support/outcome.ts";
import { noise, type Stage, setStage, sha256 } from "../support/stage.ts";

const BODY = noise(300_000, 1);

let stage: Stage;
let complaints: Complaints;
/** `<script src=… ATTRIBUTES>` of the stage's tracker. */
let tag: (attributes?: string) => string;

test.beforeAll(async () => {
  stage = await setStage();
  await stage.publish({ "/asset.bin": BODY });
  stage.site.put("/other.txt", { body: "not in the manifest" });
  stage.site.put("/favicon.ico", { body: "" });
  tag = (attributes = "") => `<script src="${stage.trackerUrl}/shoal.js" ${attributes}></script>`;
});
test.afterAll(() => stage.close());
test.beforeEach(({ page }) => {
  complaints = complaintsOf(page);
});
test.afterEach(() => {
  expect(complaints).toEqual({ errors: [], warnings: [], network: [] });
});

async function open(page: Page, html: string, headers: Record<string, string> = {}): Promise<void> {
  stage.site.put("/page.html", { body: `<!doctype html>${html}`, headers });
  await page.goto(`${stage.site.url}/page.html`);
}

/** The client is at work, and neither it nor the page's own `fetch` is any different from the network. */
async function works(page: Page): Promise<void> {
  await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
  const { network, shoal } = await both(page, { url: "/asset.bin" });
  expect(network).toMatchObject({ answered: { sha256: sha256(BODY) }, cacheStatus: null });
  expect(shoal).toMatchObject({ answered: { sha256: sha256(BODY) } });
  expect(shoal).toMatchObject({ cacheStatus: expect.stringMatching(/^shoal; /) });
  const other = await both(page, { url: "/other.txt" });
  expect(other.shoal).toEqual(other.network);
}

const NOTED = "window.noted = [typeof Shoal, typeof window.shoal?.fetch]";
const noted = (page: Page): Promise<unknown> => page.evaluate("window.noted");

test("the client is there for the very next line of the page", async ({ page }) => {
  await open(page, `${tag()}<script>${NOTED}</script>`);
  expect(await noted(page)).toEqual(["object", "function"]);
  await works(page);
});

/** With the `load` event of the tag, the client must be there. */
const places: readonly (readonly [where: string, html: () => string])[] = [
  ["in the head", () => `<head>${tag(`onload="${NOTED}"`)}</head><body>Hello</body>`],
  ["at the end of the body", () => `<body>Hello ${tag(`onload="${NOTED}"`)}</body>`],
  ["async", () => `<head>${tag(`async onload="${NOTED}"`)}</head><body>Hello</body>`],
  ["deferred", () => `<head>${tag(`defer onload="${NOTED}"`)}</head><body>Hello</body>`],
  [
    "put in by a script after the page has loaded",
    () =>
      `<script>addEventListener("load", () => {
        const tag = document.createElement("script");
        tag.src = "${stage.trackerUrl}/shoal.js";
        tag.onload = () => { ${NOTED} };
        document.body.append(tag);
      })</script><body>Hello</body>`,
  ],
];
for (const [where, html] of places) {
  test(`a tag ${where} works`, async ({ page }) => {
    await open(page, html());
    await page.waitForFunction("window.noted !== undefined");
    expect(await noted(page)).toEqual(["object", "function"]);
    await works(page);
  });
}

test("two names are added to the page, and no global of Node's is among them", async ({ page }) => {
  /** Every name and symbol of the window, and of every object and prototype that hangs on it. */
  const everything = (): string[] => {
    const names: string[] = [];
    const list = (path: string, value: unknown): void => {
      if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
      for (const key of Reflect.ownKeys(value)) names.push(`${path}${String(key)}`);
    };
    list("", window);
    for (const name of Object.getOwnPropertyNames(window)) {
      const value: unknown = Object.getOwnPropertyDescriptor(window, name)?.value;
      if (value === window || name === "Shoal" || name === "shoal") continue;
      list(`${name}.`, value);
      if (typeof value === "function") list(`${name}.prototype.`, value.prototype);
    }
    return names;
  };
  await open(page, "<script></script>");
  const before = await page.evaluate(everything);
  await open(page, tag());
  await works(page);
  const after = await page.evaluate(everything);
  expect(before.length).toBeGreaterThan(5000);
  expect(after.filter((name) => !before.includes(name)).sort()).toEqual(["Shoal", "shoal"]);
  expect(before.filter((name) => !after.includes(name))).toEqual([]);
  expect(
    await page.evaluate("[typeof Buffer, typeof process, typeof global, typeof require]"),
  ).toEqual(["undefined", "undefined", "undefined", "undefined"]);
});

test("elements whose ids are our names do not keep the client away", async ({ page }) => {
  await open(page, `<p id="shoal">A shoal</p><form name="Shoal"></form>${tag()}`);
  await works(page);
});

test("a second tag leaves the first client and its attributes alone", async ({ page }) => {
  const first = "<script>window.first = window.shoal</script>";
  await open(page, tag() + first + tag('data-consent="denied" data-include="/nothing"'));
  expect(await page.evaluate("window.first !== undefined && first === shoal")).toBe(true);
  await works(page);
});

test("a tag and the same tag async make one client", async ({ page }) => {
  const attributes = `onload="(window.seen ??= []).push(window.shoal)"`;
  await open(page, tag(attributes) + tag(`async ${attributes}`));
  await page.waitForFunction("window.seen?.length === 2");
  expect(await page.evaluate("seen[0] === seen[1] && seen[0] === shoal")).toBe(true);
  await works(page);
  await expect.poll(peers).toBe(1);
});

test("a page with an AMD loader and module globals keeps them to itself", async ({ page }) => {
  await open(
    page,
    `<script>
      window.taken = [];
      window.define = (...words) => { taken.push(["define", ...words]) };
      define.amd = {};
      window.require = (...words) => { taken.push(["require", ...words]); throw new Error("none") };
      window.module = { exports: {} };
      window.exports = module.exports;
    </script>${tag()}`,
  );
  await works(page);
  expect(await page.evaluate("[taken, Object.keys(module.exports)]")).toEqual([[], []]);
});

test("a page that puts shoal.fetch in the place of its own fetch goes on", async ({ page }) => {
  await open(page, `${tag()}<script>window.fetch = shoal.fetch</script>`);
  await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
  for (const way of ["network", "shoal"] as const) {
    const asset = await outcome(page, way, { url: "/asset.bin" });
    expect(asset).toMatchObject({ answered: { sha256: sha256(BODY) } });
    const other = await outcome(page, way, { url: "/other.txt" });
    expect(other).toMatchObject({ answered: { text: "not in the manifest" } });
  }
});

test("a strict policy needs to name the tracker three times: its script, its socket, and its word", async ({
  page,
}) => {
  const { trackerUrl } = stage;
  const policy = [
    "default-src 'none'",
    `script-src ${trackerUrl}`,
    // The manifest and the assets are the page's own; WebRTC is under no directive.
    `connect-src 'self' ${trackerUrl.replace("http", "ws")} ${trackerUrl}`,
    "require-trusted-types-for 'script'",
  ].join("; ");
  await open(page, tag(), { "Content-Security-Policy": policy });
  await works(page);
});

test("a policy that forgets the socket costs the peers and nothing else", async ({ page }) => {
  const policy = `default-src 'none'; script-src ${stage.trackerUrl}; connect-src 'self'`;
  await open(page, tag(), { "Content-Security-Policy": policy });
  await page.waitForFunction(() => window.shoal?.stats().tracker === "unreachable", null, {
    // Well before the client's own patience with a silent tracker.
    timeout: 5_000,
  });
  const { network, shoal } = await both(page, { url: "/asset.bin" });
  expect(network).toMatchObject({ answered: { sha256: sha256(BODY) } });
  expect(shoal).toMatchObject({ answered: { sha256: sha256(BODY) } });
  // The browser's line about the policy; every refused socket gets one.
  expect(complaints.errors.length).toBeGreaterThan(0);
  for (const line of complaints.errors.splice(0)) expect(line).toMatch(/Content Security Policy/);
});

test("what a page gets wrong itself is seen by these tests", async ({ page }) => {
  await open(
    page,
    '<script>Promise.reject(new Error("lost")); console.error("printed"); missing()</script>',
  );
  await expect.poll(() => complaints.errors.length).toBe(3);
  expect(complaints.errors.splice(0).join()).toMatch(/lost|printed|missing/);
});

async function peers(): Promise<number> {
  const totals: { peers: number } = await (await fetch(`${stage.trackerUrl}/stats`)).json();
  return totals.peers;
}
