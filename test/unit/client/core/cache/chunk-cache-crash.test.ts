// What the cache of chunks makes of disks on which the visit before left off in the middle.

import { describe, expect, test } from "vitest";
import { sample } from "../stage.ts";
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
