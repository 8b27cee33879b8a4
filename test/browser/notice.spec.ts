// The question and the badge, as a visitor meets them: nothing is shared before the answer, the answer is kept, and it can
// be taken back.

import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { type Complaints, complaintsOf } from "../support/outcome.ts";
import { fetched, noise, type Stage, setStage, stats } from "../support/stage.ts";

const PATH = "/file.bin";
let stage: Stage;
test.beforeAll(async () => {
  stage = await setStage();
  await stage.publish({ [PATH]: noise(5 * 1024 * 1024, 4) });
  stage.site.put("/favicon.ico", { body: "" });
});
test.afterAll(() => stage.close());

const notice = (page: Page) => page.locator(".shoal-notice");
const badge = (page: Page) => page.locator(".shoal-badge");
const consent = async (page: Page) => (await stats(page)).consent;

async function asked(page: Page, attributes = "", headers = {}): Promise<Complaints> {
  const complaints = complaintsOf(page);
  const tag = `<script src="${stage.trackerUrl}/shoal.js" data-consent="ask" ${attributes}></script>`;
  const body = `<!doctype html><html lang="en"><title>Page</title>${tag}<main><h1>A page</h1></main>`;
  stage.site.put("/asking.html", { body, type: "text/html", headers });
  await page.goto(`${stage.site.url}/asking.html`);
  return complaints;
}

test("before the answer nobody hears of the visitor; after it the swarm is joined, on the next page too", async ({
  page,
}) => {
  const complaints = await asked(page);
  await expect(notice(page)).toContainText("see your IP address");
  expect(await stats(page)).toMatchObject({ tracker: "off", consent: "ask", peerId: null });
  await expect(badge(page)).toBeHidden();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(notice(page)).toHaveCount(0);
  await expect.poll(async () => (await stats(page)).tracker).toBe("connected");
  await expect(badge(page)).toBeVisible();
  expect(await page.context().cookies()).toEqual([]);
  await page.reload();
  await expect.poll(async () => (await stats(page)).tracker).toBe("connected");
  await expect(badge(page)).toBeVisible();
  await expect(notice(page)).toHaveCount(0);
  expect(complaints.errors).toEqual([]);
});

test("declined is declined, on the next page too", async ({ page }) => {
  await asked(page);
  await notice(page).getByRole("button", { name: "No, thanks" }).click();
  await expect(notice(page)).toHaveCount(0);
  await page.reload();
  await expect(badge(page)).toBeVisible();
  expect(await stats(page)).toMatchObject({ consent: "denied", tracker: "off" });
  await expect(notice(page)).toHaveCount(0);
});

test("the badge says what was given, and its switch takes everything back in every tab", async ({
  browser,
}) => {
  const context = await browser.newContext({ locale: "en-GB" });
  const first = await stage.visit(browser, {
    context,
    attributes: { "data-badge": "on" },
  });
  await fetched(first, stage.site.url + PATH);
  const second = await stage.visit(browser);
  await fetched(second, stage.site.url + PATH);
  await expect(badge(first)).toContainText(/↑ [1-9]\d*\.\d\s?MB to visitors/);
  const tab = await stage.visit(browser, { context });
  await first.bringToFront();
  const button = badge(first).getByRole("switch", { name: "Sharing", checked: true });
  await button.click();
  await expect(badge(first).getByRole("switch", { checked: false })).toBeVisible();
  expect(await stats(first)).toMatchObject({ consent: "denied", tracker: "off", links: [] });
  await expect.poll(() => consent(tab)).toBe("denied");
  await first.reload();
  await first.waitForFunction(() => window.shoal !== undefined);
  expect(await consent(first)).toBe("denied");
  await badge(first).getByRole("switch").click();
  await expect.poll(async () => (await stats(first)).tracker).toBe("connected");
  await context.close();
});

test("on a thrifty link nobody is asked and nothing is shared, unless the visitor wants it", async ({
  page,
  context,
}) => {
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setDataSaverOverride", { dataSaverEnabled: true });
  await asked(page);
  await expect(badge(page).getByRole("switch", { checked: false })).toBeVisible();
  await expect(notice(page)).toHaveCount(0);
  expect(await stats(page)).toMatchObject({ consent: "ask", tracker: "off", upload: false });
  await badge(page).getByRole("switch").click();
  await expect.poll(async () => (await stats(page)).tracker).toBe("connected");
  expect((await stats(page)).upload).toBe(false);
});

test("a page dresses it, puts it into its own words and may have a strict policy", async ({
  page,
}) => {
  const { trackerUrl } = stage;
  const policy = `default-src 'none'; script-src ${trackerUrl}; style-src 'self'; connect-src 'self' ${trackerUrl.replace("http", "ws")}`;
  stage.site.put("/dress.css", {
    body: ".shoal-notice { --shoal-ground: rgb(1, 2, 3) } .shoal-notice::part(accept) { color: rgb(4, 5, 6) }",
    type: "text/css",
  });
  const texts = JSON.stringify({ accept: "Teilen", other: 1 }).replaceAll('"', "&quot;");
  const complaints = await asked(page, `data-texts="${texts}"`, {
    "Content-Security-Policy": policy,
  });
  const accept = notice(page).getByRole("button", { name: "Teilen" });
  await expect(accept).toBeVisible();
  expect(complaints.errors).toEqual([]);
  await page.evaluate(async () => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = "/dress.css";
    document.head.append(sheet);
    await new Promise((resolve) => sheet.addEventListener("load", resolve));
  });
  await expect(accept).toHaveCSS("color", "rgb(4, 5, 6)");
  await expect(notice(page)).toHaveCSS("background-color", "rgb(1, 2, 3)");
});

test("words that are no words are warned of, and the page asks in its own", async ({ page }) => {
  const complaints = await asked(page, 'data-texts="{" data-badge="off"');
  await expect(notice(page)).toContainText("Share");
  expect(complaints.warnings.join()).toContain("data-texts");
  await expect(badge(page)).toHaveCount(0);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`both are accessible, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await asked(page);
    await expect(notice(page)).toBeVisible();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await notice(page).getByRole("button", { name: "Share" }).click();
    await expect(badge(page)).toBeVisible();
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  });
}

test("without the second script nothing is shared", async ({ page }) => {
  await page.route("**/shoal-notice.mjs", (route) => route.abort());
  const complaints = await asked(page);
  await expect.poll(() => complaints.warnings.join()).toContain("cannot ask");
  expect(await consent(page)).toBe("ask");
});
