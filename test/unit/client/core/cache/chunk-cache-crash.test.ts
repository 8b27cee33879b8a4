// What the cache of chunks makes of disks on which the visit before left off in the middle.

import { describe, expect, test } from "vitest";
import { contentOf } from "../../../../../client/core/catalogue/content.ts";
import { base64url } from "../../../../../tracker/protocol/bytes.ts";
import { simHasher } from "../../../../sim/hasher.ts";
import { type Sample, sample } from "../stage.ts";
import { KIB, keysOf, PLENTY, Visit } from "./visit.ts";

describe("after a crash", () => {
  test("between the two disks, a description of nothing is deleted", async () => {
    const one = await sample({ size: 4 * KIB });
    const crashed = await Visit.first({ latency: 1000 });
    crashed.add(one, 0);
    await crashed.stage.pass(100);
    expect(await crashed.stage.wait(crashed.index.keys())).toHaveLength(1);
    const visit = new Visit(
      crashed.stage,
      crashed.disk.reopen(crashed.stage.clock),
      crashed.index.reopen(crashed.stage.clock),
    );
    await visit.opened(PLENTY);
    expect(visit.held(one)).toEqual([]);
    expect(visit.cache.contents).toEqual([]);
    expect(await visit.stage.wait(visit.index.keys())).toEqual([]);
  });
  test("chunks that nothing describes are deleted, and so is what is no chunk", async () => {
    const [one, other] = [
      await sample({ size: 4 * KIB }),
      await sample({ size: 4 * KIB, seed: 2 }),
    ];
    const first = await Visit.first();
    first.add(one, 0);
    first.add(other, 1);
    await first.settle();
    const { id } = one.content;
    const strays = [`${id}.4`, `${id}.-1`, `${id}.1.5`, `${id}.`, `${id}.01`, "nonsense"];
    await first.stage.wait(
      Promise.all([
        first.index.delete([`content.${other.content.id}`]),
        first.disk.put(strays.map((key) => [key, new Uint8Array(10)] as const)),
      ]),
    );
    const visit = await first.next();
    expect(visit.held(one)).toEqual([0]);
    expect(visit.cache.bytes).toBe(KIB);
    expect(visit.cache.holding(other.content.id)).toBeUndefined();
    expect(await visit.keys()).toEqual(keysOf(one, [0]));
  });
  test.each([
    ["cannot be read", new Uint8Array([1, 2, 3])],
    ["is of another content", null],
  ])("a description that %s takes its chunks with it", async (_what, bytes) => {
    const [one, other] = [
      await sample({ size: 4 * KIB }),
      await sample({ size: 4 * KIB, seed: 2 }),
    ];
    const first = await Visit.first();
    first.add(one, 0);
    first.add(other, 1);
    await first.settle();
    const name = `content.${one.content.id}`;
    const others = await first.stage.wait(first.index.get(`content.${other.content.id}`));
    const record = bytes ?? others ?? new Uint8Array(0);
    await first.stage.wait(first.index.put([[name, record]]));
    const visit = await first.next();
    expect(visit.held(one)).toEqual([]);
    expect(visit.held(other)).toEqual([1]);
    expect(await visit.keys()).toEqual(keysOf(other, [1]));
    expect(await visit.stage.wait(visit.index.keys())).toEqual([`content.${other.content.id}`]);
  });
});

describe("a content whose digests come one after the other", () => {
  const version = base64url(new Uint8Array(32));
  /** The same version, of which so many digests are known. */
  async function known(count: number, seed = 1): Promise<Sample> {
    const whole = await sample({ size: 4 * KIB, seed, url: "https://site.example/film" });
    const { asset } = whole.content;
    const digests = asset.digests.slice(0, count * 32);
    return { ...whole, content: await contentOf({ ...asset, digests, version }, simHasher) };
  }

  test("is described anew as they come, so that the next visit has what was verified", async () => {
    const first = await Visit.first();
    const [early, late] = [await known(1), await known(3)];
    first.add(early, 0);
    await first.settle();
    first.cache.know(late.content);
    first.add(late, 2);
    await first.settle();
    const visit = await first.next();
    expect(visit.held(early)).toEqual([0, 2]);
    expect(await visit.read(late, 2)).toEqual(late.chunk(2));
    // Whoever knows less takes nothing away.
    visit.cache.know(early.content);
    expect(await visit.read(late, 2)).toEqual(late.chunk(2));
  });

  test("that turns out to be another one under the same name is not mixed with it", async () => {
    const visit = await Visit.first();
    const [one, other] = [await known(4), await known(2, 2)];
    expect(other.content.id).toBe(one.content.id);
    visit.add(one, 0, 3);
    await visit.settle();
    visit.cache.know(other.content);
    expect(visit.held(other)).toEqual([]);
    expect(visit.gone).toEqual([[one.content.id, [0, 3]]]);
    visit.add(other, 1);
    await visit.settle();
    expect(await visit.read(other, 1)).toEqual(other.chunk(1));
  });
});
