// What may be missing or fail, told with the simulator: tracker, origin, peers that keep silent, no consent, a limit on
// what is given away. One visitor has the file before the others come.

import { describe, expect, test } from "vitest";
import type { Visitor } from "../sim/visitor.ts";
import { mebibytes, megabits, minutes, seconds, World } from "../sim/world.ts";

const SEED = 11;

async function seeded(arrival: Parameters<World["arrive"]>[0] = {}): Promise<{
  world: World;
  file: string;
  first: Visitor;
}> {
  const world = new World({ seed: SEED, unlinkable: 0 });
  const [file = ""] = world.publish([mebibytes(6)]);
  const first = world.arrive({ wire: { up: megabits(50) }, ...arrival });
  await fetched(world, first, file);
  return { world, file, first };
}

async function fetched(world: World, visitor: Visitor, url: string): Promise<number> {
  const visit = visitor.fetch(url);
  await world.run({
    until: () => visit.until !== null || visit.failed !== null,
    within: minutes(3),
  });
  expect(visit.failed, world.explain()).toBeNull();
  return (visit.until ?? 0) - visit.from;
}

describe("with a seed in the swarm", () => {
  test("the tracker dies and comes back: nobody loses a byte, and newcomers meet the seed again", async () => {
    const { world, file, first } = await seeded();
    const second = world.arrive();
    const visit = second.fetch(file);
    await world.run({ until: () => second.stats.bytes.peers > 0, within: seconds(10) });
    world.tracker.kill();
    await world.run({ until: () => visit.until !== null, within: minutes(1) });
    expect(second.stats.links).toHaveLength(1);
    await world.run({ until: () => second.stats.tracker === "unreachable", within: seconds(1) });
    world.tracker.restart();
    const back = () => [first, second].every(({ stats }) => stats.tracker === "connected");
    await world.run({ until: back, within: seconds(15) });
    const third = world.arrive();
    await world.run({ until: () => third.stats.tracker === "connected", within: seconds(5) });
    await fetched(world, third, file);
    expect(third.stats.bytes.peers).toBeGreaterThan(mebibytes(5));
    await world.close();
  });

  test("the origin refuses everything: who has the manifest gets the file from the seed", async () => {
    const { world, file } = await seeded();
    const second = world.arrive();
    await world.run({ until: () => second.stats.tracker === "connected", within: seconds(5) });
    await world.pass(seconds(1));
    world.origin.behaviour = "refuse";
    await fetched(world, second, file);
    expect(second.stats.bytes).toMatchObject({ origin: 0, peers: mebibytes(6) });
    await world.close();
  });

  test("the origin refuses, and nobody has it: the request fails at once instead of hanging", async () => {
    const world = new World({ seed: SEED });
    const [file = ""] = world.publish([mebibytes(6)]);
    const visitor = world.arrive();
    await world.pass(seconds(1));
    world.origin.behaviour = "refuse";
    const visit = visitor.fetch(file);
    await world.run({ until: () => visit.failed !== null, within: seconds(2) });
    expect(visit.failed).toContain("could not be read");
    await world.close();
  });

  test("a seed that takes requests and never answers costs about two seconds, not the file", async () => {
    const { world, file } = await seeded({ fault: "silent" });
    const alone = await fetched(world, world.arrive({ settings: { consent: "denied" } }), file);
    const second = world.arrive();
    await world.pass(seconds(1));
    expect(await fetched(world, second, file)).toBeLessThan(1.5 * alone + seconds(2));
    expect(second.stats.bytes.peers).toBe(0);
    await world.close();
  });

  test("a seed gives no more than it was told to, in any second", async () => {
    const { world, file, first } = await seeded({
      settings: { uploadBytesPerSecond: 512 * 1024 },
    });
    const crowd = [world.arrive(), world.arrive(), world.arrive()];
    await world.pass(seconds(1));
    for (const visitor of crowd) visitor.fetch(file);
    await world.run({
      until: () => crowd.every(({ visits }) => visits[0]?.until !== null),
      within: minutes(2),
    });
    expect(first.stats.bytes.uploaded).toBeGreaterThan(0);
    await world.close();
  });

  test("without consent there is neither tracker nor link, and the file comes from the origin", async () => {
    const { world, file } = await seeded();
    const second = world.arrive({ settings: { consent: "ask" } });
    await fetched(world, second, file);
    expect(second.stats).toMatchObject({ state: "origin-only", tracker: "off", links: [] });
    second.peer.setConsent("granted");
    await world.run({ until: () => second.stats.state === "in-swarm", within: seconds(5) });
    await world.close();
  });

  test("a returning visitor reads its own disk and asks nobody", async () => {
    const { world, file, first } = await seeded();
    await world.pass(seconds(1));
    first.vanish();
    const again = world.arrive({ returning: first });
    await fetched(world, again, file);
    expect(again.stats.bytes).toMatchObject({ cache: mebibytes(6), peers: 0, origin: 0 });
    await world.close();
  });
});

describe("when everybody loses something at once", () => {
  const CROWD = 20;
  const WINDOW = 100;

  /** A crowd in the middle of a film that one visitor has. */
  async function watching(): Promise<{ world: World; crowd: Visitor[] }> {
    const world = new World({ seed: SEED, unlinkable: 0 });
    const [file = ""] = world.publish([mebibytes(24)]);
    const first = world.arrive({ wire: { up: megabits(200) } });
    await fetched(world, first, file);
    const crowd = Array.from({ length: CROWD }, () => world.arrive());
    for (const visitor of crowd) void visitor.fetch(file);
    const isUnderWay = () => crowd.every(({ stats }) => stats.bytes.peers > mebibytes(1));
    await world.run({ until: isUnderWay, within: minutes(1) });
    return { world, crowd };
  }
  /** Reads at the origin that begin in each of the next so many windows. */
  async function readsIn(world: World, windows: number): Promise<number[]> {
    const reads: number[] = [];
    for (let at = 0; at < windows; at++) {
      const before = world.trace.count("read");
      await world.pass(WINDOW);
      reads.push(world.trace.count("read") - before);
    }
    return reads;
  }

  test.each<[string, (world: World, crowd: readonly Visitor[]) => void]>([
    [
      "links",
      (_world, crowd) => {
        for (const { node } of crowd) node.cutOff();
      },
    ],
    ["the tracker", (world) => world.tracker.kill()],
  ])(
    "%s: the origin is not met by all in one moment, nor by more than it takes",
    async (_what, lose) => {
      const { world, crowd } = await watching();
      lose(world, crowd);
      const reads = await readsIn(world, 15);
      const said = `${reads.join(" ")}\n${world.explain()}`;
      expect(Math.max(...reads), said).toBeLessThanOrEqual(CROWD / 2);
      const all = reads.reduce((sum, count) => sum + count, 0);
      expect(all, said).toBeLessThanOrEqual(3 * CROWD);
      await world.close();
    },
  );
});
