// The batteries of test/contract on the adapters of client/browser, for a page to run by name. Whatever they need
// from outside (addresses of servers) comes with the call.

import { browserTabs } from "../../../client/browser/browser-tabs.ts";
import { browserClock } from "../../../client/browser/clock.ts";
import { webCryptoHasher } from "../../../client/browser/hasher.ts";
import { fetchOrigin } from "../../../client/browser/origin-fetch.ts";
import { browserRandom } from "../../../client/browser/random.ts";
import { idbStore } from "../../../client/browser/store-idb.ts";
import { memoryStore } from "../../../client/browser/store-memory.ts";
import { webSocketConnector } from "../../../client/browser/tracker-websocket.ts";
import { webRtcTransport } from "../../../client/browser/transport-simple-peer.ts";
import { patterned } from "../../contract/battery.ts";
import { clockBattery } from "../../contract/clock.ts";
import { hasherBattery } from "../../contract/hasher.ts";
import { originBattery } from "../../contract/origin.ts";
import { randomBattery } from "../../contract/random.ts";
import { storeBattery } from "../../contract/store.ts";
import { tabsBattery } from "../../contract/tabs.ts";
import { trackerConnectorBattery } from "../../contract/tracker-connector.ts";
import { transportBattery } from "../../contract/transport.ts";
import { pagePace } from "./pace.ts";

export const clock = (): Promise<void> =>
  clockBattery(() => ({ clock: browserClock(), pace: pagePace }));

export const random = (): Promise<void> => randomBattery(() => ({ random: browserRandom() }));

export const hasher = (): Promise<void> =>
  hasherBattery(() => {
    const hasher = webCryptoHasher();
    if (hasher === null) throw new Error("no WebCrypto in this page");
    return { hasher };
  });

export const memory = (): Promise<void> =>
  storeBattery(() => ({ store: memoryStore(1_000_000), room: 1_000_000 }));

export const tabs = (): Promise<void> =>
  tabsBattery(() => {
    const [one, other] = [browserTabs(), browserTabs()];
    if (one === null || other === null) throw new Error("no locks or channels in this page");
    const end = (): void => {
      one.close();
      other.close();
    };
    return { one, other, pace: pagePace, end };
  });

let databases = 0;

export const indexed = (): Promise<void> =>
  storeBattery(() => {
    const database = `battery-${databases++}`;
    const open = () =>
      idbStore({
        database,
        memoryLimit: 0,
        onFallback: (reason) => {
          throw new Error(`fell back: ${reason}`);
        },
      });
    const store = open();
    return { store, reopen: open, end: () => store.close() };
  });

export interface OriginAddresses {
  readonly asset: string;
  readonly versioned: string;
  readonly missing: string;
  readonly unreachable: string;
  readonly rangeless: string;
  readonly cut: string;
  /** The asset's bytes are `patterned(length)`. */
  readonly length: number;
}

export const origin = ({ asset, length, ...others }: OriginAddresses): Promise<void> =>
  originBattery(() => ({
    origin: fetchOrigin(fetch),
    pace: pagePace,
    asset: { url: asset, bytes: patterned(length) },
    ...others,
  }));

export const transport = (): Promise<void> =>
  transportBattery(() => {
    const transport = webRtcTransport({ iceServers: [] });
    if (transport === null) throw new Error("no WebRTC in this page");
    return { one: transport, other: transport, pace: pagePace };
  });

export interface EchoAddresses {
  readonly url: string;
  readonly refused: string;
}

declare global {
  /** Given by the spec: makes the echo server close its connections. */
  var hangUp: () => Promise<void>;
}

export const tracker = (addresses: EchoAddresses): Promise<void> =>
  trackerConnectorBattery(() => ({
    connector: webSocketConnector(),
    pace: pagePace,
    question: "anybody there?",
    hangUp: () => void globalThis.hangUp(),
    ...addresses,
  }));
