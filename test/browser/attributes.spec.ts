// Attributes of the script tag that are wrong: one warning names each, and the page works with the default.

import { expect, test } from "@playwright/test";
import { both, type Complaints, complaintsOf } from "../support/outcome.ts";
import { noise, type Stage, setStage } from "../support/stage.ts";

const LONG = "x".repeat(3000);
/** Attribute, a wrong value, and what the warning says is expected. */
const wrong: readonly (readonly [name: string, value: string, expected: string])[] = [
  ["data-tracker", "ftp://tracker.example", "an http, https, ws or wss URL"],
  ["data-tracker", "", "an http, https, ws or wss URL"],
  ["data-manifest", "http://[", 'an http or https URL, or "off"'],
  ["data-manifest", "data:application/json,{}", "an http or https URL"],
  ["data-include", "https://[/*", "URL patterns"],
  ["data-include", `/${LONG}`, "URL patterns"],
  ["data-exclude", Array(101).fill("/a").join(), "URL patterns"],
  ["data-exclude", "http://:99999/*", "URL patterns"],
  ["data-consent", "yes", '"granted", "ask" or "denied"'],
  ["data-upload", "maybe", "true or false"],
  ["data-upload", "", "true or false"],
  ["data-region", "", "characters"],
  ["data-region", LONG, "characters"],
  ["data-key", "abc", "P-256 public key"],
  ["data-cache-mb", "much", "0 to 10000"],
  ["data-cache-mb", "-1", "0 to 10000"],
  ["data-cache-mb", "", "0 to 10000"],
  ["data-relay-only", "perhaps", "true or false"],
  ["data-token", "", "characters"],
  ["data-token", LONG, "characters"],
];

let stage: Stage;
let complaints: Complaints;
test.beforeAll(async () => {
  stage = await setStage();
  await stage.publish({ "/asset.bin": noise(10_000, 1) });
  stage.site.put("/favicon.ico", { body: "" });
});
test.afterAll(() => stage.close());
test.beforeEach(({ page }) => {
  complaints = complaintsOf(page);
});

const names = new Set(wrong.map(([name]) => name));
/** The first wrong value of every attribute, then the second of those that have one, and so on. */
const rounds = [0, 1, 2].map((at) =>
  [...names].flatMap((name) => wrong.filter((one) => one[0] === name).slice(at, at + 1)),
);
for (const [at, round] of rounds.entries()) {
  test(`wrong values are each warned of once and left out (${at + 1})`, async ({ page }) => {
    expect(round.length).toBeGreaterThan(0);
    const attributes = round.map(([name, value]) => ` ${name}="${value}"`).join("");
    const tag = `<script src="${stage.trackerUrl}/shoal.js"${attributes}></script>`;
    stage.site.put("/page.html", { body: `<!doctype html>${tag}` });
    await page.goto(`${stage.site.url}/page.html`);
    await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
    const { network, shoal } = await both(page, { url: "/asset.bin" });
    expect(shoal).toMatchObject({ cacheStatus: expect.stringMatching(/^shoal; /) });
    expect({ ...shoal, cacheStatus: null }).toEqual(network);
    const budget = await page.evaluate(() => window.shoal?.stats().cache.budget);
    expect(budget).toBeGreaterThan(0);
    const { errors, warnings } = complaints;
    expect([errors, warnings.length]).toEqual([[], round.length]);
    for (const [name, , expected] of round) {
      const [warning, ...more] = warnings.filter((line) => line.includes(`${name}=`));
      expect([name, more]).toEqual([name, []]);
      expect(warning).toContain(expected);
      expect(warning?.length).toBeLessThan(300);
    }
  });
}

test("beside wrong attributes the right ones count, and other people's are left alone", async ({
  page,
}) => {
  const attributes = 'data-upload="?" data-consent="denied" data-cache-mb="?" data-other="?"';
  const tag = `<script src="${stage.trackerUrl}/shoal.js" ${attributes}></script>`;
  stage.site.put("/page.html", { body: `<!doctype html>${tag}` });
  await page.goto(`${stage.site.url}/page.html`);
  const { shoal } = await both(page, { url: "/asset.bin" });
  expect(shoal).toMatchObject({ cacheStatus: expect.stringMatching(/^shoal; /) });
  expect(await page.evaluate(() => window.shoal?.stats().tracker)).toBe("off");
  expect(complaints.errors).toEqual([]);
  expect(complaints.warnings.map((line) => /data-[a-z-]+/.exec(line)?.[0]).sort()).toEqual([
    "data-cache-mb",
    "data-upload",
  ]);
});
