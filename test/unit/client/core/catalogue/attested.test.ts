// What the tracker says of URLs, as the client comes to believe it: many in one message, remembered for as long as it
// holds, growing while it is read, and nothing that anybody else could have made up.

import { describe, expect, test } from "vitest";
import { isRight } from "../../../../../client/core/retrieve/verify.ts";
import type { Content } from "../../../../../client/core/vocabulary.ts";
import { MAX_ASKED_URLS } from "../../../../../tracker/protocol/attestation.ts";
import { base64url, utf8 } from "../../../../../tracker/protocol/bytes.ts";
import { knownChunksOf } from "../../../../../tracker/protocol/manifest.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { noise } from "../../../../support/stage.ts";
import type { ScriptedRead } from "../scripted-origin.ts";
import { turns } from "../stage.ts";
import {
  A,
  BODY,
  FILM,
  GROWING,
  growing,
  knowsPublishers,
  line,
  refusal,
  say,
  stranger,
  TRACKER,
  tracker,
  Visit,
  vouching,
} from "./attesting.ts";

knowsPublishers();

describe("the tracker's word", () => {
  test("is asked for once for all that a page asks for in one go", async () => {
    const visit = new Visit();
    const urls = [A, FILM, A, `${A}?2`];
    const found = urls.map((url) => visit.attested.find(url));
    await visit.stage.pass(5);
    const { read } = { read: visit.origin.only };
    expect(read.request).toEqual({
      url: TRACKER,
      range: "whole",
      cache: "default",
      body: [A, FILM, `${A}?2`].join("\n"),
    });
    // Each is there as soon as it is said, in whatever pieces.
    const text = (await vouching(FILM, BODY)) + refusal(A);
    read.start(0, null);
    for (const character of text.slice(0, -1)) read.bytes(utf8(character));
    expect(await visit.stage.wait(found[1] as (typeof found)[0])).toMatchObject({
      asset: { url: FILM, size: BODY.length },
    });
    read.bytes(utf8("\n"));
    expect(await visit.stage.wait(found[0] as (typeof found)[0])).toBeUndefined();
    read.end();
    expect(await visit.stage.wait(found[3] as (typeof found)[0])).toBeUndefined();
  });

  test("on very many URLs takes a few messages", async () => {
    const visit = new Visit();
    for (let index = 0; index < MAX_ASKED_URLS + 1; index++) void visit.attested.find(A + index);
    await visit.stage.pass(5);
    const counts = visit.origin.open.map(({ request }) => request.body?.split("\n").length);
    expect(counts).toEqual([MAX_ASKED_URLS, 1]);
  });

  test.each([
    ["yes", async () => vouching(A, BODY)],
    ["no", async () => refusal(A, 60)],
  ])("%s is remembered for as long as the tracker would say the same", async (word, text) => {
    const visit = new Visit();
    const content = await visit.hear(A, await text());
    expect(content !== undefined).toBe(word === "yes");
    expect(await visit.find(A)).toBe(content);
    await visit.stage.pass(59_000);
    expect(await visit.find(A)).toBe(content);
    expect(visit.origin.reads).toHaveLength(1);
    await visit.stage.pass(2_000);
    await visit.ask(A);
    expect(visit.origin.reads).toHaveLength(2);
  });

  test("holds from when it was asked for: on its way it grows old", async () => {
    const visit = new Visit();
    const { found, read } = await visit.ask(A);
    await visit.stage.pass(400);
    await say(read, await vouching(A, BODY, { maxAge: 1.5 }));
    read.end();
    await found;
    expect(visit.attested.leftOf(A)).toBe(1100);
    await visit.stage.pass(1100);
    expect(visit.attested.leftOf(A)).toBe(0);
    const again = visit.attested.find(A);
    await visit.stage.pass(5);
    await say(visit.origin.only, await vouching(A, BODY));
    expect(await again).toBeDefined();
  });

  test("may come with the body, which is there before anybody is told", async () => {
    const visit = new Visit();
    const statement = JSON.parse(await vouching(A, BODY));
    const { found, read } = await visit.ask(A);
    let isStored = (): void => {};
    visit.storing = new Promise((resolve) => {
      isStored = resolve;
    });
    let isFound = false;
    void found.then(() => {
      isFound = true;
    });
    await say(read, line({ ...statement, body: base64url(new Uint8Array(BODY)) }));
    expect(visit.adopted).toEqual([BODY]);
    expect(isFound).toBe(false);
    isStored();
    expect(await visit.stage.wait(found)).toBeDefined();
  });

  test("on which the origin disagrees is not believed for as long as it holds, and the next one is", async () => {
    const visit = new Visit();
    const other = noise(1000, 9);
    visit.wrong = await tracker.statement(A, BODY);
    expect(await visit.hear(A, await vouching(A, BODY, { maxAge: 2 }))).toBeUndefined();
    await visit.stage.pass(1900);
    expect(await visit.find(A)).toBeUndefined();
    await visit.stage.pass(100);
    expect(await visit.hear(A, await vouching(A, other, { epoch: 2 }))).toBeDefined();
  });

  test("that is late is not waited for, and counts for the next request", async () => {
    const visit = new Visit();
    const { found, read } = await visit.ask(A);
    await visit.stage.pass(495);
    expect(await found).toBeUndefined();
    await say(read, await vouching(A, BODY));
    read.end();
    expect(await visit.find(A)).toBeDefined();
  });

  test("that is late again and again is not waited for at all, until there is one", async () => {
    const visit = new Visit();
    const { read } = await visit.ask(A);
    for (let count = 0; count < 3; count++) await visit.find(A);
    const before = visit.stage.now;
    expect(await visit.find(A)).toBeUndefined();
    expect(visit.stage.now).toBe(before);
    await say(read, await vouching(A, BODY));
    const { found } = await visit.ask(FILM).catch(() => ({ found: visit.attested.find(FILM) }));
    visit.origin.open[1]?.bytes(utf8(await vouching(FILM, BODY)));
    expect(await visit.stage.wait(found)).toBeDefined();
  });

  test("on URLs made for the occasion is not asked for without end", async () => {
    const visit = new Visit();
    for (let index = 0; index < 3; index++) {
      const url = `https://site.example/api?${index}`;
      await visit.hear(url, refusal(url));
    }
    expect(await visit.find("https://site.example/api?4")).toBeUndefined();
    expect(visit.origin.reads).toHaveLength(3);
    // The path alone, and others, are.
    await visit.ask("https://site.example/api");
    expect(visit.origin.reads).toHaveLength(4);
  });
});

