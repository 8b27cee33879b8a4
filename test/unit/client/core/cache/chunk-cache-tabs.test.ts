// The cache of chunks when another tab writes to the same disks: what it learns, what it unlearns, and what it tells.

import { expect, test } from "vitest";
import { sample } from "../stage.ts";
import { KIB, keysOf, PLENTY, Visit } from "./visit.ts";

/** Two tabs on the same disks, open at the same time. */
async function tabs(): Promise<[Visit, Visit]> {
  const first = await Visit.first();
  const second = new Visit(first.stage, first.disk, first.index);
  return [first, await second.opened(PLENTY)];
}

test("what another tab has stored is read from the disk, once it has said so", async () => {
  const one = await sample({ size: 4 * KIB });
  const [first, second] = await tabs();
  first.add(one, 0, 2);
  await first.settle();
  expect(first.told).toEqual([["stored", one.content.id, [0, 2]]]);
  expect(second.held(one)).toEqual([]);
  await first.stage.wait(second.cache.learn(one.content.id, [0, 2, 2, 9]));
  expect(second.held(one)).toEqual([0, 2]);
  expect(second.learned).toEqual([[one.content.id, [0, 2]]]);
  expect(second.cache.bytes).toBe(2 * KIB);
  expect(await second.read(one, 2)).toEqual(one.chunk(2));
  // Nothing was written for it.
  expect(second.chunks.puts).toEqual([]);
});

test("what is said of a content that nothing describes is not believed", async () => {
  const one = await sample({ size: 4 * KIB });
  const [first, second] = await tabs();
  await first.stage.wait(second.cache.learn(one.content.id, [0]));
  expect(second.held(one)).toEqual([]);
});

test("what another tab let go is held no more, and its chunks are not deleted twice", async () => {
  const one = await sample({ size: 4 * KIB });
  const [first, second] = await tabs();
  first.add(one, 0, 1);
  await first.settle();
  await first.stage.wait(second.cache.learn(one.content.id, [0, 1]));
  second.cache.unlearn(one.content.id, [0]);
  expect(second.held(one)).toEqual([1]);
  expect(second.gone).toEqual([[one.content.id, [0]]]);
  expect(second.told).toEqual([]);
  await second.settle();
  expect(await first.keys()).toEqual(keysOf(one, [0, 1]));
});

test("what is still to be written stays: it will be there again", async () => {
  const one = await sample({ size: 4 * KIB });
  const [first, second] = await tabs();
  second.add(one, 0);
  second.cache.unlearn(one.content.id, [0]);
  expect(second.held(one)).toEqual([0]);
  await second.settle();
  expect(await first.keys()).toEqual(keysOf(one, [0]));
});

test("what is let go is told", async () => {
  const one = await sample({ size: 4 * KIB });
  const [first] = await tabs();
  first.add(one, 0, 1);
  await first.settle();
  first.cache.forget(one.content.id);
  expect(first.told.at(-1)).toEqual(["gone", one.content.id, [0, 1]]);
});

test("over the budget nothing goes while another tab is at it", async () => {
  const one = await sample({ size: 8 * KIB });
  const visit = await Visit.first({}, 4 * KIB);
  visit.mayTidy = false;
  visit.add(one, 0, 1, 2, 3, 4, 5);
  await visit.settle();
  expect(visit.held(one)).toHaveLength(6);
  visit.mayTidy = true;
  visit.add(one, 6);
  await visit.settle();
  expect(visit.held(one).length).toBeLessThanOrEqual(4);
});
