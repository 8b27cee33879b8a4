// Every state of the demo, in light and in dark, and the widths it is seen in.

import { type Page, test } from "@playwright/test";
import type { RunningSite } from "../../demo/site.ts";
import { startDemo } from "../support/demo.ts";

const FOLDER = "dist/screenshots";
let site: RunningSite;
test.beforeAll(async () => {
  site = await startDemo();
});
test.afterAll(() => site.close());

async function shoot(page: Page, name: string, fullPage = false): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${FOLDER}/${name}-${colorScheme}.png`, fullPage });
  }
}

const neighboursGave = (page: Page) =>
  page.waitForFunction(() => (window.shoal?.stats().bytes.peers ?? 0) > 1_000_000);

async function opened(page: Page, width = 1280, height = 900): Promise<void> {
  await page.setViewportSize({ width, height });
  await page.goto(site.url);
  await neighboursGave(page);
}

test("opened, a download, a crowd, and a dead origin", async ({ page }) => {
  await opened(page);
  await shoot(page, "opened");
  await page.getByRole("button", { name: /^Download/ }).click();
  await page.getByText("Complete:").waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "Add 5" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".visitor-node").length === 7);
  await shoot(page, "crowd");
  await page.locator("#visitors").scrollIntoViewIfNeeded();
  const last = page.frameLocator("#visitors iframe >> nth=-1");
  await last.getByText("In the swarm").waitFor();
  await shoot(page, "visitors");
  await page.getByRole("button", { name: "Ask Shoal" }).click();
  await page.getByText("It works:").waitFor();
  await shoot(page, "whole", true);
  await page.getByLabel("Origin on").uncheck();
  await page.getByLabel("Tracker on").uncheck();
  await page.getByText("The origin is off").waitFor();
  await shoot(page, "origin-and-tracker-off");
  await page.getByLabel("Origin on").check();
  await page.getByLabel("Tracker on").check();
  // The next test finds them as they are then.
  await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
});

test("a liar and a silent one", async ({ page }) => {
  await opened(page);
  await page.getByRole("button", { name: "Add a liar" }).click();
  await page.getByRole("button", { name: "Add a silent one" }).click();
  await page.getByRole("button", { name: /^Download/ }).click();
  await page.waitForFunction(() => document.querySelectorAll(".visitor-node").length === 4);
  await page.getByText("Complete:").waitFor({ timeout: 60_000 });
  await shoot(page, "liar", true);
});

for (const [width, height] of [
  [360, 740],
  [768, 1024],
  [1920, 1080],
  [2560, 1440],
] as const) {
  test(`${width} pixels wide`, async ({ page }) => {
    await opened(page, width, height);
    await shoot(page, `width-${width}`, width < 1000);
  });
}

test("how fluid the page is while eight visitors exchange: a figure for machines with a graphics card", async ({
  page,
}) => {
  await page.goto(site.url);
  for (const name of ["Add 5", "Add a visitor", "Add a visitor"]) {
    await page.getByRole("button", { name }).click();
  }
  await page.waitForFunction(() => document.querySelectorAll(".visitor-node").length === 9);
  await page.getByRole("button", { name: /^Download/ }).click();
  const frames = await page.evaluate(
    () =>
      new Promise<number[]>((resolve) => {
        const gaps: number[] = [];
        let last = performance.now();
        const began = last;
        const step = (now: number) => {
          gaps.push(now - last);
          last = now;
          if (now - began < 4000) requestAnimationFrame(step);
          else resolve(gaps);
        };
        requestAnimationFrame(step);
      }),
  );
  const flowing = await page.locator(".flows line").count();
  const sorted = frames.sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  console.log(
    `${(frames.length / 4).toFixed(1)} frames a second, ${flowing} flows; gaps: median ${at(0.5).toFixed(1)}, 95 % ${at(0.95).toFixed(1)}, worst ${at(0.999).toFixed(1)} ms`,
  );
});