describe("nobody else's word counts:", () => {
  test("a signature that is wrong", async () => {
    const visit = new Visit();
    const other = await vouching(FILM, BODY);
    expect(await visit.hear(A, other.replace(FILM, A))).toBeUndefined();
    expect(visit.problems).toEqual(["manifest/signature"]);
  });
  test("a URL that was not asked about", async () => {
    const visit = new Visit();
    expect(await visit.hear(A, await vouching(FILM, BODY), refusal(A))).toBeUndefined();
    await visit.ask(FILM);
    expect(visit.origin.reads).toHaveLength(2);
  });
  test("a signer that is not pinned; each of several pinned ones is believed", async () => {
    const visit = new Visit([stranger.key]);
    expect(await visit.hear(A, await vouching(A, BODY))).toBeUndefined();
    expect(visit.problems).toEqual(["manifest/signer"]);
    const changing = new Visit([stranger.key, tracker.key]);
    expect(await changing.hear(A, await vouching(A, BODY))).toBeDefined();
    expect(await changing.hear(FILM, await vouching(FILM, BODY, { by: stranger }))).toBeDefined();
  });
  test("an older statement than the one that is known", async () => {
    const visit = new Visit();
    const known = await visit.hear(A, await vouching(A, BODY, { epoch: 2 }));
    await visit.stage.pass(61_000);
    const older = await vouching(A, noise(10, 4), { epoch: 1 });
    expect(await visit.hear(A, older)).toBe(known);
  });
  test("a statement that was purged, known or said again: only a later one", async () => {
    const visit = new Visit();
    expect(await visit.hear(A, await vouching(A, BODY, { epoch: 1 }))).toBeDefined();
    visit.purgedUpTo = 1;
    expect(await visit.hear(A, await vouching(A, BODY, { epoch: 1 }))).toBeUndefined();
    await visit.stage.pass(1_100);
    expect(await visit.hear(A, await vouching(A, BODY, { epoch: 2 }))).toBeDefined();
  });
  test("an answer that is none: the tracker is left alone for a while", async () => {
    for (const nonsense of ["<html>\n", "{}\n"]) {
      const visit = new Visit();
      const { found, read } = await visit.ask(A);
      read.bytes(utf8(nonsense));
      expect(read.cancelled).toBe(true);
      expect(await visit.stage.wait(found)).toBeUndefined();
      expect(await visit.find(A)).toBeUndefined();
      expect(visit.origin.reads).toHaveLength(1);
    }
  });
});

