// The battery of the `TrackerConnector` port. What the far end speaks is the rig's: an echo, or the real tracker.

import type { TrackerConnector, TrackerLink, TrackerListener } from "../../client/core/ports.ts";
import { type Cases, type Pace, type Rig, runCases, same } from "./battery.ts";

export interface TrackerConnectorRig extends Rig {
  readonly connector: TrackerConnector;
  readonly pace: Pace;
  /** Somebody listens here, */
  readonly url: string;
  /** and answers this text with at least one text. */
  readonly question: string;
  /** Nobody listens here. */
  readonly refused: string;
  /** Makes the far end close every connection. */
  hangUp(): void;
}

class Ear implements TrackerListener {
  readonly heard: string[] = [];
  readonly link: TrackerLink;
  constructor(connector: TrackerConnector, url: string) {
    this.link = connector.connect(url, this);
  }
  open(): void {
    this.heard.push("open");
  }
  text(data: string): void {
    this.heard.push(typeof data === "string" ? "text" : "not a text");
  }
  closed(): void {
    this.heard.push("closed");
  }
}

const CASES: Cases<TrackerConnectorRig> = {
  "a connection opens once, then carries texts": async ({ connector, pace, url, question }) => {
    const ear = new Ear(connector, url);
    await pace.until("open", () => ear.heard.length > 0);
    ear.link.send(question);
    await pace.until("an answer", () => ear.heard.includes("text"));
    same(ear.heard.slice(0, 2), ["open", "text"], "calls");
    ear.link.close();
  },
  "where nobody listens, closed comes alone": async ({ connector, pace, refused }) => {
    const ear = new Ear(connector, refused);
    await pace.until("closed", () => ear.heard.length > 0);
    await pace.settle();
    same(ear.heard, ["closed"], "calls");
    ear.link.close();
  },
  "an impossible address is refused like any other": async ({ connector, pace }) => {
    const ear = new Ear(connector, "not an address");
    same(ear.heard, [], "calls before connect returned");
    await pace.until("closed", () => ear.heard.length > 0);
    await pace.settle();
    same(ear.heard, ["closed"], "calls");
  },
  "the far end hanging up is heard once": async ({ connector, pace, url, hangUp }) => {
    const ear = new Ear(connector, url);
    await pace.until("open", () => ear.heard.length > 0);
    hangUp();
    await pace.until("closed", () => ear.heard.includes("closed"));
    ear.link.send("too late");
    ear.link.close();
    await pace.settle();
    same(
      ear.heard.filter((call) => call !== "text"),
      ["open", "closed"],
      "calls",
    );
  },
  "closing is silent, whenever it happens": async ({ connector, pace, url }) => {
    const early = new Ear(connector, url);
    early.link.send("too early");
    early.link.close();
    const ear = new Ear(connector, url);
    await pace.until("open", () => ear.heard.length > 0);
    const before = ear.heard.length;
    ear.link.close();
    ear.link.close();
    ear.link.send("too late");
    await pace.settle();
    same(early.heard, [], "calls on the connection closed at once");
    same(ear.heard.length, before, "calls after close");
  },
};

/** Throws at the first case `make`'s connectors fail. */
export function trackerConnectorBattery(
  make: () => TrackerConnectorRig | Promise<TrackerConnectorRig>,
): Promise<void> {
  return runCases("TrackerConnector", CASES, make);
}
