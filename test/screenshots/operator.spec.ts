// The operator's view with a small swarm behind it, and what visitors are asked and shown, in light and in dark.

import { expect, type Page, test } from "@playwright/test";
import { fetched, noise, type Stage, setStage } from "../support/stage.ts";

let stage: Stage;
test.beforeAll(async () => {
  stage = await setStage({ tracker: { dashboard: true } });
  await stage.publish({ "/file.bin": noise(8 * 1024 * 1024, 6) });
});
test.afterAll(() => stage.close());

async function shoot(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `dist/screenshots/${name}-${colorScheme}.png` });
  }
}

test("the operator's view after half a minute of three visitors", async ({ browser, page }) => {
  for (let visitor = 0; visitor < 3; visitor++) {
    await fetched(await stage.visit(browser), `${stage.site.url}/file.bin`);
  }
  await page.goto(`${stage.trackerUrl}/dashboard`);
  const samples = async () =>
    (await (await fetch(`${stage.trackerUrl}/dashboard/data`)).json()).samples.length;
  await expect.poll(samples, { timeout: 60_000 }).toBeGreaterThan(3);
  await page.reload();
  await page.locator("#state").filter({ hasText: "As of" }).waitFor();
  await shoot(page, "operator");
});

test("the question, and the badge", async ({ browser }) => {
  const page = await stage.visit(browser, { attributes: { "data-consent": "ask" }, joined: false });
  await page.setViewportSize({ width: 800, height: 300 });
  await page.locator(".shoal-notice").waitFor();
  await shoot(page, "question");
  await page.getByRole("button", { name: "Share" }).click();
  await page.locator(".shoal-badge").waitFor();
  await shoot(page, "badge");
});
