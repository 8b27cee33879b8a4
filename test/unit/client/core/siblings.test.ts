// Tabs of one browser: who transfers, who waits and for how long, who tidies up, and what strangers may say.

import { beforeEach, describe, expect, test } from "vitest";
import type { TabMessage, Tabs } from "../../../../client/core/ports.ts";
import { Siblings } from "../../../../client/core/siblings.ts";
import type { ContentId } from "../../../../client/core/vocabulary.ts";
import type { PeerId } from "../../../../tracker/protocol/ids.ts";
import { SimBrowser } from "../../../sim/tabs.ts";
import { Stage } from "./stage.ts";

const FILM = "film" as ContentId;
const name = (id: string) => id as PeerId;

let stage: Stage;
let browser: SimBrowser;
beforeEach(() => {
  stage = new Stage();
  browser = new SimBrowser();
});

class Tab {
  /** The chunk that is waited for. */
  awaited = 0;
  readonly heard: unknown[] = [];
  readonly tabs: Tabs = browser.tab(stage.clock);
  readonly siblings = new Siblings({
    clock: stage.clock,
    tabs: this.tabs,
    met: (peer) => this.heard.push(["met", peer]),
    stored: (_content, indices) => this.heard.push(["stored", ...indices]),
    gone: (_content, indices) => this.heard.push(["gone", ...indices]),
    serves: (_content, indices) => indices.includes(this.awaited),
    joined: () => this.heard.push("joined"),
    free: () => this.heard.push("free"),
  });
  get follows(): boolean {
    return this.siblings.follows(FILM);
  }
}
async function opened(...ids: readonly string[]): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (const id of ids) {
    const tab = new Tab();
    tab.siblings.open();
    tab.siblings.named(name(id));
    tabs.push(tab);
    await stage.pass(10);
  }
  for (const tab of tabs) tab.heard.length = 0;
  return tabs;
}

test("a tab that is alone waits for nobody", async () => {
  const tab = new Tab();
  tab.siblings.open();
  await stage.pass(10);
  tab.siblings.claim(FILM);
  expect(tab.follows).toBe(false);
  const done: string[] = [];
  tab.siblings.tidy(() => done.push("now"));
  expect(done).toEqual(["now"]);
});

test("tabs that come later and earlier learn of each other, by the ids that the tracker knows", async () => {
  const [first, second] = [new Tab(), new Tab()];
  first.siblings.open();
  first.siblings.named(name("one"));
  await stage.pass(10);
  second.siblings.open();
  await stage.pass(10);
  second.siblings.named(name("two"));
  await stage.pass(10);
  expect(first.heard).toEqual(["joined", ["met", "two"]]);
  expect(second.heard[0]).toEqual("joined");
  expect(second.heard).toContainEqual(["met", "one"]);
});

describe("the same content in two tabs", () => {
  test("is one's to transfer, and the other's when that one is done", async () => {
    const [first, second] = await pair();
    first.siblings.claim(FILM);
    await stage.pass(5);
    second.siblings.claim(FILM);
    expect(second.follows).toBe(true);
    await stage.pass(5);
    expect([first.follows, second.follows]).toEqual([false, true]);
    first.siblings.tell("stored", FILM, [0, 1]);
    first.siblings.giveBack(FILM);
    await stage.pass(100);
    expect(second.heard).toEqual([["stored", 0, 1], "free"]);
    expect(second.follows).toBe(false);
  });

  test("is waited for as long as what is waited for comes at least every two seconds", async () => {
    const [first, second] = await pair();
    first.siblings.claim(FILM);
    await stage.pass(5);
    second.siblings.claim(FILM);
    for (let index = 0; index < 5; index++) {
      await stage.pass(1900);
      expect(second.follows).toBe(true);
      second.awaited = index;
      first.siblings.tell("stored", FILM, [index]);
    }
    await stage.pass(2100);
    expect(second.follows).toBe(false);
    expect(second.heard.at(-1)).toBe("free");
  });

  test("is not waited for while the other tab reads another part of it", async () => {
    const [first, second] = await pair();
    first.siblings.claim(FILM);
    await stage.pass(5);
    second.awaited = 500;
    second.siblings.claim(FILM);
    for (const index of [1, 2, 3]) {
      await stage.pass(600);
      first.siblings.tell("stored", FILM, [index]);
    }
    expect(second.follows).toBe(true);
    await stage.pass(300);
    expect(second.follows).toBe(false);
  });

  test("goes to the other at once when a tab is closed", async () => {
    const [first, second] = await pair();
    first.siblings.claim(FILM);
    await stage.pass(5);
    second.siblings.claim(FILM);
    await stage.pass(5);
    first.siblings.close();
    await stage.pass(100);
    expect(second.follows).toBe(false);
  });
});

test("one tab tidies at a time, and one that finds another at it leaves it at that", async () => {
  const [first, second] = await pair();
  const done: string[] = [];
  first.siblings.tidy(() => done.push("once"));
  first.siblings.tidy(() => done.push("twice"));
  await stage.pass(10);
  expect(done).toEqual(["once"]);
  // A tab that is frozen in the middle of it.
  const thaw = first.tabs.claim("janitor", { granted: () => {}, taken: () => {} });
  await stage.pass(10);
  second.siblings.tidy(() => done.push("meanwhile"));
  await stage.pass(10);
  thaw();
  await stage.pass(10);
  expect(done).toEqual(["once"]);
  second.siblings.tidy(() => done.push("later"));
  await stage.pass(10);
  expect(done).toEqual(["once", "later"]);
});

test("what a tab stored or let go is heard in the others, and not in itself", async () => {
  const [first, second] = await pair();
  first.siblings.tell("gone", FILM, [3]);
  await stage.pass(10);
  expect([first.heard, second.heard]).toEqual([[], [["gone", 3]]]);
});

test("what is not from a tab of this release is not heard", async () => {
  const [first, second] = await pair();
  const nonsense: readonly unknown[] = [
    null,
    "stored",
    { tab: "dance" },
    { tab: "here", peer: 7 },
    { tab: "stored", content: 1, indices: [] },
    { tab: "stored", content: FILM, indices: "0" },
    { tab: "stored", content: FILM, indices: [0.5] },
    { tab: "gone", content: FILM, indices: [-1] },
    { tab: "gone", content: FILM, indices: Array(70_000).fill(0) },
  ];
  for (const message of nonsense) first.tabs.tell(message as TabMessage);
  await stage.pass(10);
  expect(second.heard).toEqual([]);
});

async function pair(): Promise<[Tab, Tab]> {
  const [first, second] = await opened("one", "two");
  if (first === undefined || second === undefined) throw new Error("no tabs");
  return [first, second];
}
