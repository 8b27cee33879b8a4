// Nodes that purge, are cut off and come back in any order: all end with the same, no page misses a purge although it
// refuses epochs that do not rise, and they come to rest. The board is simulated; the one in Redis is in
// `purges.test.ts`.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Board, SharedPurges } from "../../../../tracker/cluster/shared-purges.ts";
import { silent } from "../../../../tracker/log.ts";
import { passingKey, type SigningKey } from "../../../../tracker/manifest/keys.ts";
import { MAX_PURGES, PurgeHistory, type PurgeRecord } from "../../../../tracker/protocol/purge.ts";
import { PurgeLog } from "../../../../tracker/purge/purge-log.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shoal-test-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const url = (n: number) =>
  ({ scope: "url", what: `https://site.example/${n}`, soft: false }) as const;

/** One place, whose answers take a moment each. */
class FakeBoard implements Board {
  text = "";
  replaced = 0;
  async read(): Promise<string> {
    await null;
    return this.text;
  }
  async replace(was: string, text: string): Promise<boolean> {
    await null;
    if (was !== this.text) return false;
    this.text = text;
    this.replaced++;
    return true;
  }
  get size(): number {
    return JSON.parse(this.text || "[]").length;
  }
}

/** A node with one page that has been there from the start. */
class Node {
  readonly book: PurgeLog;
  readonly page = new PurgeHistory();
  readonly shared: SharedPurges;
  isCut = false;
  constructor(book: PurgeLog, common: FakeBoard) {
    this.book = book;
    const reach = <Answer>(act: () => Promise<Answer>): Promise<Answer> =>
      this.isCut ? Promise.reject(new Error("cut off")) : act();
    const board = {
      read: () => reach(() => common.read()),
      replace: (was: string, text: string) => reach(() => common.replace(was, text)),
    };
    const learned = (records: readonly PurgeRecord[]) => this.tell(records);
    this.shared = new SharedPurges({ book, board, log: silent, learned });
  }
  tell(records: readonly PurgeRecord[]): void {
    for (const record of records) this.page.add(record);
  }
  async purge(...names: readonly number[]): Promise<void> {
    this.tell(await this.book.purge(names.map(url)));
    expect(await this.shared.exchange()).toBe(!this.isCut);
  }
}

let made = 0;
async function nodes(count: number, key: SigningKey, board: FakeBoard, now: () => number) {
  const books = Array.from({ length: count }, () =>
    PurgeLog.open(join(directory, `log ${made++}`), key, now),
  );
  return (await Promise.all(books)).map((book) => new Node(book, board));
}
const known = ({ book }: Node) => book.records.map(({ epoch, what }) => [epoch, what]);

/** Everybody looks until nobody has anything new to say. */
async function settle(all: readonly Node[], board: FakeBoard): Promise<void> {
  for (let round = 0; round < 10; round++) {
    const before = board.replaced;
    await Promise.all(all.map(({ shared }) => shared.exchange()));
    if (board.replaced === before) return;
  }
  throw new Error("they do not come to rest");
}

test("all nodes end with the same purges, and no page misses one", async () => {
  const step = fc.record({
    // At a time: three nodes act at once, or one after the other.
    who: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 }),
    what: fc.constantFrom("purge", "purge", "cut", "return", "look"),
    // Clocks stand still often: epochs meet.
    later: fc.nat(2),
  });
  const key = await passingKey();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const board = new FakeBoard();
      let now = 1000;
      const all = await nodes(3, key, board, () => now);
      let purged = 0;
      for (const { who, what, later } of steps) {
        now += later;
        await Promise.all(
          who.map(async (at) => {
            const node = all[at] as Node;
            if (what === "purge") await node.purge(purged++);
            else if (what === "look") await node.shared.exchange();
            else node.isCut = what === "cut";
          }),
        );
      }
      for (const node of all) node.isCut = false;
      await settle(all, board);
      for (const node of all) {
        expect(known(node)).toEqual(known(all[0] as Node));
        for (let n = 0; n < purged; n++) {
          expect(node.page.judge({ ...url(n), url: url(n).what, epoch: 999 })).toBe("hard");
        }
      }
      expect(board.size).toBe(known(all[0] as Node).length);
    }),
    { numRuns: 60 },
  );
});

test("more than is kept becomes one purge of the older half at every node, and takes back no more than that", async () => {
  const board = new FakeBoard();
  let now = 1000;
  const all = await nodes(2, await passingKey(), board, () => now);
  const [first, second] = all as [Node, Node];
  for (let n = 0; n < MAX_PURGES + 40; n += 10) {
    now += 10;
    await (n % 20 === 0 ? first : second).purge(
      ...Array.from({ length: 10 }, (_, each) => n + each),
    );
    await settle(all, board);
  }
  expect(known(second)).toEqual(known(first));
  expect(first.book.records.length).toBeLessThanOrEqual(MAX_PURGES);
  expect(board.size).toBe(first.book.records.length);
  // Stated after half of them: only what was purged since is taken back.
  const late = { url: "https://site.example/other", epoch: now - 40 };
  for (const { book, page } of all)
    expect([book.judge(late), page.judge(late)]).toEqual([undefined, undefined]);
});

test("what another key has signed, or nobody, is no purge and is cleared away", async () => {
  const board = new FakeBoard();
  const now = () => 1000;
  const [node] = (await nodes(1, await passingKey(), board, now)) as [Node];
  const [stranger] = (await nodes(1, await passingKey(), new FakeBoard(), now)) as [Node];
  const [record] = await stranger.book.purge([url(1)]);
  for (const text of [JSON.stringify([record, {}]), "no JSON", "{}"]) {
    board.text = text;
    expect(await node.shared.exchange()).toBe(true);
    expect(known(node)).toEqual([]);
  }
  await node.purge(2);
  expect([known(node).length, board.size]).toEqual([1, 1]);
});

test("a disk that cannot be written is said, and tried again", async () => {
  const board = new FakeBoard();
  const key = await passingKey();
  const [node] = (await nodes(1, key, board, () => 1000)) as [Node];
  await node.purge(1);
  const said: string[] = [];
  const learned: PurgeRecord[] = [];
  const shared = new SharedPurges({
    book: await PurgeLog.open(join(directory, "nowhere", "log"), key),
    log: (_level, event) => void said.push(event),
    board,
    learned: (records) => void learned.push(...records),
  });
  expect(await shared.exchange()).toBe(false);
  expect([said, learned, board.size]).toEqual([["purges-not-exchanged"], [], 1]);
});
