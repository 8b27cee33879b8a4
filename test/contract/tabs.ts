// The battery of the `Tabs` port: several tabs of one browser, who hear each other and share names.

import type { TabMessage, Tabs } from "../../client/core/ports.ts";
import type { ContentId } from "../../client/core/vocabulary.ts";
import { type Cases, type Pace, type Rig, runCases, same } from "./battery.ts";

export interface TabsRig extends Rig {
  /** Tabs of the same browser. */
  readonly one: Tabs;
  readonly other: Tabs;
  readonly pace: Pace;
}

const news = (index: number): TabMessage => ({
  tab: "stored",
  content: "content" as ContentId,
  indices: [index],
});

function listener() {
  const heard: string[] = [];
  return {
    heard,
    granted: () => void heard.push("granted"),
    taken: () => void heard.push("taken"),
  };
}

const CASES: Cases<TabsRig> = {
  "what one says the other hears in order, and itself not": async ({ one, other, pace }) => {
    const [mine, theirs]: [unknown[], unknown[]] = [[], []];
    one.open((message) => mine.push(message));
    other.open((message) => theirs.push(message));
    for (const index of [1, 2, 3]) one.tell(news(index));
    await pace.until("three messages", () => theirs.length === 3);
    await pace.settle();
    same(theirs, [1, 2, 3].map(news), "heard");
    same(mine, [], "heard of itself");
  },
  "one that is closed neither hears nor is heard, until it is opened again": async ({
    one,
    other,
    pace,
  }) => {
    const [mine, theirs]: [unknown[], unknown[]] = [[], []];
    one.tell(news(0));
    one.open((message) => mine.push(message));
    other.open((message) => theirs.push(message));
    one.close();
    one.close();
    one.tell(news(1));
    other.tell(news(2));
    await pace.settle();
    same([mine, theirs], [[], []], "heard");
    one.open((message) => mine.push(message));
    other.tell(news(3));
    await pace.until("the message", () => mine.length === 1);
    same(mine, [news(3)], "heard");
  },
  "a free name is granted, after `claim` has returned": async ({ one, pace }) => {
    const { heard, ...listening } = listener();
    const giveBack = one.claim("free", listening);
    same(heard, [], "heard within the call");
    await pace.until("the name", () => heard.length > 0);
    await pace.settle();
    same(heard, ["granted"], "heard");
    giveBack();
  },
  "a name is one's at a time: the other hears that it is taken, and has it when it is given back":
    async ({ one, other, pace }) => {
      const [mine, theirs] = [listener(), listener()];
      const giveBack = one.claim("shared", mine);
      await pace.until("the name", () => mine.heard.length > 0);
      const done = other.claim("shared", theirs);
      await pace.until("the refusal", () => theirs.heard.length > 0);
      await pace.settle();
      same(theirs.heard, ["taken"], "heard while it is taken");
      giveBack();
      giveBack();
      await pace.until("the name again", () => theirs.heard.length > 1);
      same([mine.heard, theirs.heard], [["granted"], ["taken", "granted"]], "heard");
      done();
    },
  "who no longer waits is not granted, and keeps nobody else waiting": async ({
    one,
    other,
    pace,
  }) => {
    const [mine, theirs, last] = [listener(), listener(), listener()];
    const giveBack = one.claim("awaited", mine);
    await pace.until("the name", () => mine.heard.length > 0);
    const stop = other.claim("awaited", theirs);
    await pace.until("the refusal", () => theirs.heard.length > 0);
    stop();
    giveBack();
    await pace.settle();
    same(theirs.heard, ["taken"], "heard");
    const done = one.claim("awaited", last);
    await pace.until("the name again", () => last.heard.length > 0);
    same(last.heard, ["granted"], "heard by the next");
    done();
  },
  "what is given back before it was granted is never heard of": async ({ one, other, pace }) => {
    const [mine, theirs] = [listener(), listener()];
    one.claim("brief", mine)();
    await pace.settle();
    same(mine.heard, [], "heard");
    const done = other.claim("brief", theirs);
    await pace.until("the name", () => theirs.heard.length > 0);
    same(theirs.heard, ["granted"], "heard by the next");
    done();
  },
};

export const tabsBattery = (make: () => TabsRig | Promise<TabsRig>): Promise<void> =>
  runCases("tabs", CASES, make);