test("a tracker that fails is left alone, longer each time, and nobody waits for it meanwhile", async () => {
  const visit = new Visit();
  const pauses: number[] = [];
  let failedAt = visit.stage.now;
  while (pauses.length < 4) {
    const before = visit.stage.now;
    const found = visit.attested.find(A);
    await visit.stage.pass(50);
    const [read] = visit.origin.open;
    if (read === undefined) {
      expect(await found).toBeUndefined();
      continue;
    }
    pauses.push(before - failedAt);
    read.end({ kind: "status", status: 503 });
    expect(await visit.stage.wait(found)).toBeUndefined();
    failedAt = visit.stage.now;
  }
  expect(pauses[0]).toBe(0);
  for (const [index, least] of [2000, 4000, 8000].entries()) {
    const pause = pauses[index + 1] ?? 0;
    expect(pause).toBeGreaterThanOrEqual(least);
    expect(pause).toBeLessThanOrEqual(least * 1.5 + 100);
  }
});

test("what the origin shows to be wrong is not believed, whoever says it again, until something else is said", async () => {
  const visit = new Visit();
  const content = await visit.hear(A, await vouching(A, BODY));
  visit.wrong = content?.asset ?? null;
  expect(visit.attested.known(A)).toBeUndefined();
  expect(await visit.hear(A, await vouching(A, BODY, { epoch: 2 }))).toBeUndefined();
  expect(await visit.find(A)).toBeUndefined();
  expect(visit.origin.open).toEqual([]);
  await visit.stage.pass(60_000);
  const other = BODY.slice(1);
  expect((await visit.hear(A, await vouching(A, other)))?.asset.size).toBe(other.length);
});

test("what was said stays known while the tracker says nothing, and what was doubted is asked for again", async () => {
  const visit = new Visit();
  const content = await visit.hear(A, await vouching(A, BODY));
  visit.attested.doubt(A);
  const { found, read } = await visit.ask(A);
  read.end({ kind: "status", status: 503 });
  expect(await visit.stage.wait(found)).toBe(content);
  expect(await visit.find(A)).toBe(content);
  expect(await visit.stage.wait(visit.attested.renew(A))).toBe("away");
  await visit.stage.pass(60_000);
  const renewed = visit.attested.renew(A);
  await visit.stage.pass(5);
  visit.origin.only.start(0, null);
  visit.origin.only.bytes(utf8(refusal(A)));
  expect(await visit.stage.wait(renewed)).toBe("same");
  expect(visit.attested.known(A)).toBeUndefined();
});

