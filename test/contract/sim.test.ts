// The batteries on the simulator's adapters: what the core meets in the simulated world keeps the same contracts as what
// it meets in a page. No time passes but the simulated.

import { describe, test } from "vitest";
import { SimClock, Timeline } from "../sim/clock.ts";
import { simHasher } from "../sim/hasher.ts";
import { Network, type Node } from "../sim/network.ts";
import { SimOrigin } from "../sim/origin.ts";
import { SimRandom } from "../sim/random.ts";
import { SimStore } from "../sim/store.ts";
import { SimBrowser } from "../sim/tabs.ts";
import { Trace } from "../sim/trace.ts";
import { SimTracker } from "../sim/tracker.ts";
import { type Pace, patterned } from "./battery.ts";
import { clockBattery } from "./clock.ts";
import { hasherBattery } from "./hasher.ts";
import { originBattery } from "./origin.ts";
import { randomBattery } from "./random.ts";
import { storeBattery } from "./store.ts";
import { tabsBattery } from "./tabs.ts";
import { trackerConnectorBattery } from "./tracker-connector.ts";
import { transportBattery } from "./transport.ts";

/** What has not happened by then is taken as not happening: far more than any round trip in the rigs below. */
const SETTLE = 2000;
const PATIENCE = 600_000;
const PLACE = {
  networks: [],
  country: "CZ",
  continent: "EU",
  label: "CZ",
  site: "https://site.example",
};

/** Waiting is letting the world run. */
function simulated(timeline: Timeline): Pace {
  return {
    async until(what, condition) {
      await timeline.settle();
      const deadline = timeline.now + PATIENCE;
      while (!condition()) {
        if (timeline.now > deadline || !(await timeline.step())) {
          throw new Error(`waited in vain for ${what}`);
        }
      }
    },
    async settle() {
      let isOver = false;
      timeline.at(timeline.now + SETTLE, () => {
        isOver = true;
      });
      await timeline.settle();
      while (!isOver) await timeline.step();
    },
  };
}

/** A world of wires for each case. */
function world() {
  const timeline = new Timeline();
  const trace = new Trace();
  const random = new SimRandom("contract");
  const network = new Network({ timeline, trace, random: random.fork("network"), unlinkable: 0 });
  const node = (name: string): Node =>
    network.node(name, { up: 1_000_000, down: 5_000_000, latency: 15 });
  return { timeline, trace, random, node, pace: simulated(timeline) };
}

test("the simulated clock keeps its contract", () =>
  clockBattery(() => {
    const timeline = new Timeline();
    return { clock: new SimClock(timeline), pace: simulated(timeline) };
  }));

test("the simulated dice keep their contract", () =>
  randomBattery(() => ({ random: new SimRandom("contract") })));

test("the simulated hasher keeps its contract", () => hasherBattery(() => ({ hasher: simHasher })));

describe("the simulated store keeps its contract", () => {
  /** The store's battery waits for promises alone, so time runs while there is a case. */
  function running() {
    const timeline = new Timeline();
    let isOver = false;
    void (async () => {
      while (!isOver) if (!(await timeline.step())) await timeline.settle();
    })();
    const end = (): void => {
      isOver = true;
    };
    return { clock: new SimClock(timeline), end };
  }
  test.each([0, 3])("with a latency of %i ms", (latency) =>
    storeBattery(() => {
      const { clock, end } = running();
      const store = new SimStore({ clock, room: 1_000_000, latency });
      return { store, room: 1_000_000, reopen: () => store.reopen(clock), end };
    }),
  );
});

test("the simulated origin keeps its contract", () =>
  originBattery(() => {
    const { timeline, trace, node, pace } = world();
    const origins = [0, 1].map(
      () => new SimOrigin(timeline, trace, { up: 1_000_000, latency: 10 }),
    );
    const [sound, dead] = origins;
    if (sound === undefined || dead === undefined) throw new Error("two origins");
    const bytes = patterned(300_000);
    sound.put("https://site.example/asset", bytes);
    dead.behaviour = "refuse";
    const [reader, other] = [sound.for(node("reader")), dead.for(node("other"))];
    return {
      origin: {
        read: (request, listener) =>
          (request.url.includes("dead") ? other : reader).read(request, listener),
      },
      pace,
      asset: { url: "https://site.example/asset", bytes },
      versioned: "https://site.example/asset",
      missing: "https://site.example/nothing",
      unreachable: "https://dead.example/asset",
    };
  }));

test("the simulated tabs keep their contract", () =>
  tabsBattery(() => {
    const timeline = new Timeline();
    const browser = new SimBrowser();
    const tab = () => browser.tab(new SimClock(timeline));
    return { one: tab(), other: tab(), pace: simulated(timeline) };
  }));

test("the simulated wires keep the transport's contract", () =>
  transportBattery(() => {
    const { node, pace } = world();
    return { one: node("one"), other: node("other"), pace };
  }));

test("the simulated tracker's connections keep their contract", () =>
  trackerConnectorBattery(() => {
    const { timeline, trace, random, node, pace } = world();
    const tracker = () =>
      new SimTracker(timeline, trace, random.fork("tracker"), { latency: 5, strangers: () => {} });
    const [here, nowhere] = [tracker(), tracker()];
    nowhere.kill();
    const visitor = node("visitor");
    const [up, down] = [here.connector(visitor, PLACE), nowhere.connector(visitor, PLACE)];
    return {
      connector: {
        connect: (url, listener) =>
          (url === "wss://here.example/" ? up : down).connect(url, listener),
      },
      pace,
      url: "wss://here.example/",
      refused: "wss://nowhere.example/",
      question: JSON.stringify({ type: "hello", version: 1, secret: "A".repeat(27) }),
      hangUp: () => here.kill(),
      end: () => here.close(),
    };
  }));
