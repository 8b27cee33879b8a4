// The same URL answers each visitor differently, by cookie: each gets their own, and nobody ever gets somebody else's.

import { expect, type Page, test } from "@playwright/test";
import type { Client } from "../../client/index.ts";
import { type Stage, setStage, stats } from "../support/stage.ts";

const ME = "/me.json";
const PADDING = " ".repeat(300_000);
const bodyFor = (visitor: string): string => JSON.stringify({ visitor }) + PADDING;

let stage: Stage;
test.afterEach(() => stage.close());

async function answersByCookie(headers: Readonly<Record<string, string>>): Promise<void> {
  stage = await setStage();
  // Published by mistake, as whoever built the site saw it: the worst that a site can do.
  await stage.publish({ [ME]: new TextEncoder().encode(bodyFor("nobody")) });
  stage.site.answer(ME, (request, response) => {
    const visitor = /visitor=(\w+)/.exec(request.headers.cookie ?? "")?.[1] ?? "nobody";
    response.writeHead(200, { "content-type": "application/json", ...headers });
    response.end(bodyFor(visitor));
  });
}

function visitorSeenBy(page: Page): Promise<string> {
  return page.evaluate(async (url) => {
    const response = await (window.shoal as Client).fetch(url);
    return ((await response.json()) as { visitor: string }).visitor;
  }, stage.site.url + ME);
}

for (const [what, headers] of [
  ["says nothing of caching", {}],
  ["is private", { "cache-control": "private, max-age=60" }],
  ["is wrongly called public", { "cache-control": "public, max-age=60" }],
] as const) {
  test(`an answer that ${what} stays with its visitor`, async ({ browser }) => {
    await answersByCookie(headers);
    const pages: Page[] = [];
    for (const name of ["ann", "bob", "cid"]) {
      const page = await stage.visit(browser);
      await page.evaluate((value) => {
        // biome-ignore lint/suspicious/noDocumentCookie: the one way that every page has.
        document.cookie = `visitor=${value}`;
      }, name);
      expect(await visitorSeenBy(page)).toBe(name);
      pages.push(page);
    }
    // And once more, with everybody linked who would be.
    for (const [at, name] of ["ann", "bob", "cid"].entries()) {
      const page = pages[at] as Page;
      expect(await visitorSeenBy(page)).toBe(name);
      const { bytes, cache } = await stats(page);
      expect(bytes).toMatchObject({ peers: 0, uploaded: 0 });
      expect(cache.bytes).toBe(0);
    }
  });
}
