// The operator's view in a browser, under its own strict policy, with real peers to show.

import { AxeBuilder } from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { complaintsOf } from "../support/outcome.ts";
import { fetched, noise, setStage } from "../support/stage.ts";

test("shows who is there in sums, accessibly, and asks nobody but the tracker", async ({
  browser,
  page,
}) => {
  const stage = await setStage({ tracker: { dashboard: true } });
  try {
    await stage.publish({ "/file.bin": noise(5 * 1024 * 1024, 5) });
    for (let visitor = 0; visitor < 2; visitor++) {
      await fetched(await stage.visit(browser), `${stage.site.url}/file.bin`);
    }
    const complaints = complaintsOf(page);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).origin));
    await page.goto(`${stage.trackerUrl}/dashboard`);
    await expect(page.locator("#state")).toContainText("As of");
    await expect(page.locator("#figures")).toContainText("peers now2");
    await expect(page.locator("#figures")).toContainText(/join time, median\d+ ms/);
    await expect(page.locator("#failures")).toContainText("Links made, for comparison1");
    await expect(page.locator("canvas")).toHaveCount(4);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    }
    expect(new Set(asked.filter((origin) => origin !== "null"))).toEqual(
      new Set([stage.trackerUrl]),
    );
    expect(complaints.errors).toEqual([]);
  } finally {
    await stage.close();
  }
});
