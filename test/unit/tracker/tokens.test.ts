// Join tokens: what a signature, a site and an end are worth, the example that the README gives to site owners, and
// the tracker that wants one, over real sockets.

import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { MAX_TOKEN_LENGTH, PROTOCOL_VERSION } from "../../../tracker/protocol/messages.ts";
import { type RunningTracker, startTracker } from "../../../tracker/server.ts";
import { JoinTokens } from "../../../tracker/tokens.ts";
import { newSecret, Page } from "./page.ts";

const SECRET = "correct horse battery staple, twice over";
const SITE = "https://example.org";
const NOW_S = 1_800_000_000;

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const signed = (text: string, secret = SECRET) =>
  `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
const token = (claims: unknown, secret = SECRET, head: unknown = { alg: "HS256", typ: "JWT" }) =>
  signed(`${part(head)}.${part(claims)}`, secret);

const good = { aud: SITE, exp: NOW_S + 3600 };
const tokens = new JoinTokens([SECRET], () => NOW_S * 1000);

describe("a token admits", () => {
  test.each([
    ["with a site and an end", token(good)],
    ["with several sites", token({ ...good, aud: ["https://example.com", SITE] })],
    ["with a beginning that is past", token({ ...good, nbf: NOW_S - 1 })],
    ["by a clock that is a little ahead", token({ ...good, nbf: NOW_S + 59 })],
    ["by a clock that is a little behind", token({ ...good, exp: NOW_S - 59 })],
    ["whatever else it says", token({ ...good, sub: "visitor 7", iat: NOW_S })],
  ])("%s", (_what, given) => expect(tokens.lacks(given, SITE)).toBeUndefined());
});

describe("a token does not admit", () => {
  const unsigned = token(good).replace(/\.[^.]*$/, ".");
  test.each([
    ["when there is none", undefined, /required/],
    ["when it is empty", "", /not signed/],
    ["when it is nonsense", "a.b.c", /not signed/],
    ["without a signature", unsigned, /not signed/],
    ["with a signature of somebody else", token(good, `${SECRET}!`), /not signed/],
    ["with half a signature", token(good).slice(0, -20), /not signed/],
    ["with a fourth part", `${token(good)}.x`, /not signed/],
    ["unsigned, as its header says", token(good, "", { alg: "none" }), /not signed/],
    [
      "with other claims than were signed",
      token(good).replace(part(good), part({ ...good, exp: 9e9 })),
      /not signed/,
    ],
    ["for another site", token({ ...good, aud: "https://example.com" }), /another site/],
    ["for no site", token({ exp: good.exp }), /another site/],
    ["without an end", token({ aud: SITE }), /no end/],
    ["with an end that is a text", token({ aud: SITE, exp: String(good.exp) }), /no end/],
    ["after its end", token({ ...good, exp: NOW_S - 60 }), /expired/],
    ["before its beginning", token({ ...good, nbf: NOW_S + 61 }), /not valid yet/],
    ["whose claims are no object", token(null), /another site/],
    ["whose claims are no JSON", signed(`${part({})}.e30x`), /another site/],
  ])("%s", (_what, given, why) => expect(tokens.lacks(given, SITE)).toMatch(why));

  test("whatever a stranger makes up, and nothing makes the check throw", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: MAX_TOKEN_LENGTH }), (given) => {
        expect(tokens.lacks(given, SITE)).toBeTypeOf("string");
        expect(tokens.lacks(signed(given), SITE)).toBeTypeOf("string");
      }),
    );
  });
});

test("while secrets change, the old one and the new one both admit", () => {
  const both = new JoinTokens(["new".repeat(12), SECRET], () => NOW_S * 1000);
  expect(both.lacks(token(good), SITE)).toBeUndefined();
  expect(both.lacks(token(good, "new".repeat(12)), SITE)).toBeUndefined();
  expect(both.lacks(token(good, "old".repeat(12)), SITE)).toMatch(/not signed/);
});

describe("a tracker with a secret", () => {
  const running: RunningTracker[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((tracker) => tracker.close({ graceful: false })));
  });
  async function joined(joinToken: string | undefined, site = SITE): Promise<Page> {
    const sites = [SITE, "https://example.com"];
    const tracker = await startTracker({ port: 0, sites, tokenSecrets: [SECRET] });
    running.push(tracker);
    const page = await Page.open(tracker, site);
    page.say({
      type: "hello",
      version: PROTOCOL_VERSION,
      secret: newSecret(),
      ...(joinToken === undefined ? {} : { token: joinToken }),
    });
    return page;
  }

  test("welcomes the token that the README's example issues, and that token on its own site only", async () => {
    const readme = await readFile("tracker/README.md", "utf8");
    const example = /```js\n([\s\S]*?joinToken[\s\S]*?)```/.exec(readme)?.[1] ?? "";
    expect(example.trim().split("\n").length).toBeLessThanOrEqual(10);
    const { joinToken } = await import(`data:text/javascript,${encodeURIComponent(example)}`);
    const issued = joinToken(SITE, SECRET);
    expect(issued.length).toBeLessThan(MAX_TOKEN_LENGTH);
    await (await joined(issued)).next("welcome");
    const elsewhere = await joined(issued, "https://example.com");
    expect((await elsewhere.next("refused")).detail).toMatch(/another site/);
  });

  test("refuses a page without one, says why, and closes with the code", async () => {
    const page = await joined(undefined);
    expect(await page.next("refused")).toEqual({
      type: "refused",
      code: "token",
      detail: "a join token is required",
    });
    expect(await page.closed).toEqual({ code: 1008, reason: "token" });
  });

  test("does not start with a secret that can be guessed, and does not print it", async () => {
    const starting = startTracker({ port: 0, tokenSecrets: [SECRET, "hunter2"] });
    await expect(starting).rejects.toMatchObject({
      option: "tokenSecrets",
      message: "--token-secret must have 32 characters or more.",
    });
  });
});