describe("a large asset that is still being read", () => {
  const chunk = (index: number) => BODY.slice(index * 1024, (index + 1) * 1024);
  async function begun(): Promise<{ visit: Visit; content: Content; read: ScriptedRead }> {
    const visit = new Visit();
    const { found, read } = await visit.ask(FILM);
    await say(read, await vouching(FILM, BODY, { ...GROWING, known: 1, maxAge: 0 }));
    const content = await visit.stage.wait(found);
    if (content === undefined) throw new Error("not vouched for");
    return { visit, content, read };
  }
  /** The verdict on a chunk, or that there is none yet. */
  async function verdict(content: Content, index: number, bytes = chunk(index)) {
    const right = isRight(content, index, bytes, simHasher);
    await turns();
    return Promise.race([right, Promise.resolve("not yet")]);
  }

  test("is one content from its first statement to its last; a chunk is judged when its digest comes", async () => {
    const { visit, content, read } = await begun();
    expect(await verdict(content, 0)).toBe(true);
    expect(await verdict(content, 1)).toBe("not yet");
    const waiting = isRight(content, 2, chunk(2), simHasher);
    const wrong = isRight(content, 2, chunk(3), simHasher);
    await say(read, await growing(1, 2));
    expect(await verdict(content, 1)).toBe(true);
    await say(read, await growing(2, 4));
    expect([await waiting, await wrong]).toEqual([true, false]);
    expect(visit.grew).toBe(2);
    expect(await visit.find(FILM)).toBe(content);
    await say(read, await vouching(FILM, BODY, GROWING));
    read.end();
    expect(await verdict(content, 5)).toBe(true);
    expect(content.growth?.more).toBeNull();
    expect(await visit.find(FILM)).toBe(content);
    await visit.stage.pass(61_000);
    const again = await visit.hear(FILM, await vouching(FILM, BODY, GROWING));
    expect(again?.id).toBe(content.id);
  });

  test("believes no digests that were not signed as they follow each other", async () => {
    const { visit, content, read } = await begun();
    await say(read, await growing(1, 3, noise(BODY.length, 9)));
    await say(read, await growing(2, 3));
    expect(knownChunksOf(content.asset)).toBe(1);
    expect(visit.problems).toEqual(["manifest/signature", "manifest/signature"]);
  });

  test("that is refused in the end leaves what is known, and nobody waits for the rest", async () => {
    const { visit, content, read } = await begun();
    const waiting = isRight(content, 3, chunk(3), simHasher);
    await say(read, refusal(FILM, 15, "unreachable"));
    expect(await waiting).toBe(false);
    expect(await verdict(content, 0)).toBe(true);
    expect(await visit.find(FILM)).toBeUndefined();
  });

  test("is asked about again when the tracker breaks off, and goes on where it was", async () => {
    const { visit, content, read } = await begun();
    const waiting = isRight(content, 4, chunk(4), simHasher);
    read.end({ kind: "unreachable" });
    await visit.stage.pass(3_100);
    await say(visit.origin.only, await vouching(FILM, BODY, { ...GROWING, known: 5, maxAge: 0 }));
    expect(await waiting).toBe(true);
    expect(await visit.find(FILM)).toBe(content);
  });

  test("is given up when the tracker does not come back", async () => {
    const { visit, content, read } = await begun();
    const waiting = isRight(content, 4, chunk(4), simHasher);
    read.end({ kind: "unreachable" });
    for (let count = 0; count < 3; count++) {
      while (visit.origin.open.length === 0) await visit.stage.pass(1000);
      visit.origin.only.end({ kind: "unreachable" });
    }
    expect(await waiting).toBe(false);
  });

  test("ends with the visit", async () => {
    const { visit, content, read } = await begun();
    const waiting = isRight(content, 4, chunk(4), simHasher);
    visit.attested.stop();
    expect(read.cancelled).toBe(true);
    expect(await waiting).toBe(false);
    // Back from bfcache, it is asked about anew.
    await visit.ask(FILM);
    expect(visit.origin.reads).toHaveLength(2);
  });
});
