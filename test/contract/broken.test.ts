// That the batteries can fail: for each port an adapter that passes, and the same one broken in a way that has
// happened to somebody. If a battery accepts the broken one, it proves nothing about the others.

import { describe, expect, test } from "vitest";
import { browserClock } from "../../client/browser/clock.ts";
import { webCryptoHasher } from "../../client/browser/hasher.ts";
import { browserRandom } from "../../client/browser/random.ts";
import { memoryStore } from "../../client/browser/store-memory.ts";
import type {
  Clock,
  Hasher,
  Origin,
  Random,
  Store,
  Tabs,
  TrackerConnector,
  Transport,
} from "../../client/core/ports.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import { realTime } from "../support/pace.ts";
import { patterned } from "./battery.ts";
import { clockBattery } from "./clock.ts";
import { hasherBattery } from "./hasher.ts";
import { loopbackTracker, loopbackTransport } from "./loopback.ts";
import { originBattery } from "./origin.ts";
import { randomBattery } from "./random.ts";
import { storeBattery } from "./store.ts";
import { tabsBattery } from "./tabs.ts";
import { trackerConnectorBattery } from "./tracker-connector.ts";
import { transportBattery } from "./transport.ts";

describe("the clock's battery", () => {
  const battery = (clock: Clock) => clockBattery(() => ({ clock, pace: realTime }));

  test("rejects timers that cut off fractions and overflow", async () => {
    const naive: Clock = {
      now: () => performance.now(),
      date: () => Date.now(),
      after(delay, task) {
        const timer = setTimeout(task, Math.floor(delay / 2));
        return () => clearTimeout(timer);
      },
    };
    await expect(battery(naive)).rejects.toThrow("not before its delay has passed");
  });
  test("rejects a clock whose cancel does nothing", async () => {
    const clock = browserClock();
    await expect(
      battery({
        now: () => clock.now(),
        date: () => clock.date(),
        after(delay, task) {
          clock.after(delay, task);
          return () => {};
        },
      }),
    ).rejects.toThrow("a cancelled task never runs");
  });
});

test("the dice's battery rejects bytes that stop at 64 KiB", async () => {
  const random = browserRandom();
  const broken: Random = {
    unit: () => random.unit(),
    bytes(count) {
      const drawn = new Uint8Array(count);
      drawn.set(random.bytes(Math.min(count, 65_536)));
      return drawn;
    },
  };
  await expect(randomBattery(() => ({ random: broken }))).rejects.toThrow("to the last of them");
});

test("the hasher's battery rejects one that hashes the buffer behind a view", async () => {
  const hasher = webCryptoHasher();
  if (hasher === null) throw new Error("no WebCrypto in this Node");
  const broken: Hasher = {
    sha256: (data) => hasher.sha256(new Uint8Array(data.buffer)),
    verify: (key, signature, data) => hasher.verify(key, signature, data),
  };
  await expect(hasherBattery(() => ({ hasher: broken }))).rejects.toThrow("as the view alone");
});

describe("the store's battery", () => {
  const battery = (spoil: (store: Store) => Partial<Store>) =>
    storeBattery(() => {
      const store = memoryStore(100_000_000);
      return { store: { ...store, ...spoil(store) } };
    });

  test("accepts the store that is broken below", async () => {
    await battery(() => ({}));
  });
  test("rejects one that hands out the buffer it keeps", async () => {
    const kept = new Map<string, Bytes>();
    const sharing = (store: Store): Partial<Store> => ({
      async put(entries) {
        for (const [key, data] of entries) kept.set(key, data.slice());
        return store.put(entries);
      },
      get: async (key) => ((await store.get(key)) === undefined ? undefined : kept.get(key)),
    });
    await expect(battery(sharing)).rejects.toThrow("the receiver's to change");
  });
  test("rejects one that stores half of what does not fit", async () => {
    const half = storeBattery(() => {
      const store = memoryStore(1_000_000);
      const put: Store["put"] = async (entries) => {
        for (const entry of entries) {
          const answer = await store.put([entry]);
          if (answer !== "stored") return answer;
        }
        return "stored";
      };
      return { store: { ...store, put }, room: 1_000_000 };
    });
    await expect(half).rejects.toThrow("refused as a whole");
  });
});

