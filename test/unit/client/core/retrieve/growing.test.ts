// A content whose signer is still reading it: the page has its own bytes at once, nobody else has any before their digest
// is known, and a crowd does not read twice what cannot be verified yet.

import { describe, expect, test } from "vitest";
import { GrowingContent } from "../../../../../client/core/catalogue/content.ts";
import { plan } from "../../../../../client/core/retrieve/plan.ts";
import type { Content } from "../../../../../client/core/vocabulary.ts";
import { CHUNK, COUNT, film, ONE, Play } from "./retrieval-play.ts";
import { contentOf, link, NOW, view, want } from "./views.ts";

/** The film, of which so many digests are known. */
const asKnown = (known: number): Content["asset"] => ({
  ...film.content.asset,
  digests: film.content.asset.digests.slice(0, known * 32),
});
async function growingPlay(known: number): Promise<{ play: Play; content: GrowingContent }> {
  const content = new GrowingContent({ ...film.content, asset: asKnown(known) }, 0);
  return { play: await Play.opened({ ...film, content }), content };
}

describe("a page alone", () => {
  test("has what the origin gives at once; it is kept and told when its digest comes", async () => {
    const { play, content } = await growingPlay(1);
    const reading = play.reading();
    play.retrieval.readOrigin(0, COUNT - 1);
    play.origin.only.start(0, COUNT * CHUNK);
    await play.brings(0, 3 * CHUNK);
    for (let index = 0; index < 3; index++) {
      expect(await play.stage.wait(reading.next())).toEqual(film.chunk(index));
    }
    const verified = () => play.told.filter((one) => one.startsWith("verified"));
    expect(verified()).toEqual([`verified 0 origin ${CHUNK}`]);
    // Whoever links now need not read them.
    expect(play.retrieval.pending.slice(0, 2)).toEqual([1, 2]);
    content.grow(asKnown(2), 5);
    await play.stage.pass(0);
    expect(verified()).toHaveLength(2);
    content.grow(asKnown(COUNT), 10);
    await play.brings(3 * CHUNK, COUNT * CHUNK);
    expect(verified()).toHaveLength(COUNT);
    expect(play.cache.holding(content.id)?.held).toBe(COUNT);
  });

  test("whose film the signer gives up goes on at the network, and nothing unverified was kept", async () => {
    const { play, content } = await growingPlay(1);
    const reading = play.reading();
    play.retrieval.readOrigin(0, COUNT - 1);
    play.origin.only.start(0, COUNT * CHUNK);
    await play.brings(0, 3 * CHUNK);
    for (let index = 0; index < 3; index++) await play.stage.wait(reading.next());
    content.end();
    await expect(play.stage.wait(reading.next())).rejects.toMatchObject({
      code: "origin/mismatch",
      details: { chunk: 1 },
    });
    expect(play.cache.holding(content.id)?.held).toBe(1);
  });

  test("takes no chunk of a peer before its digest, and blames nobody meanwhile", async () => {
    const { play, content } = await growingPlay(0);
    const reading = play.reading();
    await play.arrives(ONE, 0);
    let bytes: unknown = null;
    void reading.next().then((next) => {
      bytes = next;
    });
    await play.stage.pass(1000);
    expect([bytes, play.told]).toEqual([null, []]);
    content.grow(asKnown(1), 1);
    await play.stage.pass(0);
    expect(bytes).toEqual(film.chunk(0));
    await play.arrives(ONE, 1);
    content.end();
    await play.stage.pass(0);
    expect(play.errors.map(({ code }) => code)).toEqual(["origin/mismatch"]);
    expect(play.told.join()).not.toContain("poisoned");
  });
});

describe("in a crowd, a chunk that somebody reads and nobody can verify", () => {
  const chunks = 8;
  /** One chunk is known, and all others are read by a peer, who said so long ago. */
  const reads = (position: number, more: Promise<void> | null, at = 0): number[] => {
    const content = { ...contentOf(chunks), growth: { more, at } };
    const known = { ...content.asset, digests: new Uint8Array(32) };
    const pending = Object.fromEntries([...Array(chunks).keys()].map((index) => [index, 0]));
    const one = want({ content: { ...content, asset: known }, chunks, position });
    const { actions } = plan(view([one], [link({ wants: true, pending })]));
    return actions.flatMap((action) => (action.do === "read" ? [action.first, action.last] : []));
  };
  const more = new Promise<void>(() => {});

  test("is not read again, but for the one the page waits for", () => {
    expect(reads(1, more)).toEqual([1, 1]);
    expect(reads(1, null)).not.toEqual([1, 1]);
  });
  test("nor is that, as long as digests keep coming", () => {
    expect(reads(1, more, NOW - 1000)).toEqual([]);
    expect(reads(1, null, NOW - 1000)).toEqual([]);
    expect(reads(1, more, NOW - 3000)).toEqual([1, 1]);
  });
});