describe("the origin's battery", () => {
  const bytes = patterned(100_000);
  /** An origin without a network that knows one asset. */
  const origin: Origin = {
    read({ url, range, unless }, listener) {
      let isOver = false;
      setImmediate(() => {
        if (isOver) return;
        if (url === "dead:") return listener.end({ kind: "unreachable" });
        if (url !== "asset:") return listener.end({ kind: "status", status: 404 });
        const headers = { etag: '"1"' };
        if (unless?.etag === headers.etag) {
          return listener.end({ kind: "status", status: 304, headers });
        }
        const first = range === "whole" ? 0 : range.first;
        if (first >= bytes.length) return listener.end({ kind: "status", status: 416 });
        listener.start({ offset: first, total: bytes.length, headers });
        if (isOver) return;
        listener.bytes(bytes.slice(first, range === "whole" ? bytes.length : range.last + 1));
        if (!isOver) listener.end({ kind: "complete" });
      });
      return () => {
        isOver = true;
      };
    },
  };
  const battery = (tested: Origin) =>
    originBattery(() => ({
      origin: tested,
      pace: realTime,
      asset: { url: "asset:", bytes },
      versioned: "asset:",
      missing: "missing:",
      unreachable: "dead:",
    }));

  test("accepts the origin that is broken below", async () => {
    await battery(origin);
  });
  test("rejects one that goes on after a cancel", async () => {
    const deaf: Origin = {
      read(request, listener) {
        origin.read(request, listener);
        return () => {};
      },
    };
    await expect(battery(deaf)).rejects.toThrow("cancelled at once stays silent");
  });
  test("rejects one that does not ask with its condition", async () => {
    const blunt: Origin = {
      read: ({ unless: _unless, ...request }, listener) => origin.read(request, listener),
    };
    await expect(battery(blunt)).rejects.toThrow("known already is a 304");
  });
  test("rejects one that calls a range's bytes the asset's beginning", async () => {
    const shifted: Origin = {
      read: (request, listener) =>
        origin.read(request, {
          start: ({ total }) => listener.start({ offset: 0, total }),
          bytes: (data) => listener.bytes(data),
          end: (outcome) => listener.end(outcome),
        }),
    };
    await expect(battery(shifted)).rejects.toThrow("exactly that range");
  });
});

test("the battery of tabs rejects one that hears itself", async () => {
  const heard = new Set<(message: unknown) => void>();
  const echoing = (): Tabs => ({
    open: (listener) => void heard.add(listener),
    tell: (message) => {
      for (const listener of heard) setImmediate(() => listener(message));
    },
    claim: () => () => {},
    close: () => heard.clear(),
  });
  const make = () => ({ one: echoing(), other: echoing(), pace: realTime });
  await expect(tabsBattery(make)).rejects.toThrow("and itself not");
});

describe("the transport's battery", () => {
  const battery = (spoil: (transport: Transport) => Transport) =>
    transportBattery(() => {
      const transport = spoil(loopbackTransport());
      return { one: transport, other: transport, pace: realTime };
    });

  test("accepts the transport that is broken below", async () => {
    await battery((transport) => transport);
  });
  test("rejects one that tells the closing end that it closed", async () => {
    const chatty = battery((transport) => ({
      ...transport,
      open(role, listener) {
        const link = transport.open(role, listener);
        return {
          accept: (signal) => link.accept(signal),
          send: (frame) => link.send(frame),
          close() {
            link.close();
            listener.closed("remote");
          },
        };
      },
    }));
    await expect(chatty).rejects.toThrow("heard by the other end alone");
  });
  test("rejects one that never says congested", async () => {
    const endless = battery((transport) => ({
      ...transport,
      open(role, listener) {
        const link = transport.open(role, listener);
        return {
          accept: (signal) => link.accept(signal),
          send: (frame) => (link.send(frame) === "closed" ? "closed" : "sent"),
          close: () => link.close(),
        };
      },
    }));
    await expect(endless).rejects.toThrow("never said congested");
  });
  test("rejects one that keeps the frame it was given", async () => {
    const sticky = battery((transport) => ({
      ...transport,
      open(role, listener) {
        const link = transport.open(role, listener);
        return {
          accept: (signal) => link.accept(signal),
          send(frame) {
            // Large ones as they should be: another sentence is about them.
            if (frame.length > 1000) return link.send(frame);
            setImmediate(() => link.send(frame));
            return "sent";
          },
          close: () => link.close(),
        };
      },
    }));
    await expect(sticky).rejects.toThrow("used again");
  });
  test("rejects one that says congested below the mark", async () => {
    const timid = battery((transport) => ({
      ...transport,
      open(role, listener) {
        const link = transport.open(role, listener);
        return {
          accept: (signal) => link.accept(signal),
          send: (frame) => (link.send(frame) === "closed" ? "closed" : "congested"),
          close: () => link.close(),
        };
      },
    }));
    await expect(timid).rejects.toThrow("above its mark, not before");
  });
});

describe("the tracker connector's battery", () => {
  const battery = (spoil: (connector: TrackerConnector) => TrackerConnector) =>
    trackerConnectorBattery(() => {
      const { connector, hangUp } = loopbackTracker("here:");
      return {
        connector: spoil(connector),
        pace: realTime,
        url: "here:",
        refused: "elsewhere:",
        question: "anybody there?",
        hangUp,
      };
    });

  test("accepts the connector that is broken below", async () => {
    await battery((connector) => connector);
  });
  test("rejects one that answers its own close", async () => {
    const chatty = battery((connector) => ({
      connect(url, listener) {
        const link = connector.connect(url, listener);
        return {
          send: (text) => link.send(text),
          close() {
            link.close();
            listener.closed();
          },
        };
      },
    }));
    await expect(chatty).rejects.toThrow("calls: expected");
  });
});
